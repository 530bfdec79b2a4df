"""The folder of a comparison: all figures, one run folder a variant, and the page; all or nothing.

``comparison.json``, ``index.html`` with its ``thumbs/``, and for every variant a folder that is a
run (``likebut score`` and ``likebut compare`` read it) with ``traces.jsonl`` beside its results.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from pipeline.benchmarks import runs
from pipeline.errors import ConfigError, InputError
from pipeline.lab.comparison import Comparison, record
from pipeline.lab.trial import Trial
from pipeline.report.lab_report import write_lab_report
from pipeline.traces import trace_to_json

FIGURES, PAGE, TRACES = "comparison.json", "index.html", "traces.jsonl"


def check_free(out: Path) -> None:
    """Raises ConfigError where ``out`` is something else than an earlier comparison."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / FIGURES).exists())):
        raise ConfigError(f"{out} is not empty and holds no comparison", "name a new --out folder")


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
        runs.write_json(draft / FIGURES, record(comparison))
        if out.exists():
            out.replace(old)
        draft.replace(out)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as problem:
        raise InputError(f"cannot write {out}: {problem.strerror}") from problem
    return out


def _write_trial(trial: Trial, folder: Path) -> None:
    folder.mkdir()
    runs.write_json(folder / runs.CONFIG, trial.run.config)
    runs.rewrite(folder / runs.RESULTS, trial.run.results)
    runs.append(
        folder / TRACES, (json.dumps(trace_to_json(trace)) + "\n" for trace in trial.traces)
    )
    runs.write_json(folder / runs.METRICS, runs.summary(trial.run))
