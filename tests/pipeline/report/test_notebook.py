"""What a notebook shows: pictures within the text, names escaped, nothing that runs, and not too much."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from xml.etree import ElementTree

from PIL import Image

from likebut.pipeline.records.dialogue import Dialogue, Step, Turn
from likebut.pipeline.records.trace import Hit, Intent, Query, Ranking, Trace
from likebut.pipeline.report.notebook import MOST, SIDE, Hits, dialogue_html, hits_html

HOSTILE = '<script>alert("x")</script>\udcff'
_DATA = re.compile(r'src="data:image/webp;base64,([^"]*)"')


def pictures(html: str) -> list[Image.Image]:
    return [Image.open(io.BytesIO(base64.b64decode(code))) for code in _DATA.findall(html)]


def hits(drawn: Path, count: int) -> list[Hit]:
    names = [f"scene-{number:05d}.png" for number in range(count)]
    return [Hit(n, n, name, str(drawn / name), 0.5) for n, name in enumerate(names, 1)]


def test_hits_are_small_pictures_with_rank_score_and_name(drawn: Path) -> None:
    html = Hits(hits(drawn, 2))._repr_html_()
    assert "1. scene-00000.png<br>0.5000" in html
    assert [max(picture.size) <= SIDE for picture in pictures(html)] == [True, True]
    assert "http" not in html


def test_many_hits_are_the_first_twenty(drawn: Path) -> None:
    html = hits_html(hits(drawn, MOST + 5))
    assert len(pictures(html)) == MOST
    assert "… 5 more" in html


def test_names_are_text_and_pictures_that_are_gone_have_a_name_still(tmp_path: Path) -> None:
    html = hits_html([Hit(1, 0, HOSTILE, str(tmp_path / "gone.png"), 0.5), Hit(2, 1, "caption", "", 0.1)])
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert not pictures(html)
    html.encode()


def test_a_large_picture_is_made_small(tmp_path: Path) -> None:
    Image.effect_noise((3000, 1000), 90).save(tmp_path / "large.jpg")
    html = hits_html([Hit(1, 0, "large.jpg", str(tmp_path / "large.jpg"), 1.0)])
    assert [picture.size for picture in pictures(html)] == [(200, 67)]
    assert len(html) < 40_000


def test_a_dialogue_is_the_way_to_here_and_its_hits(drawn: Path) -> None:
    assert "nothing was said" in dialogue_html(Dialogue())
    found = Trace(
        Query("1", None, "x"), intent=Intent("a cat & a dog"), ranking=Ranking(tuple(hits(drawn, 1)))
    )
    turns = (Turn(Step("but", "at night"), found), Turn(Step("but", "aside"), found, 0))
    html = dialogue_html(Dialogue((*turns, Turn(Step("but", HOSTILE), found, 0)), 2))
    steps = [item.text for item in ElementTree.fromstring(re.findall("<ol>.*</ol>", html)[0])]
    assert steps == ["at night", HOSTILE.replace("\udcff", "?")]
    assert "a cat &amp; a dog" in html
    assert len(pictures(html)) == 1


def test_hits_are_a_tuple_still() -> None:
    one = Hit(1, 0, "a", "", 0.5)
    assert Hits((one,)) == (one,)
    assert Hits((one,))[0].id == "a"
