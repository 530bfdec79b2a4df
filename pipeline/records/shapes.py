"""Whether a record that somebody handed on has the shape of ours: its kinds of values, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .roles import ELEMENTS

# A class, [of items], {"key": of what is there under it} or {str: of all values}; a tuple: any of these.
Shape = Any
_TEXTS = [str]
_SAID = {"modification": str, "target_caption": str, "elements": {str: _TEXTS}}
_QUERY = {
    "id": str,
    "reference": (str, None),
    "modification": str,
    "file": str,
    "row": (int, None),
    "history": [_SAID],
    "liked": _TEXTS,
    "disliked": _TEXTS,
}
_HIT = {
    "rank": int,
    "row": int,
    "id": str,
    "path": str,
    "score": float,
    "shares": {str: float},
    "alike": _TEXTS,
    "judged": (float, None),
    "before": int,
    "boxes": {str: [float]},
}
_INTENT = {
    **dict.fromkeys(("target_caption", "reasoning", "fallback"), str),
    **dict.fromkeys(("rewrites", "samples", *ELEMENTS), _TEXTS),
}
TRACE: Shape = {
    "query": _QUERY,
    "recipe": str,
    "profile": str,
    "captions": _TEXTS,
    "intent": _INTENT,
    "grains": [{"name": str, "role": str, "weight": float, "text": str}],
    "ranking": {"hits": [_HIT]},
    "seconds": {str: float},
    "warnings": _TEXTS,
    "error": str,
    "light": {"tower": str, "agreement": float},
}
STEP: Shape = {"sentence": str, "picked": str, "hits": _TEXTS, "values": {str: (float, str, _TEXTS)}}


def check(value: Any, shape: Shape, where: str = "") -> None:
    """Raises ValueError naming the place of a value that is of another kind; what is missing is fine."""
    if isinstance(shape, tuple):
        if not any(_fits(value, one) for one in shape):
            raise ValueError(f"{where or 'it'} is {_kind(value)}")
    elif isinstance(shape, list):
        _same(value, list, where)
        for number, one in enumerate(value):
            check(one, shape[0], f"{where}[{number}]")
    elif isinstance(shape, dict):
        _same(value, dict, where)
        for key, one in value.items():
            if str in shape or key in shape:
                check(one, shape.get(key, shape.get(str)), f"{where}.{key}".lstrip("."))
    else:
        _same(value, shape, where)


def _fits(value: Any, shape: Shape) -> bool:
    try:
        check(value, shape)
    except ValueError:
        return False
    return True


def _same(value: Any, kind: type | None, where: str) -> None:
    kinds: Sequence[type] = (int, float) if kind is float else (type(None) if kind is None else kind,)
    if not isinstance(value, tuple(kinds)) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where or 'it'} is {_kind(value)}")


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
