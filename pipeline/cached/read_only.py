"""A cache that is only looked at: what a dry run knows, without leaving a trace."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.cache import TABLES, Cache
from pipeline.records import Reply

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ReadOnlyCache(Cache):
    """The file stays as it is, byte for byte; what is put is forgotten.

    Empty where there is no file.
    """

    def _open(self) -> sqlite3.Connection:
        if not self.path.is_file() or not self.path.stat().st_size:
            db = sqlite3.connect(":memory:", isolation_level=None)
            db.executescript(TABLES)
            return db
        # Whoever has the file open, or was killed, left a journal to be read; otherwise none is made.
        journal = self.path.with_name(self.path.name + "-wal").exists()
        mode = "mode=ro" if journal else "mode=ro&immutable=1"
        db = sqlite3.connect(f"{self.path.absolute().as_uri()}?{mode}", timeout=30, uri=True)
        self._version(db)
        return db

    def put_answer(
        self, key: str, model: str, reply: Reply, question: Mapping[str, Any] | None = None
    ) -> None:
        """Nothing."""

    def learn_questions(self, questions: Mapping[str, Mapping[str, Any]]) -> None:
        """Nothing."""

    def put_vector(self, key: str, model: str, vector: NDArray[Any], tokens: int = 0) -> None:
        """Nothing."""

    def put_fact(self, key: str, value: Mapping[str, Any]) -> None:
        """Nothing."""
