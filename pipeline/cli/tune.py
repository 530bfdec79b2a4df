"""`tune`: better weights for a recipe from labelled queries, judged on queries it did not see."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...indexes.errors import Problem
from ..errors import ConfigError
from ..machine.outputs import check_file
from ..setup.names import Setup
from .compare import difference_row
from .evaluate import announce
from .money import telling
from .options import AllowMissingOption, CaptionsOption, FormatOption, ProtocolOption, read_options
from .output import Format, progress, say, write_rows, write_table
from .query import exit_partial
from .setup import COST, MODELS, open_composer, takes_setup

if TYPE_CHECKING:
    from ..config.recipe import Recipe
    from ..tuning.tune import Tuning, Weighed

EPILOG = (
    "Example: [cyan]likebut tune --benchmark pocket --data bench/pocket --on mAP@10 "
    "--out runs/mine.toml[/cyan], then [cyan]--recipe runs/mine.toml[/cyan] anywhere. The queries "
    "are halved by a hash of their ids; only the other half says what the weights are worth."
)


@takes_setup("recipe", "profile", *MODELS, *COST)
def tune(
    name: Annotated[str, typer.Option("--benchmark", "-b", help="cirr, circo, fashioniq, …")],
    data: Annotated[Path, typer.Option("--data", "-d", help="The folder of the official files.")],
    split: Annotated[str, typer.Option("--split", "-s", help="Default: its first split.")] = "",
    *,
    setup: Setup,
    on: Annotated[
        str, typer.Option("--on", metavar="METRIC", help="What is made large. Default: mAP@10.")
    ] = "",
    half: Annotated[str, typer.Option("--half", help="Searched: first or second.")] = "first",
    trials: Annotated[int, typer.Option("--trials", min=1, help="How many settings.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", help="Of the settings.")] = 0,
    allow_negative: Annotated[
        bool, typer.Option("--allow-negative", help="Let every weight change its sign.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="The recipe file (default: RECIPE-tuned.toml).")
    ] = None,
    index: Annotated[
        Path | None, typer.Option("--index", "-i", help="The gallery's index (default: beside it).")
    ] = None,
    captions: CaptionsOption = None,
    option: ProtocolOption = None,
    allow_missing: AllowMissingOption = False,
    form: FormatOption = Format.table,
) -> None:
    """Search a recipe's weights on one half of a benchmark; report on the other half."""
    from dataclasses import replace

    from ..config import text as recipe_text
    from ..config.files import recipe_path
    from ..evaluation.evaluate import Evaluation
    from ..evaluation.sources import Source, index_beside
    from ..tuning import halves
    from ..tuning import tune as tuning
    from ..tuning.pools import Metric

    halves.other_half(half)
    budget = setup.budget()
    composer = open_composer(replace(setup, exact=True), budget)  # what is reported is exact
    weighed = tuning.weighable(composer.recipe)
    source = recipe_path(setup.recipe.partition("@")[0])
    place = _place(out or Path(f"{source.stem}-tuned.toml"), source)
    others = {name: weight + 1 for name, weight in weighed.weights.items()}
    _text(source, composer.recipe, weighed, others, "")  # what cannot be written is told now
    benchmark, texts = Source(name, data, split, captions, read_options(option), allow_missing).load()
    metric = Metric.of(on or benchmark.protocol.metric, benchmark.protocol)
    halves.check_labels(benchmark.cases)
    announce(benchmark, len(benchmark.cases), composer)
    asked, composer = composer.recipe, replace(composer, recipe=weighed.recipe)
    shared = index or index_beside(place, benchmark, composer.encoder.fingerprint)
    job = Evaluation(benchmark, benchmark.cases, composer, place.parent, shared, texts)
    with progress("indexing") as on_index:
        opened, unreadable = job.open(on_index)
    with telling(budget), progress("queries") as on_progress:
        grounded = tuning.Grounded.of(opened, on_progress)
    done = tuning.tune(
        grounded, weighed, metric, half, trials=trials, seed=seed, allow_negative=allow_negative
    )
    recipe_text.write(place, _text(source, asked, weighed, done.weights, done.source))
    failed = sum(bool(trace.error) for trace in grounded.traces)
    _tell(done, place, failed, unreadable)
    _show(done, place, form)
    exit_partial(failed + len(unreadable))


def _place(out: Path, source: Path) -> Path:
    """Where the recipe goes. Raises ConfigError."""
    if out.suffix != ".toml":
        raise ConfigError(f"--out {out} is no recipe file", "recipe files end in .toml")
    if out.resolve() == source.resolve():
        raise ConfigError(f"--out {out} is the recipe that is tuned", "name another file")
    check_file(out, "--out")
    if out.exists() and not _was_tuned(out):
        raise ConfigError(f"--out {out} is there already and was not tuned", "name another file")
    return out


def _was_tuned(path: Path) -> bool:
    """Whether a file is an earlier outcome of `tune`: another recipe is not replaced."""
    import tomllib

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return str(values.get("weights_from", "")).startswith("tuned on ")


def _text(source: Path, asked: Recipe, weighed: Weighed, weights: dict[str, float], why: str) -> str:
    """The source's text with the numbers of ``asked`` (its variant's, too) and the new weights."""
    from ..config import text as recipe_text

    sections = {"grains": dict(asked.grains)}
    sections |= {f"mixes.{name}": dict(parts) for name, parts in asked.mixes.items()}
    sections[f"mixes.{weighed.mix}" if weighed.mix else "grains"] |= weights
    text = recipe_text.rewritten(source.read_text(encoding="utf-8"), sections, why)
    return recipe_text.with_questions(text, asked.reason)


def _tell(done: Tuning, place: Path, failed: int, unreadable: tuple[Problem, ...]) -> None:
    for path, reason in unreadable:
        say(f"unreadable: {path}: {reason}")
    found = done.found
    rate = found.settings / max(found.seconds, 1e-9)
    count = sum(len(run.results) for what, half, run in done.runs if (what, half) == ("tuned", done.half))
    say(
        f"{found.settings:,} settings over {count:,} queries in {found.seconds:.1f} s: "
        f"{rate:,.0f} settings/s; {done.metric.name} in the pools {100 * found.base_value:.2f} → "
        f"{100 * found.value:.2f} %"
    )
    if failed:
        say(f"{failed} queries failed and count as not found")
    say(f"{place}: {done.source}")
    say(_verdict(done))


def _verdict(done: Tuning) -> str:
    """Whether the weights are worth it, in one line."""
    one = next(one for one in done.differences if one.metric == done.metric.name)
    gain = f"{one.metric} {100 * one.difference:+.2f} on the {one.n:,} queries held out"
    interval = f"95 % {100 * one.low:+.2f} – {100 * one.high:+.2f}, p {one.p_value:.4f}"
    sure = one.p_value < 0.05
    return f"{gain} ({interval})" + ("" if sure else ": it may be chance")


def _rows(done: Tuning) -> list[dict[str, Any]]:
    """The metric of every set of weights on both halves."""
    from ..evaluation import runs

    rows = []
    for what, half, run in done.runs:
        value = runs.summary(run)["metrics"][done.metric.name]
        role = "searched" if half == done.half else "held out"
        rows.append({"weights": what, "half": half, "role": role, "metric": done.metric.name, **value})
    return rows


def _show(done: Tuning, place: Path, form: Format) -> None:
    rows, base = _rows(done), done.weighed.weights
    grains = [
        {
            "grain": name,
            "base": base[name],
            "tuned": done.weights[name],
            "spread of its cosines": done.spreads.get(name),
        }
        for name in base
    ]
    if form is Format.paths:
        write_rows([{"path": place}], form)
    elif form in (Format.json, Format.jsonl):
        write_rows([_record(done, place, rows)], form)
    elif form is Format.csv:
        write_rows(rows, form)
    else:
        write_table(grains, list(grains[0]))
        say("")
        shown = [_percent(row) for row in rows]
        write_table(shown, list(shown[0]))
        say("")
        say("tuned (B) against base (A) on the half held out, paired:")
        pairs = [difference_row(one) for one in done.differences if " " not in one.metric]
        write_table(pairs, list(pairs[0]))


def _percent(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "weights": row["weights"],
        "half": f"{row['half']} ({row['role']})",
        "metric": row["metric"],
        "%": f"{100 * row['mean']:.2f}",
        "95 % interval": f"{100 * row['low']:.2f} – {100 * row['high']:.2f}",
        "n": row["n"],
    }


def _record(done: Tuning, place: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "path": str(place),
        "weights_from": done.source,
        "metric": done.metric.name,
        "searched": done.half,
        "seed": done.seed,
        "settings": done.found.settings,
        "settings_per_second": round(done.found.settings / max(done.found.seconds, 1e-9)),
        "base": done.weighed.weights,
        "tuned": done.weights,
        "spreads": done.spreads,
        "scores": rows,
        "differences": [asdict(one) for one in done.differences],
    }
