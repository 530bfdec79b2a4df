"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli.output import Format
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.hits.where import Condition

FormatOption = Annotated[Format, typer.Option("--format", "-f", help="What stdout gets.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A name from `list`, or a file.")]
ReferenceArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[REF]",
        help="The reference image: a file, an http address, - for stdin, or clipboard:",
    ),
]
ModificationArgument = Annotated[
    str | None, typer.Argument(metavar='["MODIFICATION"]', help="What should be different.")
]
IndexOption = Annotated[Path | None, typer.Option("--index", "-i", help="An index folder.")]
FolderOption = Annotated[
    list[Path] | None,
    typer.Option("--in", help="A folder of pictures (index in .likebut/); repeatable."),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only pictures with path=GLOB, date>=2024-05, size<2MB.",
    ),
]
FoldOption = Annotated[
    float | None,
    typer.Option(
        "--fold", metavar="COSINE", help="Fold hits so like a better one under it, as 0.97."
    ),
]
RecipeOption = Annotated[
    str, typer.Option("--recipe", "-r", help="Method: a name (see `recipes list`) or a .toml file.")
]
ProfileOption = Annotated[
    str,
    typer.Option("--profile", "-p", help="Models: a name (see `profiles list`) or a .toml file."),
]
DeviceOption = Annotated[
    str | None,
    typer.Option("--device", help="cpu, cuda, cuda:1, mps; missing means the profile's."),
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Forbid every download; a missing model is an error.")
]
CacheOption = Annotated[
    Path | None, typer.Option("--cache", help="Cache file (default: the user's cache folder).")
]
WeightOption = Annotated[
    list[str] | None,
    typer.Option("--weight", "-w", metavar="GRAIN=NUMBER", help="Change one weight; repeatable."),
]


class Choose(StrEnum):
    """How one answer is made of several samples; see `pipeline.stages.choose`."""

    first = "first"
    vote = "vote"
    mean = "mean"
    best = "best"


SamplesOption = Annotated[
    int | None,
    typer.Option("--samples", min=1, max=40, help="Ask the reasoner so often for each answer."),
]
ChooseOption = Annotated[
    Choose | None,
    typer.Option(
        "--choose", help="Of several samples: vote, mean of vectors, best by CLIP, first."
    ),
]
ProtocolOption = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="NAME=VALUE", help="Of the protocol: join, …"),
]
CaptionsOption = Annotated[
    Path | None, typer.Option("--captions", help="Search these captions instead of pictures.")
]
AllowMissingOption = Annotated[
    bool, typer.Option("--allow-missing", help="Use what is there of an incomplete data set.")
]
MaxCallsOption = Annotated[
    int | None,
    typer.Option(
        "--max-calls", min=0, help="Stop (exit 6) before more model calls; cached answers are free."
    ),
]
MaxCostOption = Annotated[
    float | None,
    typer.Option(
        "--max-cost", min=0, metavar="DOLLARS", help="Stop (exit 6) before model calls cost more."
    ),
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Estimate calls, tokens, cost and time; ask and write nothing."),
]
SkipOption = Annotated[
    int, typer.Option("--skip", min=0, metavar="N", help="Leave out the first N hits (paging).")
]
MinScoreOption = Annotated[
    float | None,
    typer.Option(
        "--min-score", metavar="X", help="Leave out hits that score below X, on the recipe's scale."
    ),
]
NotOption = Annotated[
    list[str] | None,
    typer.Option("--not", metavar="WORDS", help="Search away from these words; repeatable."),
]
LIST_FIELDS = ("desired", "preserved", "forbidden")
SET_FIELDS = ("caption", "target_caption", *LIST_FIELDS)


def cache_path(given: Path | None) -> Path:
    """The cache file: the option, $LIKEBUT_CACHE, or the user's cache folder."""
    if given is not None:
        return given
    if named := os.environ.get("LIKEBUT_CACHE"):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "likebut" / "answers.sqlite"


def kept_index(*folders: Path) -> Path:
    """Where the index of several folders, or of one that cannot be written, is kept: in the user's
    cache folder, the same in whatever order they are named.
    """
    from hashlib import sha256

    places = sorted(folder.resolve() for folder in folders)
    key = sha256(b"\0".join(map(os.fsencode, places))).hexdigest()[:16]
    more = f"-and-{len(places) - 1}" if len(places) > 1 else ""
    return cache_path(None).parent / "indexes" / f"{places[0].name or 'root'}{more}-{key}"


def as_text(text: str, what: str) -> str:
    """The text as it is. Raises ConfigError where a byte of it was no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise ConfigError(
            f"{what} is not UTF-8: {text!r}", "type it in a UTF-8 terminal"
        ) from problem
    return text


def read_not(values: Sequence[str] | None) -> tuple[str, ...]:
    """The words to search away from, trimmed. Raises ConfigError for empty ones."""
    words = tuple(as_text(value, "--not").strip() for value in values or ())
    if not all(words):
        raise ConfigError("--not is empty", "for example --not people")
    return words


def read_where(values: Sequence[str] | None) -> tuple[Condition, ...]:
    """The conditions on the gallery's files. Raises ConfigError."""
    from pipeline.hits.where import read_condition

    return tuple(read_condition(as_text(value, "--where")) for value in values or ())


def read_weights(values: Sequence[str] | None) -> dict[str, float]:
    """ "reference=0.3" → {"reference": 0.3}. Raises ConfigError."""
    from pipeline.config.finite import finite

    weights = {}
    for value in values or ():
        name, _, number = value.partition("=")
        try:
            weights[name.strip()] = finite(number)
        except ValueError as problem:
            why = f": {problem}" if str(problem).startswith("not between") else ""
            raise ConfigError(
                f"--weight {value!r} is not grain=number{why}", "for example --weight reference=0.3"
            ) from None
    return weights


def read_settings(values: Sequence[str] | None) -> Mapping[str, Any]:
    """ "target_caption=a red apple" → fields to change; lists are separated by ";". Raises ConfigError."""
    from pipeline.errors import did_you_mean
    from pipeline.stages.editing import EMPTY_HINT, EMPTY_TARGET

    settings: dict[str, Any] = {}
    for value in values or ():
        name, found, text = as_text(value, "--set").partition("=")
        name = name.strip()
        if not found:
            raise ConfigError(
                f"--set {value!r} is not field=text",
                "for example --set target_caption='a red apple'",
            )
        if name not in SET_FIELDS:
            hint = did_you_mean(name, list(SET_FIELDS))
            raise ConfigError(f"--set {value!r}: no field {name!r}", hint)
        if name in LIST_FIELDS:
            settings[name] = [part.strip() for part in text.split(";") if part.strip()]
        else:
            settings[name] = text
    if not settings.get("target_caption", "-").strip():
        raise ConfigError(f"--set: {EMPTY_TARGET}", EMPTY_HINT)
    return settings


def read_options(values: Sequence[str] | None) -> dict[str, Any]:
    """ "exclude_reference=false" → {"exclude_reference": False}; numbers and words as they are.

    Raises ConfigError.
    """
    options: dict[str, Any] = {}
    for value in values or ():
        name, found, text = value.partition("=")
        if not found:
            raise ConfigError(
                f"--option {value!r} is not name=value", "for example -o join=reversed"
            )
        word = text.strip().lower()
        plain: Any = {"true": True, "yes": True, "false": False, "no": False}.get(
            word, text.strip()
        )
        options[name.strip()] = int(text) if word.isdigit() else plain
    return options
