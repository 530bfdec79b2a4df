"""The demo's page: a table of queries, correct pictures marked by more than a colour."""

from __future__ import annotations

from pathlib import Path

from likebut.pipeline.records.trace import Trace
from likebut.pipeline.report.demo_report import DemoRow, write_demo_report


def test_the_page_counts_and_marks_what_was_found(trace: Trace, tmp_path: Path) -> None:
    best = trace.ranking.hits[0].path
    rows = [
        DemoRow("remove", trace, frozenset({best}), 1),
        DemoRow("remove", trace, frozenset({"elsewhere.png"}), None),
    ]
    html = write_demo_report(rows, tmp_path / "index.html").read_text()
    assert "1 of 2 queries have a correct picture in the top five" in html
    assert html.count("✓ correct") == 1
    assert 'alt="correct: ' in html
    assert 'href="#q1"' in html
    assert 'id="q1"' in html
