"""Bars: signed shares on one scale, worked out by hand."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from likebut.indexes.contract import Box
from likebut.pipeline.records.trace import Hit, Trace
from likebut.pipeline.report.pages import bars, name_of, outlined, shares_by_role, thumbnail


def test_shares_are_added_up_per_role(trace: Trace) -> None:
    shares = shares_by_role(trace, trace.ranking.hits[0])
    assert shares == {"target_caption": 0.6, "forbidden": -0.2, "reference": 0.1}


def test_bars_share_one_scale_with_the_negative_part_left_of_zero(trace: Trace) -> None:
    first, second = bars(trace)
    # lowest −0.2, highest 0.7: the span is 0.9 and zero lies at 0.2 / 0.9
    assert first.zero == second.zero == pytest.approx(100 * 0.2 / 0.9)
    target, forbidden, reference = first.segments
    assert (target.left, target.width) == pytest.approx((100 * 0.2 / 0.9, 100 * 0.6 / 0.9))
    assert (forbidden.left, forbidden.width) == pytest.approx((0, 100 * 0.2 / 0.9))
    assert reference.left == pytest.approx(100 * 0.8 / 0.9)


def test_an_unreadable_picture_has_no_thumbnail() -> None:
    assert thumbnail("/nowhere/at/all.png") == ""


def test_the_part_that_a_region_met_is_outlined_in_the_colour_of_its_role(tmp_path: Path) -> None:
    Image.new("RGB", (100, 100), "white").save(tmp_path / "white.png")
    name = "region/desired:cat"
    hit = Hit(1, 0, "w", str(tmp_path / "white.png"), 1.0, {name: 1.0}, boxes={name: Box(0.5, 0.5, 1, 1)})
    data = base64.b64decode(outlined(hit).partition(",")[2])
    shown = Image.open(io.BytesIO(data)).convert("RGB")
    red, green, _blue = shown.getpixel((51, 75))
    assert green > 100 > red, "its left edge is of the colour of desired"
    assert all(value > 240 for value in shown.getpixel((25, 25))), "outside nothing is drawn"
    assert all(value > 240 for value in shown.getpixel((75, 75))), "nor inside"


def test_a_hit_without_regions_is_its_thumbnail(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), "white").save(tmp_path / "white.png")
    path = str(tmp_path / "white.png")
    assert outlined(Hit(1, 0, "w", path, 1.0)) == thumbnail(path)


@pytest.mark.parametrize(
    ("grain", "name"),
    [
        ("modification", "sentence"),
        ("region/desired:a/c unit", "desired: a/c unit (parts)"),
        ("desired:a/c unit", "desired: a/c unit"),
        ("caption/target_caption", "target caption (captions)"),
    ],
)
def test_a_grain_is_called_by_its_role_and_side(grain: str, name: str) -> None:
    assert name_of(grain) == name
