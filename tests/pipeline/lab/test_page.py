"""The page of a comparison: what moved, in words and colours, and hostile text stays text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from likebut.pipeline.lab.comparison import Comparison, compare
from likebut.pipeline.lab.page import verdict, write_lab_report
from likebut.pipeline.lab.views import Thumbnails, query_views
from tests.pipeline.lab.conftest import ASKED, Try, target, trials  # noqa: F401
from tests.pipeline.report.conftest import HOSTILE
from tests.pipeline.report.test_query_report import Page


@pytest.fixture
def comparison(trials: Try) -> Comparison:  # noqa: F811
    """A good prompt, a bad one, and one whose replies are of no use."""
    found = trials(good=target("blue"), bad=target("green"), broken=f"no {HOSTILE}")
    return compare(found, ["mAP@10"], ASKED)


def test_every_answer_says_where_the_correct_item_is_and_how_it_moved(
    comparison: Comparison, tmp_path: Path
) -> None:
    (view,) = query_views(comparison, Thumbnails(tmp_path / "thumbs"), 10)
    good, bad, broken = view.answers
    assert (good.place, good.change, good.moved) == ("1", "", "")
    assert (bad.place, bad.change, bad.moved) == ("3", "worse", "1 → 3")
    # under "good": blue, grey, green
    assert [hit.item.id for hit in bad.hits] == ["green.png", "grey.png", "blue.png"]
    moved = [(hit.change, hit.moved) for hit in bad.hits]
    assert moved == [("up", "▲ 2"), ("", ""), ("down", "▼ 2")]
    assert [hit.correct for hit in bad.hits] == [False, False, True]
    assert view.worse == (2,)
    assert view.trouble == (3,)
    assert "no JSON object" in broken.trace.intent.fallback


def test_pictures_are_thumbnails_beside_the_page_each_once(comparison: Comparison, tmp_path: Path) -> None:
    page = write_lab_report(comparison, tmp_path / "lab" / "index.html")
    shown = {image["src"] for image in Page(page.read_text()).all("img") if image.get("src")}
    files = {f"thumbs/{path.name}" for path in (tmp_path / "lab" / "thumbs").iterdir()}
    assert shown == files
    assert len(files) == 4  # red, and the three that are ranked


def with_p(comparison: Comparison, **values: tuple[float, float]) -> Comparison:
    """The comparison with differences and corrected p-values of the tested metric made up."""
    against = tuple(
        replace(
            one,
            corrected=values[one.variant][1],
            difference=replace(one.difference, difference=values[one.variant][0], n=40),
        )
        for one in comparison.against
        if one.difference.metric == comparison.tested[0]
    )
    return replace(comparison, against=against)


def test_the_page_begins_with_its_verdict(comparison: Comparison, tmp_path: Path) -> None:
    chance = with_p(comparison, bad=(-0.1, 0.4), broken=(-0.2, 0.05))
    sentence = "By mAP@10, no difference from good is beyond chance over 40 queries."
    assert verdict(chance) == sentence
    sure = with_p(comparison, bad=(0.125, 0.01), broken=(-0.2, 0.6))
    assert verdict(sure) == (
        "By mAP@10 over 40 queries, bad is better than good (+12.5); of 1 other that cannot be said."
    )
    both = with_p(comparison, bad=(0.125, 0.01), broken=(-0.2, 0.001))
    assert verdict(both) == (
        "By mAP@10 over 40 queries, bad is better than good (+12.5) and broken is worse than good (-20.0)."
    )
    html = write_lab_report(chance, tmp_path / "index.html").read_text()
    assert html.index("</h1>") < html.index(sentence) < html.index("<table")


def test_an_unreadable_picture_is_said_to_be_one(tmp_path: Path) -> None:
    thumbnails = Thumbnails(tmp_path / "thumbs")
    assert thumbnails.address(tmp_path / "gone.png") == ""
    assert not (tmp_path / "thumbs").exists()


def test_words_stand_beside_every_colour_and_every_picture(comparison: Comparison, tmp_path: Path) -> None:
    html = write_lab_report(comparison, tmp_path / "index.html").read_text()
    page = Page(html)
    assert all("alt" in image for image in page.all("img"))
    assert "▼ worse (1 → 3)" in page.text
    assert "✓ correct" in page.text
    assert "fallback" in page.text
    assert "-66.7" in page.text  # mAP@10 from 1 to 1/3


def test_what_prompts_and_models_write_is_escaped(comparison: Comparison, tmp_path: Path) -> None:
    html = write_lab_report(comparison, tmp_path / "index.html").read_text()
    assert HOSTILE not in html
    assert len(Page(html).all("script")) == 2


def test_templates_are_shown_with_what_differs_from_the_baselines(
    comparison: Comparison, tmp_path: Path
) -> None:
    html = write_lab_report(comparison, tmp_path / "index.html").read_text()
    assert '<span class="removed">-good: {{ caption }} / {{ modification }}</span>' in html
    assert '<span class="added">+bad: {{ caption }} / {{ modification }}</span>' in html


def test_a_long_page_keeps_to_the_queries_that_moved(comparison: Comparison, tmp_path: Path) -> None:
    html = write_lab_report(comparison, tmp_path / "index.html", queries=0).read_text()
    assert "the 0 of 1 that moved furthest" in html
