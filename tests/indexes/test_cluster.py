"""What a cluster is given to do, and what is said where there is none; needs no Ray."""

import sys

import pytest

from likebut.indexes.cluster import Layout, alone, layout, opened
from likebut.indexes.errors import GalleryError


def test_every_gpu_has_a_tower_and_the_other_cores_read():
    assert layout([{"CPU": 16, "GPU": 2}, {"CPU": 8}]) == Layout(2, 1, 1, 22)


def test_a_machine_with_more_gpus_than_cores_to_spare_reserves_none_for_its_towers():
    assert layout([{"CPU": 4, "GPU": 8}]) == Layout(8, 1, 0, 4)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([{"CPU": 2}], Layout(1, 0, 1, 1)),
        ([{"CPU": 1}], Layout(1, 0, 0, 1)),
        ([{"CPU": 16}], Layout(2, 0, 4, 8)),
        (
            [{"CPU": 16}, {"CPU": 4}],
            Layout(3, 0, 2, 14),
        ),  # no tower is larger than half the smallest machine
        ([{"CPU": 2}, {"CPU": 0}, {}], Layout(1, 0, 1, 1)),  # a head that only directs
    ],
)
def test_without_gpus_half_of_the_cores_read_and_towers_have_four_at_most(nodes, expected):
    assert layout(nodes) == expected


def test_where_nobody_reads_a_tower_takes_as_many_gpus_as_its_model():
    assert alone([{"CPU": 16, "GPU": 8}, {"CPU": 16, "GPU": 3}], 2) == Layout(5, 2, 1, 0)
    assert alone([{"CPU": 2, "GPU": 8}]) == Layout(8, 1, 0, 0)
    with pytest.raises(GalleryError, match="takes 4 GPUs, and no machine of the Ray cluster has as many"):
        alone([{"CPU": 16, "GPU": 2}], 4)


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([{"CPU": 2}], Layout(2, 0, 1, 0)),
        ([{"CPU": 1}], Layout(1, 0, 1, 0)),
        ([{"CPU": 16}, {"CPU": 8}], Layout(6, 0, 4, 0)),
    ],
)
def test_without_gpus_it_takes_up_to_four_cores(nodes, expected):
    assert alone(nodes) == expected


def test_a_cluster_without_a_processor_is_no_place_to_work():
    with pytest.raises(GalleryError, match="no processor"):
        layout([{"GPU": 1, "CPU": 0}])


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(GalleryError, match="needs the package ray") as problem, opened("local"):
        pass
    assert "likebut[ray]" in problem.value.hint
    assert problem.value.exit_code == 4
