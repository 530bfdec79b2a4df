"""The page of a comparison of prompts: figures, the templates, and the queries side by side."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from ..report.pages import write_page
from .views import Thumbnails, query_views

if TYPE_CHECKING:
    from .comparison import Comparison

THUMBS = "thumbs"
SURE = 0.05  # a corrected p-value below
QUERIES = 500  # on the page; the traces hold all of them


@dataclass(frozen=True)
class Template:
    """A prompt as it was used; ``diff`` are its lines against the baseline's, with their kind."""

    variants: str
    name: str
    source: str
    diff: tuple[tuple[str, str], ...]


def write_lab_report(comparison: Comparison, out: Path, *, queries: int = QUERIES) -> Path:
    """Write the page; thumbnails go to ``thumbs/`` beside it, and nothing else is needed."""
    views = query_views(comparison, Thumbnails(out.parent / THUMBS), queries)
    return write_page(
        "lab.html.j2",
        out,
        scripts=("page.js", "lab.js"),
        title=_title(comparison),
        lab=comparison,
        views=views,
        total=len(comparison.baseline.traces),
        templates=_templates(comparison),
        values=_values(comparison),
        wins=_wins(comparison),
        verdict=verdict(comparison),
    )


def verdict(comparison: Comparison) -> str:
    """What the comparison says, in one sentence: who is better or worse than the baseline, for sure."""
    first, metric = comparison.baseline.variant.name, comparison.tested[0]
    tested = [
        one for one in comparison.against if one.difference.metric == metric and one.corrected is not None
    ]
    sure = [one for one in tested if (one.corrected or 0.0) < SURE]
    count = max((one.difference.n for one in tested), default=0)
    over = f"over {count:,} quer{'y' if count == 1 else 'ies'}"
    if not sure:
        return f"By {metric}, no difference from {first} is beyond chance {over}."
    scale = 100 if comparison.labelled else 1
    parts = [
        f"{one.variant} is {'better' if one.difference.difference > 0 else 'worse'} than {first} "
        f"({scale * one.difference.difference:+.{1 if scale == 100 else 3}f})"
        for one in sorted(sure, key=lambda one: -one.difference.difference)
    ]
    rest = len(tested) - len(sure)
    more = f"; of {rest} other{'s' * (rest > 1)} that cannot be said" if rest else ""
    return f"By {metric} {over}, {' and '.join(parts)}{more}."


def _title(comparison: Comparison) -> str:
    count = len(comparison.baseline.traces)
    return f"{len(comparison.trials)} variants on {count:,} queries"


def _values(comparison: Comparison) -> tuple[list[str], list[str]]:
    """(metrics, proxies) that the baseline has, in their order, without parts by aspect."""
    from .proxies import NAMES

    known = [name for name in comparison.scores[comparison.baseline.variant.name] if " " not in name]
    return [n for n in known if n not in NAMES], [n for n in NAMES if n in known]


def _wins(comparison: Comparison) -> dict[str, tuple[int, int, int]]:
    """LabVariant → how many queries are better, worse, and the same."""
    from .comparison import wins

    return {name: wins(moves) for name, moves in comparison.moves.items()}


def _templates(comparison: Comparison) -> list[Template]:
    users: dict[str, list[str]] = {}
    for trial in comparison.trials:
        users.setdefault(trial.variant.prompt.name, []).append(trial.variant.name)
    sources = {trial.variant.prompt.name: trial.variant.prompt.source for trial in comparison.trials}
    first = next(iter(sources))
    return [
        Template(
            ", ".join(users[name]),
            name,
            source,
            _diff(sources[first], source, first, name) if name != first else (),
        )
        for name, source in sources.items()
    ]


def _diff(before: str, after: str, first: str, second: str) -> tuple[tuple[str, str], ...]:
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = unified_diff(before.splitlines(), after.splitlines(), first, second, lineterm="")
    return tuple((kinds.get(line[:1], ""), line) for line in lines)
