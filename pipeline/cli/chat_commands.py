"""The commands of `chat`: one line of a table each. What is no command is the next sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..errors import ConfigError, did_you_mean
from ..records.trace import Trace
from ..records.turns import tree
from . import chat_files as files
from . import chat_steps as steps
from .chat_completion import Kind
from .chat_reading import command_of
from .chat_talk import Talk, fitted
from .explaining import explain_hits, explain_trace
from .output import say


class Command(NamedTuple):
    """What is typed after it, what it does, what does it (its answer is a turn that is shown), and what
    a line editor offers.
    """

    takes: str
    help: str
    run: Callable[[Talk, str], Trace | None]
    offers: Kind = "nothing"


def done(talk: Talk, line: str) -> Trace | None:
    """Do what a line says: a command of the table, or the next sentence. An empty one says nothing.

    Raises ConfigError and InputError, as the session does.
    """
    if not line:
        return None
    name, rest = command_of(line)
    if not name:
        return talk.session.but(line)
    if name not in COMMANDS:
        raise ConfigError(f"no command {name[:60]}", did_you_mean(name[:60], list(COMMANDS)))
    return COMMANDS[name].run(talk, rest)


def _why(talk: Talk, rest: str) -> None:
    hits = steps.hits_of(talk, rest) if rest else talk.session.hits
    explain_trace(steps.trace_of(talk), every=False)
    explain_hits(hits, every=bool(rest))


def _turns(talk: Talk, rest: str) -> None:
    dialogue = talk.session.dialogue
    if not dialogue.turns:
        say("nothing was said yet")
    for one in tree(dialogue):
        mark = ">" if one.number == dialogue.at + 1 else " "
        target = f" → {one.target}" if one.target else ""
        say(fitted(f"{mark}{one.number:>3}  {one.words}{target}"))


def _help(talk: Talk, rest: str) -> None:
    say("what you type is the next “but …”; commands:")
    for name, command in COMMANDS.items():
        say(f"  {f'{name} {command.takes}':<26} {command.help}")


def _quit(talk: Talk, rest: str) -> None:
    talk.ended = True


COMMANDS = {
    ":undo": Command("", "back to the turn before this one, which stays", steps.undo),
    ":pick": Command("N", "the next sentence is about this hit", steps.pick, "hits"),
    ":unpick": Command("", "it is about what was wanted last", steps.unpick),
    ":more": Command("N…", "nearer to these hits", steps.more, "hits"),
    ":less": Command("N…", "away from these hits, and without them", steps.less, "hits"),
    ":weight": Command("[NAME=NUMBER …]", "show all weights, or change some", steps.weight, "weights"),
    ":set": Command(
        "FIELD=TEXT", "use this caption, target_caption, forbidden, … instead", steps.set_, "fields"
    ),
    ":add": Command("LIST TEXT", "an element more: :add forbidden a red car", steps.add, "lists"),
    ":drop": Command("TEXT", "without this element", steps.drop, "elements"),
    ":why": Command("[N]", "the reasoning and the shares of hits", _why, "hits"),
    ":ask": Command("[N]", "be asked what would tell the hits apart; answer by number", steps.ask),
    ":turns": Command("", "all turns, and where you are", _turns),
    ":go": Command("N", "look at a turn; what is said next grows from it", steps.go, "turns"),
    ":start": Command("PICTURE|N", "begin anew with a picture or a hit", steps.start, "hit or file"),
    ":open": Command("N", "open a hit ($LIKEBUT_OPENER)", files.open_, "hits"),
    ":copy": Command("[N…] FOLDER", "copy hits into a folder", files.copy, "hits and file"),
    ":save": Command("[FILE]", "all turns as one file", files.save, "file"),
    ":load": Command("FILE", "go on with the session of a file", files.load, "file"),
    ":report": Command("FILE", "the way to here as an HTML page", files.report, "file"),
    ":k": Command("N", "how many hits", steps.k),
    ":help": Command("", "this list", _help),
    ":quit": Command("", "end (Ctrl-D)", _quit),
}
KINDS: dict[str, Kind] = {name: command.offers for name, command in COMMANDS.items()}
