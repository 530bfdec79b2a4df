"""`cache info`: what the cache of model answers holds."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.options import CacheOption, cache_path
from pipeline.cli.output import Format, write_rows

app = typer.Typer(help="The cache of model answers.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """The cache of model answers: one SQLite file that may be copied or deleted at any time."""


@app.command(epilog="Example: [cyan]likebut cache info[/cyan]")
def info(
    cache: CacheOption = None,
    form: Annotated[Format, typer.Option("--format", "-f", help="Output format.")] = Format.table,
) -> None:
    """Show where the cache is, how large it is, and how many answers each model gave."""
    from pipeline.cache import Cache

    path = cache_path(cache)
    rows = [{"what": "file", "value": str(path)}]
    if path.exists():
        with Cache(path) as store:
            facts = store.info()
        rows += _flat(facts)
    else:
        rows.append({"what": "entries", "value": "0 (not made yet)"})
    write_rows(rows, form)


def _flat(facts: dict[str, object], prefix: str = "") -> list[dict[str, str]]:
    rows = []
    for key, value in facts.items():
        if isinstance(value, dict):
            rows += _flat(value, f"{prefix}{key}: ")
        else:
            rows.append({"what": f"{prefix}{key}", "value": str(value)})
    return rows
