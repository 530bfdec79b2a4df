"""Every page in a real browser: it logs no error, asks for nothing, and text stays text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from likebut.pipeline.lab.comparison import compare
from likebut.pipeline.lab.page import write_lab_report
from likebut.pipeline.lab.trial import Trial
from likebut.pipeline.records.trace import Description, Intent, Query, Trace
from likebut.pipeline.report.demo_report import DemoRow, write_demo_report
from likebut.pipeline.report.query_report import write_query_report
from tests.pipeline.lab.conftest import ASKED, Try, target, trials  # noqa: F401
from tests.pipeline.report.browser import PROGRAM, Page, browser

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="no chromium on the PATH")

EVIL = "<script>alert(1)</script><img src=https://example.org/x onerror=alert(2)>"
SHOWN = "[...document.images].filter(i => i.checkVisibility() && i.getAttribute('src'))"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("chromium")) as page:
        page.size(1200, 900)
        yield page


@pytest.fixture
def page(chromium: Page) -> Page:
    """The browser, with nothing heard yet."""
    for heard in (chromium.errors, chromium.requests, chromium.dialogs):
        heard.clear()
    return chromium


def check(page: Page, path: Path, scripts: int) -> None:
    """What holds for every page."""
    assert page.run("document.scripts.length") == scripts
    page.run(f"{SHOWN}.forEach(i => {{ i.loading = 'eager' }})")  # those below the window, too
    assert page.run(f"Promise.all({SHOWN}.map(i => i.decode())).then(() => 'all')") == "all"
    assert EVIL in page.run("document.body.textContent")
    assert page.errors == []
    assert page.dialogs == []
    outside = [url for url in page.requests if not url.startswith(("file://", "data:"))]
    assert outside == []
    assert page.requests[0] == path.resolve().as_uri()


@pytest.fixture
def hostile(trace: Trace) -> Trace:
    """Every text of it is an attack."""
    intent = Intent(EVIL, EVIL, {"desired": (EVIL,), "preserved": (EVIL,), EVIL: (EVIL,)}, fallback=EVIL)
    query = Query(trace.query.id, trace.query.reference, EVIL)
    return replace(trace, query=query, intent=intent, warnings=(EVIL,), error=EVIL)


def test_the_report_of_a_query(page: Page, hostile: Trace, tmp_path: Path) -> None:
    path = write_query_report([hostile], tmp_path / "r.html", title=EVIL)
    page.visit(path)
    check(page, path, scripts=1)
    page.run("document.querySelector('.hit').click()")  # our own script may run
    assert page.run("document.getElementById('large').open")


def test_the_page_of_a_demo(page: Page, hostile: Trace, tmp_path: Path) -> None:
    rows = [DemoRow(EVIL, hostile, frozenset({hostile.ranking.hits[0].path}), 1)]
    path = write_demo_report(rows, tmp_path / "index.html")
    page.visit(path)
    check(page, path, scripts=1)
    page.run("document.getElementById('theme').click()")
    assert page.run("document.documentElement.dataset.theme") in ("light", "dark")


def lab_page(run: Try, tmp_path: Path) -> Path:
    evil = EVIL.replace("<", "\\u003c")
    found = run(good=target("blue"), bad=target(f"green {evil}"), broken=EVIL)
    done = compare([_evil(trial) for trial in found], ["mAP@10"], ASKED | {"on": EVIL})
    return write_lab_report(done, tmp_path / "p" / "index.html")


def _evil(trial: Trial) -> Trial:
    """Whatever a user or a model writes into a trial is an attack; a fallback is one already."""
    traces = tuple(
        replace(
            trace,
            query=replace(trace.query, modification=EVIL),
            description=Description((EVIL,)),
            intent=replace(
                trace.intent,
                reasoning=EVIL,
                elements={"desired": (EVIL,), EVIL: (EVIL,)},
                fallback=trace.intent.fallback and EVIL,
            ),
        )
        for trace in trial.traces
    )
    results = tuple(
        replace(result, case=replace(result.case, modification=EVIL)) for result in trial.run.results
    )
    return replace(trial, traces=traces, run=replace(trial.run, results=results))


def test_the_page_of_a_comparison(page: Page, trials: Try, tmp_path: Path) -> None:  # noqa: F811
    path = lab_page(trials, tmp_path)
    page.visit(path)
    page.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
    check(page, path, scripts=2)
    assert page.run(f"{SHOWN}.length") > 10


def test_queries_are_filtered_by_what_happened_to_them(
    page: Page,
    trials: Try,  # noqa: F811
    tmp_path: Path,
) -> None:
    page.visit(lab_page(trials, tmp_path))

    def shown(what: str, which: str = "", words: str = "") -> str:
        page.run(
            f"what.value = '{what}'; which.value = '{which}'; words.value = '{words}';"
            "words.dispatchEvent(new Event('input'))"
        )
        return str(page.run("count.textContent"))

    assert shown("all") == "1 of 1 shown"
    assert shown("worse") == "1 of 1 shown"
    assert shown("worse", "2") == "1 of 1 shown"
    assert shown("better", "2") == "0 of 1 shown"
    assert shown("trouble", "2") == "0 of 1 shown"
    assert shown("trouble", "3") == "1 of 1 shown"
    assert shown("all", words="nowhere") == "0 of 1 shown"
    assert page.run("document.querySelector('.case').checkVisibility()") is False
    assert shown("all", words="ALERT") == "1 of 1 shown"
    page.run("document.getElementById('open').click()")
    assert page.run("document.querySelector('.case').open")
    page.run("document.querySelector('.shot').click()")
    assert page.run("document.getElementById('large').open")
    assert page.errors == []


def test_light_and_dark_differ_and_both_can_be_read(
    page: Page,
    trials: Try,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Contrast of text and ground, WCAG 2: at least 4.5."""
    contrast = """(() => {
      const light = (rgb) => rgb.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
        .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
      const ground = (element) => {
        for (let one = element; one; one = one.parentElement) {
          const colour = getComputedStyle(one).backgroundColor;
          if (!/, 0\\)$/.test(colour) && colour !== 'transparent') return colour;
        }
      };
      const ratio = (element) => {
        const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      };
      return ['.better, .worse', '.up, .down', '.tick', '.chip', '.note', '.tag', '.warning', 'h1']
        .flatMap((name) => [...document.querySelectorAll(name)]).map(ratio)
        .reduce((a, b) => Math.min(a, b));
    })()"""
    grounds = set()
    for dark in (False, True):
        page.dark(dark)
        page.visit(lab_page(trials, tmp_path))
        page.run("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert page.run(contrast) >= 4.5
        grounds.add(page.run("getComputedStyle(document.body).backgroundColor"))
    page.dark(False)
    assert len(grounds) == 2


TOO_WIDE = """[...document.querySelectorAll('main *')].filter(e => e.checkVisibility()
  && !e.closest('.scroll, details:not([open]), pre') && e.getBoundingClientRect().right > innerWidth + 1
).map(e => e.tagName + '.' + e.className).join()"""


def test_the_pictures_come_first(page: Page, trace: Trace, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    write_query_report([trace], path, title="a query")
    page.visit(path)
    tops = [
        page.run(f"document.querySelector('{one}').getBoundingClientRect().top")
        for one in (".ask img", ".sentence", ".hit", ".trail")
    ]
    reference, sentence, hit, trail = tops
    assert max(reference, sentence) < hit < trail
    assert hit < 900  # in the window, without scrolling


def test_a_narrow_window_keeps_the_hits_and_cuts_nothing(
    page: Page,
    trace: Trace,
    trials: Try,  # noqa: F811
    tmp_path: Path,
) -> None:
    shown = frozenset({trace.ranking.hits[0].path})
    demo = write_demo_report([DemoRow("time", trace, shown, 1)] * 3, tmp_path / "demo.html")
    lab = write_lab_report(
        compare(trials(good=target("blue"), bad=target("green")), ["mAP@10"], ASKED),
        tmp_path / "lab" / "index.html",
    )
    report = tmp_path / "r.html"
    write_query_report([trace], report, title="a query")
    try:
        page.size(420, 900)
        for path in (demo, lab, report):
            page.visit(path)
            assert page.run(TOO_WIDE) == ""
        page.visit(demo)
        edges = "[...document.querySelectorAll('.five img')].map(i => i.getBoundingClientRect())"
        seen = page.run(f"{edges}.filter(r => r.width > 20 && r.left >= 0 && r.right <= 420).length")
        assert seen == page.run("document.querySelectorAll('.five img').length") >= 3
        assert page.run("document.querySelectorAll('.five .yes').length") == 3
    finally:
        page.size(1200, 900)
