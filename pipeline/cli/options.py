"""Options that several commands share, and how their values are read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigError
from .output import Format

FormatOption = Annotated[Format, typer.Option("--format", "-f", help="What stdout gets.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A name from `list`, or a file.")]
ReferenceArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[REF]", help="The reference image: a file, an http address, - for stdin, or clipboard:"
    ),
]
ModificationArgument = Annotated[
    str | None, typer.Argument(metavar='["MODIFICATION"]', help="What should be different.")
]
FoldOption = Annotated[
    float | None,
    typer.Option("--fold", metavar="COSINE", help="Fold hits so like a better one under it, as 0.97."),
]
ProtocolOption = Annotated[
    list[str] | None, typer.Option("--option", "-o", metavar="NAME=VALUE", help="Of the protocol: join, …")
]
CaptionsOption = Annotated[
    Path | None, typer.Option("--captions", help="Search these captions instead of pictures.")
]
AllowMissingOption = Annotated[
    bool, typer.Option("--allow-missing", help="Use what is there of an incomplete data set.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Estimate calls, tokens, cost and time; ask and write nothing.")
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
TEXT_FIELDS = ("caption", "target_caption")  # what else is set is a list


def as_text(text: str, what: str) -> str:
    """The text as it is. Raises ConfigError where a byte of it was no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise ConfigError(f"{what} is not UTF-8: {text!r}", "type it in a UTF-8 terminal") from problem
    return text


def read_not(values: Sequence[str] | None) -> tuple[str, ...]:
    """The words to search away from, trimmed. Raises ConfigError for empty ones."""
    words = tuple(as_text(value, "--not").strip() for value in values or ())
    if not all(words):
        raise ConfigError("--not is empty", "for example --not people")
    return words


def read_weights(values: Sequence[str] | None) -> dict[str, float]:
    """ "reference=0.3" → {"reference": 0.3}. Raises ConfigError."""
    from ..config.finite import finite

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


def read_settings(values: Sequence[str] | None, option: str = "--set") -> Mapping[str, Any]:
    """ "target_caption=a red apple" → fields to change; lists are separated by ";".

    Raises ConfigError, which names the ``option``.
    """
    from ..stages.editing import EMPTY_HINT, EMPTY_TARGET

    settings: dict[str, Any] = {}
    for value in values or ():
        name, found, text = as_text(value, option).partition("=")
        name = name.strip()
        if not found:
            raise ConfigError(
                f"{option} {value!r} is not field=text",
                f"for example {option} target_caption='a red apple'",
            )
        if name not in TEXT_FIELDS:
            settings[name] = [part.strip() for part in text.split(";") if part.strip()]
        else:
            settings[name] = text
    if not settings.get("target_caption", "-").strip():
        raise ConfigError(f"{option}: {EMPTY_TARGET}", EMPTY_HINT)
    return settings


def read_options(values: Sequence[str] | None) -> dict[str, Any]:
    """ "exclude_reference=false" → {"exclude_reference": False}; numbers and words as they are.

    Raises ConfigError.
    """
    options: dict[str, Any] = {}
    for value in values or ():
        name, found, text = value.partition("=")
        if not found:
            raise ConfigError(f"--option {value!r} is not name=value", "for example -o join=reversed")
        word = text.strip().lower()
        plain: Any = {"true": True, "yes": True, "false": False, "no": False}.get(word, text.strip())
        options[name.strip()] = int(text) if word.isdigit() else plain
    return options
