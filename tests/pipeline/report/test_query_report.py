"""The HTML report: complete, self-contained, and safe whatever the names hold."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from likebut.pipeline.records.trace import Intent, Query, Refinement, Trace
from likebut.pipeline.report.query_report import write_query_report
from tests.pipeline.report.conftest import HOSTILE


class Page(HTMLParser):
    """Collects tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def html(trace: Trace, tmp_path: Path) -> str:
    return write_query_report([trace], tmp_path / "r.html", title="A title").read_text()


def test_the_report_shows_the_whole_trail(html: str) -> None:
    text = Page(html).text
    for part in ("without the dog", "a cat and a dog", "the dog goes", "a cat alone", "+1.00", "-0.15"):
        assert part in text
    assert "the sentence is long" in text


def test_what_users_and_models_write_is_escaped(html: str) -> None:
    assert HOSTILE not in html
    assert "&lt;script&gt;" in html
    assert len(Page(html).all("script")) == 1


def test_nothing_is_loaded_from_elsewhere(html: str) -> None:
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", html)
    assert "url(" not in html
    assert "@import" not in html


def test_every_picture_has_a_text_and_a_missing_one_a_placeholder(html: str) -> None:
    pictures = Page(html).all("img")
    assert all("alt" in picture for picture in pictures)
    assert html.count("no picture") == 1


def test_hits_can_be_reached_by_keyboard_and_bars_have_words(html: str) -> None:
    page = Page(html)
    hits = [li for li in page.all("li") if li.get("class", "") == "hit"]
    assert [hit["tabindex"] for hit in hits] == ["0", "0"]
    bars = [div for div in page.all("div") if div.get("role") == "img"]
    assert bars[0]["aria-label"] == "target caption +0.600, forbidden -0.200, reference +0.100"


def test_without_its_pictures_the_report_is_small(html: str) -> None:
    assert len(re.sub(r"data:image/webp;base64,[^\"]+", "", html)) < 300_000


def test_a_fallback_and_an_error_are_shown(trace: Trace, tmp_path: Path) -> None:
    fallen = replace(trace, intent=Intent("a cat, no dog", fallback="no JSON"), error="something broke")
    html = write_query_report([fallen], tmp_path / "r.html", title="t").read_text()
    assert "Fallback" in html
    assert "something broke" in html


def test_a_name_that_is_not_unicode_does_not_stop_the_report(trace: Trace, tmp_path: Path) -> None:
    odd = replace(trace, query=Query("q", Path("caf\udce9.png"), "x"))
    html = write_query_report([odd], tmp_path / "r.html", title="caf\udce9").read_text()
    assert "caf?" in html


def test_a_text_query_has_no_reference_picture(trace: Trace, tmp_path: Path) -> None:
    text_only = replace(trace, query=Query("q", None, "a red apple"))
    html = write_query_report([text_only], tmp_path / "r.html", title="t").read_text()
    assert "Like this picture" not in html


def test_writing_leaves_one_file(trace: Trace, tmp_path: Path) -> None:
    write_query_report([trace], tmp_path / "sub" / "r.html", title="t")
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["r.html"]


def test_a_second_answer_says_what_was_suggested_and_that_it_is_the_second(
    trace: Trace, tmp_path: Path
) -> None:
    told = Refinement(f"show a cat {HOSTILE}", 0.31, 0.92, stands=True, other="a cat and no dog")
    page = write_query_report([replace(trace, refinement=told)], tmp_path / "r.html", title="t").read_text()
    text = Page(page).text
    assert HOSTILE not in page
    assert "The second answer, after a suggestion." in text
    assert "show a cat" in text
    assert "this is the second answer: confidence 0.31 in the first, 0.92 in the second" in text
    assert "the first wanted: a cat and no dog" in text


def test_a_first_answer_that_stays_says_what_was_tried(trace: Trace, tmp_path: Path) -> None:
    tried, good = Refinement("show a cat", other="a cat alone"), Refinement("", 0.4)
    for told, words in (
        (tried, "the first answer stays · the second wanted: a cat alone"),
        (good, "nothing"),
    ):
        refined = replace(trace, refinement=told)
        text = Page(write_query_report([refined], tmp_path / "r.html", title="t").read_text()).text
        assert words in text
        assert "The second answer" not in text
