"""A server whose profile has a light query side: its page says who encoded the texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from likebut.pipeline.setup.names import Setup
from likebut.pipeline.stages.composer import Composer
from tests.pipeline.colours import with_light_side
from tests.pipeline.report.browser import PROGRAM
from tests.pipeline.server.browsing import opened
from tests.pipeline.server.conftest import Opening, opening_colours, running

WORDS = "small colours, mapped: 90"


def opening_light(folder: Path) -> Opening:
    """As `opening_colours`, with the texts by another encoder."""
    plain = opening_colours(folder)

    def opening(setup: Setup, *args: Any, **named: Any) -> Composer:
        return with_light_side(plain(setup, *args, **named))

    return opening


def test_no_question_waits_for_the_big_tower_and_answers_say_whose_texts_they_are(tmp_path: Path) -> None:
    with running(tmp_path, opening=opening_light(tmp_path)) as site:
        session = site.begin()
        found = site.step(session, do="but", sentence="a red square")
    assert found["trace"]["light"] == {"tower": "small colours", "agreement": 0.9}
    assert found["hits"]
    place = next(iter(site.service.galleries.places.values()))
    composer = site.service.galleries.opened(place)
    assert composer
    assert composer.encoder._encoder is None


@pytest.mark.skipif(PROGRAM is None, reason="no chromium on the PATH")
def test_the_page_says_whose_texts_they_are(tmp_path: Path) -> None:
    with (
        running(tmp_path / "site", opening=opening_light(tmp_path / "site")) as site,
        opened(tmp_path / "chromium", f"http://127.0.0.1:{site.port}") as app,
    ):
        app.visit()
        app.say("a red square")
        assert f"Textsby {WORDS} % of the ten nearest are right" in app.run("understood.textContent")
        assert app.page.errors == []
