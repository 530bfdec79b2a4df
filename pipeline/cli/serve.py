"""`serve`: the product in a browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import InputError
from ..machine.places import kept_sessions
from ..setup.names import Setup
from .output import say, say_error
from .setup import COST, METHOD, MODELS, takes_setup, tell_news, with_gallery

if TYPE_CHECKING:
    from ..asking.budget import Budget
    from ..server.galleries import Galleries

EPILOG = """Examples:

[cyan]likebut serve --in gallery --open[/cyan]

[cyan]likebut serve --in ~/Pictures --in ~/Scans --profile cpu[/cyan]   two galleries

[cyan]likebut serve --index pets.index --read-only --port 0[/cyan]

[cyan]likebut serve --in gallery --host 0.0.0.0[/cyan]   for a team: its address has a token"""


@takes_setup("folders", "where", "without", "exact", *METHOD, *MODELS, *COST)
def serve(
    indexes: Annotated[
        list[Path] | None, typer.Option("--index", "-i", help="An index folder; repeatable.")
    ] = None,
    *,
    setup: Setup,
    host: Annotated[
        str, typer.Option("--host", help="Where to listen; any but this machine needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any that is free.")] = 8000,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Make and change no index, open no folder.")
    ] = False,
    opening: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = False,
    sessions: Annotated[
        Path | None, typer.Option("--sessions", help="Where sessions are kept (default: the user's).")
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", min=0, help="Changes a second of one client; 0: no limit.")
    ] = 30.0,
) -> None:
    """Search in a browser: pictures, sentences, weights, and all turns of a session.

    Every folder and index is a gallery of its own.
    """
    from likebut import __version__

    from ..server.app import make_app
    from ..server.door import Door
    from ..server.running import bound, serve, server_of
    from ..server.service import Service
    from ..server.sessions import Sessions
    from ..setup.assembly import assemble

    setups = galleries_of(setup, indexes or ())
    budget = setup.budget()
    assemble(setup, budget)  # what does not hold is said before anything is bound
    kept = Sessions((sessions or kept_sessions()).expanduser())
    listening = bound(host, port)
    door = Door.at(host, listening.getsockname()[1])
    service = Service(_galleries(setups, budget, read_only), kept, local=not door.token)

    def ready() -> None:
        say(f"likebut is at {door.url} (Ctrl-C ends it)")
        if opening:
            import webbrowser

            webbrowser.open(door.url)

    app = make_app(service, door, __version__, rate)
    serve(server_of(app), service, listening, ready)
    say(f"ended; sessions are kept in {kept.folder}")


def _galleries(setups: Sequence[Setup], budget: Budget, read_only: bool) -> Galleries:
    """What is served, with the models in a process of their own."""
    from ..server.apart import Apart
    from ..server.galleries import Galleries

    return Galleries(
        setups, budget, read_only=read_only, on_build=tell_news, on_problem=say_error, apart=Apart()
    )


def galleries_of(setup: Setup, indexes: Sequence[Path]) -> list[Setup]:
    """A setup for every folder and index, of the settings' gallery where none is named.

    Raises ConfigError for no gallery, InputError for a folder that is not there.
    """
    from ...indexes.milvus.address import is_address

    folders = setup.pictures
    if not folders and not indexes:
        return galleries_of(*_of_settings(with_gallery(setup)))
    for folder in (*folders, *indexes):
        if not (is_address(folder) or folder.expanduser().is_dir()):
            raise InputError(f"no folder {folder}", "check --in and --index")
    made = [replace(setup, folders=(folder,)) for folder in dict.fromkeys(folders)]
    return [*made, *(replace(setup, folders=(), index=one) for one in dict.fromkeys(indexes))]


def _of_settings(setup: Setup) -> tuple[Setup, list[Path]]:
    return replace(setup, index=None), [Path(setup.index)] if setup.index else []
