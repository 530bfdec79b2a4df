"""What a request is told that cannot be answered: a status, one message, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from ...indexes.errors import EXIT_BUSY as GALLERY_BUSY
from ...indexes.errors import GalleryError
from ..errors import EXIT_INPUT, BudgetReached, BusyError, LikebutError, ModelError
from .quick_json import quick_json


class Refused(LikebutError):
    """A request that is not answered, with the HTTP ``status`` that says why.

    ``after``: seconds until it may be tried again.
    """

    exit_code = EXIT_INPUT

    def __init__(self, status: int, message: str, hint: str = "", after: int = 0) -> None:
        super().__init__(message, hint)
        self.status, self.after = status, after


class Json(Response):
    """A JSON answer, as `quick_json` writes it; bytes are JSON already."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes. Raises ValueError for a number that JSON has not."""
        return content if isinstance(content, bytes) else quick_json(content)


def missing(what: str, hint: str = "") -> Refused:
    """There is no such thing here."""
    return Refused(404, f"no {what} here", hint)


def told(problem: LikebutError | GalleryError) -> dict[str, Any]:
    """What a person is told of a problem, with its status."""
    return {"status": status_of(problem), "message": _text(problem.message), "hint": _text(problem.hint)}


def status_of(problem: LikebutError | GalleryError) -> int:
    """The HTTP status of a problem."""
    if isinstance(problem, Refused):
        return problem.status
    if isinstance(problem, BudgetReached):
        return 402
    busy = isinstance(problem, BusyError | ModelError) or problem.exit_code == GALLERY_BUSY
    return 503 if busy else 422


def answer(problem: LikebutError | GalleryError) -> Json:
    """The response of a problem."""
    words = told(problem)
    status = words.pop("status")
    after = problem.after if isinstance(problem, Refused) else 0
    return Json(words, status, {"Retry-After": str(after)} if after else None)


def refusal(status: int, message: str, hint: str = "", headers: Mapping[str, str] | None = None) -> Json:
    """The response of a status and its words."""
    return Json({"message": message, "hint": hint}, status, headers)


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
