"""The folder of a comparison: all figures, one run folder a variant, and the page; all or nothing.

``comparison.json``, ``index.html`` with its ``thumbs/``, and for every variant a folder that is a
run (``likebut score`` and ``likebut compare`` read it) with ``traces.jsonl`` beside its results.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ..errors import ConfigError, InputError
from ..evaluation import runs
from ..records import lines
from ..records.traces import trace_to_json
from .comparison import Comparison, record
from .page import THUMBS, write_lab_report
from .trial import Trial

FIGURES, PAGE, TRACES = "comparison.json", "index.html", "traces.jsonl"


def check_free(out: Path) -> None:
    """Raises ConfigError where ``out`` is something else than an earlier comparison, or more.

    The whole folder will be replaced, so there must be nothing in it that a comparison did not make.
    """
    if not out.exists():
        return
    if not out.is_dir() or (any(out.iterdir()) and not _is_comparison(out / FIGURES)):
        raise ConfigError(f"{out} is not empty and holds no comparison", "name a new --out folder")
    others = [path for path in sorted(out.rglob("*")) if not _is_own(path, out)]
    if others:
        raise ConfigError(
            f"{others[0]} is not of the comparison in {out}, and would go with it",
            "move it away, or name a new --out folder",
        )


def _is_comparison(path: Path) -> bool:
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(figures, dict) and {"baseline", "variants"} <= set(figures)


def _is_own(path: Path, out: Path) -> bool:
    """Whether a comparison makes such a file or folder."""
    within = path.relative_to(out).parts
    if path.is_symlink():
        return False
    if within[0] == THUMBS:
        return path.suffix == ".webp" if len(within) == 2 else len(within) == 1
    if len(within) == 1:
        return path.name in (FIGURES, PAGE) or (path / runs.CONFIG).is_file()
    return len(within) == 2 and path.name in (runs.CONFIG, runs.RESULTS, runs.METRICS, TRACES)


def write(comparison: Comparison, out: Path) -> Path:
    """Write the folder beside ``out`` and put it in its place; an earlier comparison is replaced.

    Raises InputError where it cannot be written.
    """
    check_free(out)
    out = out.absolute()
    draft, old = (out.with_name(f".{out.name}.{word}") for word in ("part", "old"))
    try:
        for left in (draft, old):  # of a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        draft.mkdir(parents=True)
        for trial in comparison.trials:
            _write_trial(trial, draft / trial.variant.folder)
        write_lab_report(comparison, draft / PAGE)
        lines.write_json(draft / FIGURES, record(comparison))
        if out.exists():
            out.replace(old)
        draft.replace(out)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as problem:
        raise InputError(f"cannot write {out}: {problem.strerror}") from problem
    return out


def _write_trial(trial: Trial, folder: Path) -> None:
    folder.mkdir()
    lines.write_json(folder / runs.CONFIG, trial.run.config)
    lines.rewrite(folder / runs.RESULTS, (result.to_line() for result in trial.run.results))
    lines.append(folder / TRACES, (json.dumps(trace_to_json(trace)) + "\n" for trace in trial.traces))
    lines.write_json(folder / runs.METRICS, runs.summary(trial.run))
