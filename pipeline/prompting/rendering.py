"""Templates of prompts, rendered within bounds: what a stranger's file may compute is limited.

Jinja's sandbox keeps a template from the program's objects. It does not keep it from filling the
memory or from never ending; here texts have a longest length, numbers a largest size, and all loops
of a rendering together a number of turns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError

if TYPE_CHECKING:
    from jinja2 import Template

LONGEST = 1_000_000  # characters of one text, and of what is rendered
LARGEST = 10**18
TURNS = 100_000
# They make texts of any length out of a number, and prompts need none of them.
_METHODS_WITHOUT = (
    "center",
    "expandtabs",
    "format",
    "format_map",
    "join",
    "ljust",
    "replace",
    "rjust",
    "translate",
    "zfill",
)
_WITHOUT = ("batch", "center", "format", "indent", "slice", "wordwrap", "filesizeformat", "pprint")


class TooMuch(Exception):
    """A template that asks for more than the bounds allow."""


class Turns:
    """How many turns the loops of one rendering may still take."""

    def __init__(self) -> None:
        self.left = TURNS

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        """The values, each of which costs a turn."""
        for value in values:
            self.left -= 1
            if self.left < 0:
                raise TooMuch(f"its loops take more than {TURNS:,} turns")
            yield value


def render(source: str, values: Mapping[str, Any], where: str) -> str:
    """The text of a template. Raises ConfigError, which begins with ``where``, for any fault of it."""
    if "{" not in source and len(source) <= LONGEST:  # it says the same whatever the values are
        return source.removesuffix("\n")
    try:
        parts: list[str] = []
        length = 0
        for part in _template(source).generate({**values, "_turns": Turns()}):
            length += len(part)
            _check_length(length)
            parts.append(part)
        return "".join(parts)
    except Exception as problem:  # whatever a template does, it is the template's fault
        said = " ".join(str(problem).split()) or "it cannot be rendered"
        raise ConfigError(f"{where}: {type(problem).__name__}: {said}"[:300]) from problem


@cache
def environment() -> Any:
    """The Jinja environment of all prompts: sandboxed, bounded, and a missing variable is an error."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Bounded(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset(("*", "**", "+", "%"))

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            _check_operation(operator, left, right)
            result = super().call_binop(context, operator, left, right)
            _check_size(result)
            return result

        def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
            for value in (*args, *kwargs.values()):
                _check_number(value)
            if getattr(obj, "__name__", "") in _METHODS_WITHOUT:
                raise TooMuch(f"{obj.__name__}() is not for prompts")
            return super().call(context, obj, *args, **kwargs)

    made = Bounded(undefined=StrictUndefined, keep_trailing_newline=False)
    for name in _WITHOUT:
        made.filters.pop(name, None)
    made.globals.pop("lipsum", None)
    made.filters |= {"_joined": _joined, "join": _join, "replace": _replace}
    made.filters["_counted"] = lambda values, turns: turns.counted(values)
    return made


@cache
def _template(source: str) -> Template:
    """The compiled template, with its loops counted and its joined texts measured."""
    from jinja2 import Template, nodes

    made = environment()
    tree = made.parse(source)
    for loop in tree.find_all(nodes.For):
        turns: list[Any] = [nodes.Name("_turns", "load")]
        loop.iter = nodes.Filter(loop.iter, "_counted", turns, [], None, None, lineno=loop.lineno)
    for join in tree.find_all(nodes.Concat):
        parts = nodes.List(join.nodes, lineno=join.lineno)
        join.nodes = [nodes.Filter(parts, "_joined", [], [], None, None, lineno=join.lineno)]
    tree.set_environment(made)
    return Template.from_code(made, made.compile(tree), made.make_globals(None))


def _joined(parts: Sequence[Any]) -> str:
    texts = [str(part) for part in parts]
    _check_length(sum(map(len, texts)))
    return "".join(texts)


def _join(values: Iterable[Any], between: str = "") -> str:
    texts = [str(value) for value in values]
    _check_length(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _replace(text: Any, old: str, new: str, count: int = -1) -> str:
    text = str(text)
    _check_length(len(text) + text.count(old) * len(new))
    return str(text.replace(old, new, count))


def _check_length(length: int) -> None:
    if length > LONGEST:
        raise TooMuch(f"it makes texts of more than {LONGEST:,} characters")


def _check_number(value: Any) -> None:
    if isinstance(value, int | float) and abs(value) > LONGEST:
        raise TooMuch(f"it counts beyond {LONGEST:,}")


def _check_operation(operator: str, left: Any, right: Any) -> None:
    """Raises TooMuch before a result is made that would be too long or too large."""
    lengths = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
    if operator == "%" and isinstance(left, str):
        raise TooMuch("texts are not formatted in a prompt")
    if operator == "+":
        _check_length(sum(lengths))
    elif operator == "*" and lengths:
        times = [side for side in (left, right) if isinstance(side, int)]
        _check_length(lengths[0] * max([*times, 0]))
    elif operator == "**" and not (abs(left) <= LARGEST and abs(right) <= 64):
        raise TooMuch("its numbers are too large")
    _check_size(left)
    _check_size(right)


def _check_size(number: Any) -> None:
    if isinstance(number, int | float) and abs(number) > LARGEST:
        raise TooMuch("its numbers are too large")
