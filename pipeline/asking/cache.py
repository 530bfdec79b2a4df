"""The cache: model answers and vectors by content, one SQLite file, committed item by item.

A key is SHA-256 over everything that decides an answer (engine, model, revision, image contents,
messages, schema, sampling, repeat); device and batch size are not in it. Nothing expires. The
file may be copied and shared at any time, and one open cache used by many threads. What cannot be
written just now is used, and written as soon as that is possible.

An answer lies beside its question, so that it can be exported and its key computed again. What the
questions of one prompt and model share (everything but the last message and the repeat) is kept
once, as a *frame*.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import LikebutError
from ..records.chat import Reply
from ..records.keys import canonical, split_question
from .cachefile.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Item = TypeVar("_Item")


def reply_facts(reply: Reply) -> dict[str, Any]:
    """What is kept of a reply."""
    return {
        "text": reply.text,
        "prompt_tokens": reply.prompt_tokens,
        "reply_tokens": reply.reply_tokens,
        "seconds": reply.seconds,
        "finish": reply.finish,
        "served": reply.served,
        **({"chances": dict(reply.chances)} if reply.chances else {}),
    }


def batched(items: Iterable[_Item], size: int) -> Iterator[tuple[_Item, ...]]:
    """Tuples of ``size`` items, the last one shorter."""
    rest = iter(items)
    while part := tuple(islice(rest, size)):
        yield part


class Cache(Store):
    """An open cache file; made with its folder if missing.

    Raises InputError where the file is of another kind or of a newer likebut, or cannot be made.
    """

    def answers(self, keys: Sequence[str]) -> dict[str, Reply]:
        """The cached replies among ``keys``."""
        rows = self._rows("SELECT key, reply FROM answers WHERE key IN ({})", keys)
        known = {key: Reply(**{**json.loads(reply), "cached": True}) for key, reply in rows}
        waiting = self._waiting("answers", keys)
        return known | {key: replace(reply, cached=True) for key, reply in waiting.items()}

    def put_answer(
        self, key: str, model: str, reply: Reply, question: Mapping[str, Any] | None = None
    ) -> None:
        """Keep one reply with its ``question`` (the parts of its key); committed on return."""
        made = int(time.time())

        def write() -> None:
            frame, asked = self._framed(question) if question else (None, None)
            self._db.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                (key, model, canonical(reply_facts(reply)), frame, asked, made),
            )

        self._put("answers", key, reply, write)

    def learn_questions(self, questions: Mapping[str, Mapping[str, Any]]) -> None:
        """Put the questions beside answers that an older likebut kept without one, by key."""
        if self._file.trouble or not self._has_unasked:
            return
        with suppress(LikebutError), self.transaction():
            for key, question in questions.items():
                if self.ask("SELECT 1 FROM answers WHERE key = ? AND frame IS NULL", (key,)):
                    parts = self._framed(question)
                    self.ask("UPDATE answers SET frame = ?, asked = ? WHERE key = ?", (*parts, key))

    @cached_property
    def _has_unasked(self) -> bool:
        return bool(self.ask("SELECT 1 FROM answers WHERE frame IS NULL LIMIT 1"))

    def _framed(self, question: Mapping[str, Any]) -> tuple[int, str]:
        """The number of a question's frame, which is made if it is new, and what is not in it."""
        frame, asked = split_question(question)
        hashed = hashlib.sha256(frame.encode()).hexdigest()
        self._db.execute("INSERT OR IGNORE INTO frames (hash, text) VALUES (?, ?)", (hashed, frame))
        found = self._db.execute("SELECT id FROM frames WHERE hash = ?", (hashed,))
        return int(found.fetchone()[0]), asked

    def vectors(self, keys: Sequence[str]) -> dict[str, tuple[NDArray[Any], int]]:
        """The cached float32 vectors among ``keys``, each with the token count of its text."""
        import numpy as np

        rows = self._rows("SELECT key, vector, tokens FROM vectors WHERE key IN ({})", keys)
        known = {key: (np.frombuffer(blob, "<f4"), tokens) for key, blob, tokens in rows}
        return known | self._waiting("vectors", keys)

    def put_vector(self, key: str, model: str, vector: NDArray[Any], tokens: int = 0) -> None:
        """Keep one vector; committed on return."""
        kept = vector.astype("<f4")

        def write() -> None:
            row = (key, model, tokens, kept.tobytes())
            self._db.execute("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", row)

        self._put("vectors", key, (kept, tokens), write)

    def fact(self, key: str) -> Any:
        """A remembered JSON value, or None."""
        return self.facts([key]).get(key)

    def facts(self, keys: Sequence[str]) -> dict[str, Any]:
        """The remembered JSON values among ``keys``."""
        rows = self._rows("SELECT key, value FROM facts WHERE key IN ({})", keys)
        return {key: json.loads(value) for key, value in rows} | self._waiting("facts", keys)

    def put_fact(self, key: str, value: Mapping[str, Any]) -> None:
        """Remember a JSON value."""
        self.put_facts({key: value})

    def put_facts(self, values: Mapping[str, Mapping[str, Any]]) -> None:
        """Remember JSON values, together."""

        def write(key: str, text: str) -> None:
            self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (key, text))

        texts = {key: json.dumps(value) for key, value in values.items()}
        self._put_all(
            "facts", {key: (json.loads(text), partial(write, key, text)) for key, text in texts.items()}
        )

    def typical(self, model: str) -> tuple[float, float] | None:
        """(reply tokens, seconds) of the model's answers on average; None where there is none."""
        numbers = ", ".join(f"AVG(json_extract(reply, '$.{name}'))" for name in ("reply_tokens", "seconds"))
        tokens, seconds = self.ask(f"SELECT {numbers} FROM answers WHERE model = ?", (model,))[0]
        return None if tokens is None else (float(tokens), float(seconds or 0.0))

    def info(self) -> dict[str, Any]:
        """Counts of answers and vectors by model, and the size of the file in bytes."""
        by_model: dict[str, int] = {}
        for table in ("answers", "vectors"):
            question = f"SELECT model, COUNT(*) FROM {table} GROUP BY model"
            by_model |= {f"{model} {table}": count for model, count in self.ask(question)}
        return {
            "entries": sum(by_model.values()),
            "bytes": self.path.stat().st_size if self.path.exists() else 0,
            "by model": by_model,
        }
