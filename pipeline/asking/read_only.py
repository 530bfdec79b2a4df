"""A cache that is only looked at: what a dry run knows, without leaving a trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..records.chat import Reply
from .cache import Cache
from .cachefile.opening import Opened, open_to_read
from .cachefile.trouble import Trouble

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ReadOnlyCache(Cache):
    """The file stays as it is, byte for byte; what is put is forgotten.

    Empty where there is no file.
    """

    reads_only = True

    def _opened(self, wait: float | None = None) -> Opened:
        return open_to_read(self.path, Trouble.READ_ONLY)

    def put_answer(
        self, key: str, model: str, reply: Reply, question: Mapping[str, Any] | None = None
    ) -> None:
        """Nothing."""

    def learn_questions(self, questions: Mapping[str, Mapping[str, Any]]) -> None:
        """Nothing."""

    def put_vector(self, key: str, model: str, vector: NDArray[Any], tokens: int = 0) -> None:
        """Nothing."""

    def put_facts(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Nothing."""
