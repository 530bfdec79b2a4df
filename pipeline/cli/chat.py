"""`chat`: a session in a terminal, or by pipe: look at hits, and say "but" again."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError, InputError
from ..machine.spelling import STDIN
from ..records.trace import Query
from ..setup.names import Setup
from . import show
from .incoming import name_of, received
from .money import telling
from .options import FormatOption, ReferenceArgument
from .output import Format, say
from .query import exit_partial
from .setup import COST, GALLERY, METHOD, MODELS, open_composer, takes_setup, with_gallery

if TYPE_CHECKING:
    from ..stages.composer import Composer
    from .chat_talk import Showing, Talk

EPILOG = """Examples:

[cyan]likebut chat cat.png --in gallery[/cyan]   then: at night · :pick 2 · with a dog · :help

[cyan]likebut chat --in ~/Pictures --profile cpu[/cyan]   begins with a sentence

[cyan]likebut chat --session cats.json --in gallery[/cyan]   goes on with a saved one

[cyan]printf 'at night\\n:pick 2\\nwith a dog\\n' | likebut chat cat.png --in gallery -f jsonl[/cyan]"""


@takes_setup(*GALLERY, *METHOD, *MODELS, *COST)
def chat(
    context: typer.Context,
    reference: ReferenceArgument = None,
    k: Annotated[int, typer.Option("-k", min=1, max=100_000, help="How many hits.")] = 10,
    session: Annotated[
        Path | None, typer.Option("--session", metavar="FILE", help="Go on with a saved session.")
    ] = None,
    *,
    setup: Setup,
    form: FormatOption = Format.table,
    pictures: Annotated[
        bool | None,
        typer.Option("--pictures/--no-pictures", help="Show hits in the terminal; missing: where it can."),
    ] = None,
    preview_as: Annotated[
        show.Pictures, typer.Option("--preview-as", help="Show them this way, also into a pipe.")
    ] = show.Pictures.auto,
) -> None:
    """Find pictures by one sentence after another; what you type is the next "but …".

    Lines that begin with a colon are commands (:help lists them). From a pipe every line is answered as
    it comes, and the exit code is 5 where one could not be. What was not saved is kept at the end.
    """
    from .chat_commands import KINDS
    from .chat_lines import converse, is_lively, piped

    if session and reference:
        raise ConfigError(
            "a session has its picture", "leave out REF or --session; :start REF begins anew in it"
        )
    setup = with_gallery(setup)
    budget = setup.budget()
    composer = open_composer(setup, budget)
    lively = is_lively()
    talk = _talk(context, composer, setup, lively, k)
    talk.showing = _showing(form, setup, pictures, preview_as, lively)
    with telling(budget, quiet=True):
        _begin(talk, session, reference)
        if not lively:
            for number, line in piped():
                talk.answer(line, number)
                if talk.ended:
                    break
            exit_partial(talk.failed)
            return
        say("what should be different? (:help lists commands, Ctrl-D ends)")
        try:
            converse(talk, KINDS)
        finally:
            if kept := talk.keep():
                say(f"the session is kept: {way_back(setup, kept)}")


def _talk(context: typer.Context, composer: Composer, setup: Setup, lively: bool, k: int) -> Talk:
    from ..stages.conversation import Session
    from .chat_commands import done
    from .chat_talk import Showing, Talk

    def picture(name: str) -> Query:
        if name == STDIN:
            raise ConfigError("REF is - and standard input has the lines", "name a file")
        file = received(os.path.expanduser(name), context, offline=setup.offline)
        if file is None or not file.is_file():
            raise InputError(f"no reference image at {name}", "check the path")
        return Query("", file, named=name_of(name))

    return Talk(Session(composer, k=k), Showing(), picture, done, lively)


def _showing(
    form: Format, setup: Setup, pictures: bool | None, way: show.Pictures, lively: bool
) -> Showing:
    """Pictures are shown where that is asked for, or where a person's terminal can."""
    from ..report.terminal import truecolour
    from .chat_talk import Showing

    asked = pictures or (pictures is None and way is not show.Pictures.auto)
    able = pictures is None and lively and form is Format.table and not os.environ.get("NO_COLOR")
    terminal = show.terminal_of(way) if asked or able else None
    if asked and terminal is None:
        say("pictures are shown in terminals only; try :report out.html")
    many = way is show.Pictures.blocks or truecolour(os.environ)
    return Showing(form, setup.pictures, terminal, many)


def _begin(talk: Talk, session: Path | None, reference: str | None) -> None:
    """With a saved session, a picture, or nothing; a person is shown the hits."""
    if session:
        talk.load(session)
    elif reference:
        talk.session.start(talk.picture(reference))
    if talk.lively and talk.session.trace:
        talk.show(talk.session.trace)


def way_back(setup: Setup, kept: Path) -> str:
    """The command that goes on with a session."""
    gallery = ["--index", str(setup.index)] if setup.index else []
    for folder in setup.pictures:
        gallery += ["--in", str(folder)]
    models = ["--profile", setup.profile] if setup.profile != Setup.profile else []
    return shlex.join(["likebut", "chat", "--session", str(kept), *gallery, *models])
