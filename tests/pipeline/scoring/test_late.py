"""Late interaction: numbers worked by hand on two parts and two axes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.trace import Grain
from likebut.pipeline.scoring import late

X, Y = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
SLANT = np.array([0.6, 0.8], np.float32)


def grain(vector: Any, role: str = "region/desired", weight: float = 1.0) -> Grain:
    return Grain(role, role, weight, vector)


def views(*parts: Any, whole: Any) -> late.Views:
    return late.Views(np.stack(parts)[None], whole[None])


def test_max_is_the_part_that_fits_best() -> None:
    met = late.meet("max", [grain(X), grain(Y)], views(SLANT, X, whole=SLANT), {})
    assert met.scores[:, 0] == pytest.approx([1.0, 0.8])
    assert met.places[:, 0].tolist() == [1, 0]


def test_the_whole_picture_is_one_of_the_parts_for_max_and_stands_behind_them() -> None:
    met = late.meet("max", [grain(X)], views(Y, SLANT, whole=X), {})
    assert met.scores[0, 0] == pytest.approx(1.0)
    assert met.places[0, 0] == 2


def test_soft_weighs_parts_by_how_well_they_fit() -> None:
    met = late.meet("soft", [grain(X)], views(X, Y, whole=Y), {"temperature": 1.0})
    share = np.e / (np.e + 1)  # of the part with 1 beside the part with 0
    assert met.scores[0, 0] == pytest.approx(share)


def test_soft_at_a_low_temperature_is_max() -> None:
    met = late.meet("soft", [grain(X)], views(SLANT, Y, whole=X), {"temperature": 0.001})
    assert met.scores[0, 0] == pytest.approx(0.6)


def test_composed_adds_the_part_that_was_met_to_the_whole() -> None:
    met = late.meet("composed", [grain(X)], views(X, Y, whole=Y), {})
    assert met.scores[0, 0] == pytest.approx(1 / np.sqrt(2))  # x . unit(y + x)
    assert met.places[0, 0] == 0


def test_composed_shares_itself_out_among_several_grains() -> None:
    met = late.meet("composed", [grain(X), grain(Y)], views(X, Y, whole=X), {})
    whole = X + 0.5 * X + 0.5 * Y  # both meet their part at 1, so half each
    assert met.scores[:, 0] == pytest.approx(whole / np.linalg.norm(whole))


def test_transport_costs_nothing_where_every_text_has_its_part() -> None:
    met = late.meet("transport", [grain(X), grain(Y)], views(X, Y, whole=X), {"temperature": 1e-3})
    assert met.scores.sum() == pytest.approx(0.0, abs=1e-6)


def test_transport_counts_both_directions() -> None:
    met = late.meet("transport", [grain(X)], views(Y, whole=X), {"temperature": 1.0})
    share = 1 / (1 + np.e)  # of the part with 0 beside the whole with 1; the other way there is one text
    assert met.scores[0, 0] == pytest.approx(-(share + 1.0))


def test_transport_moves_texts_towards_the_sentence_by_its_share_of_the_weights() -> None:
    texts = [grain(X, "region/rewrites", 0.55), grain(Y, late.SENTENCE, 0.45)]
    met = late.meet("transport", texts, views(Y, whole=Y), {"temperature": 1.0})
    moved = 0.45 / np.hypot(0.55, 0.45)
    assert met.scores[0, 0] == pytest.approx(-(0.5 + 0.5 + 2) * (1 - moved))
    assert met.scores[1, 0] == 0.0  # it only moves the others


def test_many_items_are_as_each_by_itself() -> None:
    rng = np.random.default_rng(0)
    parts = rng.normal(size=(300, 5, 8)).astype(np.float32)
    whole = rng.normal(size=(300, 8)).astype(np.float32)
    texts = [grain(vector) for vector in rng.normal(size=(3, 8)).astype(np.float32)]
    for form in late.FORMS:
        met = late.meet(form, texts, late.Views(parts, whole), {})
        for at in (0, 127, 128, 299):
            alone = late.meet(form, texts, late.Views(parts[at : at + 1], whole[at : at + 1]), {})
            assert met.scores[:, at] == pytest.approx(alone.scores[:, 0], abs=1e-4), form
            assert met.places[:, at].tolist() == alone.places[:, 0].tolist()


@pytest.mark.parametrize(
    ("form", "numbers", "told"),
    [
        ("sofd", {}, "no form 'sofd'"),
        ("max", {"temperature": 0.1}, "has no number 'temperature'"),
        ("soft", {"temperature": 0.0}, "temperature 0 is no temperature"),
    ],
)
def test_an_unknown_form_or_number_is_named(form: str, numbers: dict[str, float], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        late.check(form, numbers, "recipe.toml: [regions]")
