"""The commands of `likebut`, gathered; `likebut.pipeline.cli.program` runs them."""

from __future__ import annotations

from typing import Annotated

import typer

from likebut import __version__

from . import (
    batch,
    cache,
    chat,
    compare,
    demo,
    dialogue,
    doctor,
    evaluate,
    index,
    lab,
    listings,
    pocket,
    prompts,
    query,
    score,
    serve,
    settings_command,
    tune,
)
from .panels import Grouped
from .settings import default_map

app = typer.Typer(
    name="likebut",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"], "default_map": default_map()},
    epilog="Exit codes: 0 done · 1 bug · 2 usage · 3 input · 4 model missing · 5 partial · 6 budget · "
    "7 busy · 130 Ctrl-C",
)


def _version(asked: bool) -> None:
    if asked:
        print(f"likebut {__version__}")
        raise typer.Exit


@app.callback()
def start(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Like this picture, [bold]but[/bold] …: find pictures with a picture and a sentence.

    The first thing to try: [cyan]likebut demo[/cyan]. Then, on a folder of your own:
    [cyan]likebut query photo.jpg "at night" --in ~/Pictures --profile cpu[/cyan]
    """


app.command(name="query", cls=Grouped, epilog=query.EPILOG)(query.query)
app.command(name="serve", cls=Grouped, epilog=serve.EPILOG)(serve.serve)
app.command(name="chat", cls=Grouped, epilog=chat.EPILOG)(chat.chat)
app.add_typer(dialogue.app, name="dialogue")
app.command(name="batch", cls=Grouped, epilog=batch.EPILOG)(batch.batch)
app.command(name="eval", cls=Grouped, epilog=evaluate.EPILOG)(evaluate.evaluate)
app.command(name="score", epilog=score.SCORE_EPILOG)(score.score)
app.command(name="compare", epilog=compare.EPILOG)(compare.compare)
app.command(name="tune", epilog=tune.EPILOG)(tune.tune)
app.command(name="check-submission", epilog=score.CHECK_EPILOG)(score.check_submission)
app.add_typer(index.app, name="index")
app.add_typer(listings.recipes, name="recipes")
prompts.app.command("compare", epilog=lab.EPILOG)(lab.compare)
app.add_typer(prompts.app, name="prompts")
app.add_typer(listings.profiles, name="profiles")
app.command(name="doctor", epilog=doctor.EPILOG)(doctor.doctor)
app.add_typer(settings_command.app, name="settings")
app.add_typer(cache.app, name="cache")
app.add_typer(pocket.app, name="pocket")
app.command(name="demo", epilog=demo.EPILOG)(demo.demo)
