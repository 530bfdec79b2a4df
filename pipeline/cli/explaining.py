"""`--explain` in a terminal: what was understood, and the largest shares of every score as bars."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from ..records.trace import Hit, Trace
from ..report.places import spot, strongest
from .output import one_line, say

TOP = 4
GRAINS = 10
_LABEL = 15
_LONGEST_BAR = 40


def explain_trace(trace: Trace, *, every: bool) -> None:
    """Caption, reasoning, target caption, lists and weights, on stderr; the first or every grain."""
    intent = trace.intent
    lines = [
        ("caption", trace.description.caption),
        ("modification", trace.query.modification),
        ("reasoning", intent.reasoning),
        ("target caption", intent.target_caption),
        *((name, "; ".join(texts)) for name, texts in intent.elements.items()),
        ("fallback", intent.fallback),
        ("texts", trace.light.words if trace.light else ""),
        ("judge", _judgement(trace)),
        *_refined(trace),
    ]
    grains = trace.grains if every else trace.grains[:GRAINS]
    lines += [("grain", f"{grain.weight:+.3f} {grain.name}") for grain in grains]
    if rest := len(trace.grains) - len(grains):
        lines.append(("", f"… {rest} more (--explain-all)"))
    seconds = ", ".join(f"{stage} {value:.2f}" for stage, value in trace.seconds.items())
    lines.append(("seconds", seconds))
    for name, text in lines:
        if text:
            _labelled(name, text)


def tell_warnings(trace: Trace) -> None:
    """What is to be said of an answer before it is shown, on stderr."""
    for warning in trace.warnings:
        say(f"warning: {warning}")
    if trace.intent.fallback:
        why = trace.intent.fallback
        say(f"warning: the reasoner's reply was not usable ({why}); using caption + modification")


def _judgement(trace: Trace) -> str:
    """ "yes: 20 hits, 1 without an answer"; empty where nobody judged."""
    return "; ".join(
        f"{one.judge}: {one.asked} hits" + (f", {one.failed} without an answer" if one.failed else "")
        for one in trace.judgements
    )


def _refined(trace: Trace) -> Iterator[tuple[str, str]]:
    """What a checker suggested, what came of it, and what the other answer was looking for."""
    if told := trace.refinement:
        yield "suggestion", told.suggestion or "none"
        yield "refined", told.words
        yield ("first target" if told.stands else "second target"), told.other


def explain_hits(hits: Sequence[Hit], *, every: bool) -> None:
    """The shares of every hit on stderr, largest first: the top ones, or ``every`` one."""
    for line in share_lines(hits, screen_width() or 100, every=every, bar=bar_character()):
        say(line)


def share_lines(hits: Sequence[Hit], width: int, *, every: bool, bar: str = "█") -> Iterator[str]:
    """Lines of at most ``width`` columns: rank, score, and a bar per share on one common scale."""
    names = [one_line(name) for hit in hits for name in hit.shares]
    label = min(max(map(len, names), default=0), max(width // 2 - 10, 12))
    room = max(min(width - label - 26, _LONGEST_BAR), 4)
    largest = max((abs(share) for hit in hits for share in hit.shares.values()), default=0) or 1.0
    for hit in hits:
        parts = sorted(hit.shares.items(), key=lambda item: -abs(item[1]))
        # A line that says "1 more" would take the place of what it leaves out.
        shown = parts if every or len(parts) <= TOP + 1 else parts[:TOP]
        head = f"{hit.rank:>4}  {hit.score:+.4f}  "
        for name, share in shown:
            length = max(round(room * abs(share) / largest), 1 if share else 0)
            yield f"{head}{_cut(one_line(name), label):<{label}} {share:+.4f} {bar * length}".rstrip()
            head = " " * len(head)
        for name, box in strongest(hit).items():
            yield _cut(f"{head}{_cut(one_line(name), label):<{label}} met {spot(box)}", width)
            head = " " * len(head)
        if not parts:
            yield head.rstrip()
        if rest := parts[len(shown) :]:
            total = sum(share for _, share in rest)
            yield _cut(f"{head}… {len(rest)} more, {total:+.4f} (--explain-all)", width)


def weight_lines(weights: Mapping[str, float], width: int, bar: str = "█") -> Iterator[str]:
    """Lines of at most ``width`` columns: a bar per weight, all on one scale; minus is ahead of its bar."""
    names = [one_line(name) for name in weights]
    label = min(max(map(len, names), default=0), max(width // 2 - 10, 12))
    room = max(min(width - label - 12, _LONGEST_BAR), 4)
    largest = max(map(abs, weights.values()), default=0) or 1.0
    for name, weight in zip(names, weights.values(), strict=True):
        length = max(round(room * abs(weight) / largest), 1 if weight else 0)
        yield f"{_cut(name, label):<{label}} {weight:>+9.3g} {bar * length}".rstrip()


def screen_width() -> int | None:
    """The columns of the terminal that stderr is, or of $COLUMNS; None where nobody looks."""
    if sys.stderr.isatty() or os.environ.get("COLUMNS"):
        return max(shutil.get_terminal_size().columns, 40)
    return None


def _labelled(name: str, text: str) -> None:
    """ "     caption: …", wrapped below its own start."""
    text = one_line(text)
    width = screen_width()
    lines = textwrap.wrap(text, width - _LABEL - 2, break_on_hyphens=False) if width else [text]
    for number, line in enumerate(lines or [""]):
        start = f"{name:>{_LABEL}}: " if name and number == 0 else " " * (_LABEL + 2)
        say(start + line)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def bar_character() -> str:
    """What bars are made of where stderr is read."""
    try:
        "█".encode(sys.stderr.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#"
    return "█"
