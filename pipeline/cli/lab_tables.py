"""The tables of `prompts compare`: metrics, differences, replies and cost, wins and losses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .output import Format, write_rows, write_table

if TYPE_CHECKING:
    from ..lab.comparison import Comparison, Moved
    from ..lab.trial import Trial


def show(done: Comparison, form: Format, changes: int, out: Path) -> None:
    """The comparison on stdout; a row a variant in CSV and JSON lines."""
    from ..lab import comparison as comparing
    from ..lab.folder import FIGURES, PAGE

    if form is Format.json:
        print(json.dumps(comparing.record(done), indent=2))
    elif form is Format.paths:
        write_rows([{"path": str(out / name)} for name in (PAGE, FIGURES)], form)
    elif form is not Format.table:
        write_rows([_flat(done, trial) for trial in done.trials], form)
    else:
        _tables(done, changes)


def _tables(done: Comparison, changes: int) -> None:
    for title, rows in (
        ("", _scores(done)),
        (
            f"against {done.baseline.variant.name}, paired; p corrected by Holm over this table",
            _against(done),
        ),
        ("replies and cost", [_replies(trial) for trial in done.trials]),
        (f"largest changes in {done.tested[0]}", _changes(done, changes)),
    ):
        if title and rows:
            print(f"\n{title}")
        if rows:
            write_table(rows, list(rows[0]))


def _scores(done: Comparison) -> list[dict[str, Any]]:
    """Metrics in percent where there are labels, else cosines; with how alike the rankings are."""
    from ..lab.proxies import NAMES

    alike = {(one.first, one.second): one for one in done.agreement}
    baseline = done.baseline.variant.name
    rows = []
    for trial in done.trials:
        name, row = trial.variant.name, {"variant": trial.variant.name}
        for value, score in done.scores[name].items():
            if " " not in value and (value in NAMES) != done.labelled:
                row[value] = _with_interval(score, percent=done.labelled)
        agreement = alike.get((baseline, name))
        row["same top 10"] = f"{agreement.jaccard:.2f}" if agreement else "–"
        if not done.labelled:
            row["overlap"] = f"{agreement.overlap:.2f}" if agreement else "–"
        rows.append(row)
    return rows


def _with_interval(score: Any, *, percent: bool) -> str:
    if percent:
        return f"{100 * score['mean']:.1f} ({100 * score['low']:.1f}–{100 * score['high']:.1f})"
    return f"{score['mean']:.3f} ({score['low']:.3f}–{score['high']:.3f})"


def _against(done: Comparison) -> list[dict[str, Any]]:
    from ..lab.comparison import wins
    from ..lab.proxies import NAMES

    rows = []
    for one in done.against:
        if one.corrected is None:
            continue
        moved = one.difference
        form, scale = ("+.3f", 1) if moved.metric in NAMES else ("+.1f", 100)
        ends = " – ".join(format(scale * end, form) for end in (moved.low, moved.high))
        counted = wins(done.moves[one.variant]) if moved.metric == done.tested[0] else (None,) * 3
        rows.append(
            {
                "variant": one.variant,
                "tested": moved.metric,
                "difference": format(scale * moved.difference, form),
                "95 % interval": ends,
                "p": round(moved.p_value, 4),
                "p (Holm)": round(one.corrected, 4),
                **dict(zip(("better", "worse", "same"), counted, strict=True)),
                "n": moved.n,
            }
        )
    return rows


def _replies(trial: Trial) -> dict[str, Any]:
    replies = trial.replies
    rates = {
        title: "–" if (rate := replies.rate(name)) is None else f"{100 * rate:.1f} %"
        for title, name in (("strict JSON", "strict"), ("repaired", "repaired"), ("fallbacks", "fallbacks"))
    }
    return {
        "variant": trial.variant.name,
        **rates,
        "retries": replies.retries,
        "failed": replies.errors,
        "calls": replies.made,
        "cached": replies.cached,
        "prompt tokens": replies.prompt_tokens,
        "reply tokens": replies.reply_tokens,
        "cost": "–" if replies.cost is None else f"${replies.cost:.4f}",
        "seconds": f"{replies.seconds:.1f}",
        "model seconds": f"{replies.model_seconds:.1f}",
    }


def _changes(done: Comparison, count: int) -> list[dict[str, Any]]:
    rows = []
    for name, moves in done.moves.items():
        won = [move for move in moves if move.gain > (0.0, 0.0)][:count]
        lost = [move for move in reversed(moves) if move.gain < (0.0, 0.0)][:count]
        rows += [_change(name, "won", move, done) for move in won]
        rows += [_change(name, "lost", move, done) for move in lost]
    return rows


def _change(name: str, word: str, move: Moved, done: Comparison) -> dict[str, Any]:
    row = {
        "variant": name,
        "": word,
        "query": move.id,
        done.tested[0]: f"{move.first:.2f} → {move.second:.2f}",
    }
    if done.labelled:
        depth = done.baseline.run.config["places"]
        row["rank"] = f"{_rank(move.before, depth)} → {_rank(move.after, depth)}"
    return {**row, "modification": move.modification}


def _rank(place: int | None, depth: int) -> str:
    if place is None:
        return "–"
    return str(place) if place <= depth else f">{depth}"


def _flat(done: Comparison, trial: Trial) -> dict[str, Any]:
    """All figures of a variant in one row."""
    from dataclasses import asdict

    name = trial.variant.name
    row: dict[str, Any] = {
        "variant": name,
        "prompt": trial.variant.prompt.name,
        "profile": trial.variant.profile,
    }
    for value, score in done.scores[name].items():
        row |= {value: score["mean"], f"{value} low": score["low"], f"{value} high": score["high"]}
    tested = {
        one.difference.metric: one
        for one in done.against
        if one.variant == name and one.corrected is not None
    }
    for value in done.tested:
        one = tested.get(value)
        row |= {
            f"{value} difference": one.difference.difference if one else None,
            f"{value} difference low": one.difference.low if one else None,
            f"{value} difference high": one.difference.high if one else None,
            f"{value} p": one.difference.p_value if one else None,
            f"{value} p corrected": one.corrected if one else None,
        }
    return {**row, **asdict(trial.replies)}
