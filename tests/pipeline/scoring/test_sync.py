"""Captions of hits mended by others, worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from likebut.pipeline.config.files import load_recipe
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.records.trace import Grain
from likebut.pipeline.scoring import linear, sync
from likebut.pipeline.scoring.contract import Candidates
from tests.pipeline.colours import colour_composer
from tests.pipeline.scoring.bare import Bare

X, Y, D, NONE = [1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [0.0, 0.0]


class Both(Bare):
    """A gallery of pictures and captions."""

    def __init__(self, pictures: list[list[float]], captions: list[list[float]]) -> None:
        super().__init__([np.array(pictures, np.float16)])
        rows = np.array(captions, np.float16)
        self.captions = Bare([rows[:1], rows[1:]])

    def side(self, name: str) -> Bare | None:
        return self.captions if name == "captions" else self


def found(
    share: float, shortlist: int, nearest: int = 1, roles: tuple[str, ...] = ("t", "caption/t")
) -> Any:
    """Pictures x, y and (0.6, 0.8), whose captions say y, x and nothing; x is asked for."""
    grains = [Grain(role, role, 1.0, np.array(X, np.float32)) for role in roles]
    gallery = Both([X, Y, D], [Y, X, NONE])
    numbers = {"nearest": nearest, "share": share, "shortlist": shortlist}
    parts = sync.score(Candidates(grains, gallery), numbers)  # type: ignore[arg-type]
    return {name: [round(float(v), 3) for v in values] for name, values in parts.items()}


def test_a_wrong_caption_is_averaged_with_the_one_nearest_to_its_picture() -> None:
    # nearest to x is the second caption, x: (x + y)/2 gives 0.5 for 0. Nearest to y is the first: 0.5
    # for 1. The third picture has no caption: nearest is y (0.8 against 0.6), and counts alone.
    parts = found(0.5, 3)
    assert parts["t"] == [1.0, 0.0, 0.6]
    assert parts["caption/t"] == [0.5, 0.5, 0.0]
    assert parts["below the shortlist"] == [0.0, 0.0, 0.0]


def test_a_caption_may_be_replaced_and_the_nearest_are_averaged() -> None:
    assert found(1.0, 3)["caption/t"] == [1.0, 0.0, 0.0]
    assert found(1.0, 3, nearest=2)["caption/t"] == [0.5, 0.5, 0.5]
    assert found(1.0, 3, nearest=9)["caption/t"] == [0.5, 0.5, 0.5]  # of two captions
    assert found(0.0, 3)["caption/t"] == [0.0, 1.0, 0.0]


def test_nothing_outside_the_shortlist_passes_what_is_in_it() -> None:
    # linear: 1, 1, 0.6, so the third is outside; the second falls to 0.5, and the third behind it
    parts = found(0.5, 2)
    assert parts["caption/t"] == [0.5, 0.5, 0.0]
    assert parts["below the shortlist"] == [0.0, 0.0, -0.1]
    assert [round(sum(column), 3) for column in zip(*parts.values(), strict=True)] == [1.5, 0.5, 0.5]


def test_without_a_grain_of_captions_there_is_nothing_to_mend() -> None:
    assert found(0.5, 3, roles=("t",)) == {}


def test_neighbours_are_those_of_a_whole_sort_over_any_cut_of_the_gallery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    captions = rng.standard_normal((50, 8)).astype(np.float32)
    captions[::7] = captions[20] = 0
    pictures = rng.standard_normal((4, 8)).astype(np.float32)
    cosines = np.where(captions.any(1), pictures @ captions.T, -np.inf)
    wanted = [set(row) for row in np.argsort(-cosines, axis=1)[:, :6].tolist()]
    monkeypatch.setattr(linear, "AT_ONCE", 9)
    rows = sync.neighbours(pictures, [captions[:20], captions[20:21], captions[21:]], 6)
    assert [set(row) for row in rows.tolist()] == wanted


def test_a_gallery_is_searched_with_its_captions_mended(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path, recipe=load_recipe("sync"))
    trace = composer.ask(tmp_path / "gallery" / "red.png", "make it blue", k=3)
    assert Path(trace.ranking.hits[0].path).stem == "blue"
    assert {"target_caption", "caption/target_caption"} <= set(trace.ranking.hits[0].shares)
    for hit in trace.ranking.hits:
        assert hit.score == pytest.approx(sum(hit.shares.values()))


def test_a_gallery_without_captions_is_told_which_command_writes_them(tmp_path: Path) -> None:
    composer = colour_composer(tmp_path)
    other = colour_composer(tmp_path, recipe=load_recipe("text-only"))
    with pytest.raises(ConfigError, match="recipe sync scores captions, and the index in"):
        type(composer)(load_recipe("sync"), "test", other.captioner, other.reasoner, other.encoder).on(
            tmp_path / "index"
        )


def test_the_quick_linear_score_is_the_exact_one_to_a_float(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    pictures, captions = (rng.standard_normal((40, 8)).tolist() for _ in range(2))
    vectors = rng.standard_normal((3, 8)).astype(np.float32)
    grains = [
        Grain(n, n, w, v) for n, w, v in zip(("a", "b", "caption/a"), (1, -0.5, 2), vectors, strict=True)
    ]
    asked = Candidates(grains, Both(pictures, captions))  # type: ignore[arg-type]
    monkeypatch.setattr(linear, "AT_ONCE", 7)
    quick, exact = linear.score_all(asked), linear.score(asked, {})
    assert list(quick) == list(exact)
    for name, values in exact.items():
        assert quick[name] == pytest.approx(values, abs=1e-5)
