"""An open cache file: statements, transactions, and what waits to be written."""

from __future__ import annotations

import atexit
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self

from ...errors import BusyError, InputError, LikebutError
from .opening import Opened, empty, open_file, open_to_read, whole
from .rescue import move_aside, take_over
from .standing import held, inode_of
from .trouble import SHORT_WAIT, WAIT, Trouble, trouble_of

_IN_ONE_QUESTION = 500
_log = logging.getLogger("likebut.pipeline.asking.cache")


@dataclass(frozen=True)
class _Unwritten:
    """A value that is not in the file yet, and how to put it there."""

    value: Any
    write: Callable[[], None]


class Store:
    """An open cache file that many threads may use; what cannot be written now waits in memory.

    Raises InputError where the file is of another kind or of a newer likebut, or cannot be made.
    """

    reads_only = False  # on purpose: see `ReadOnlyCache`

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inode = 0
        self._lock = RLock()
        self._told: set[Trouble] = set()
        self._unwritten: dict[tuple[str, str], _Unwritten] = {}
        self._file = self._open()

    def _open(self) -> Opened:
        try:
            return self._opened()
        except sqlite3.DatabaseError as problem:
            if trouble_of(problem) is not Trouble.CORRUPT:
                raise
        return self._renewed()

    def _opened(self, wait: float | None = None) -> Opened:
        with held(self.path.parent, moves=False):
            try:
                return open_file(self.path, wait)
            finally:
                self._inode = inode_of(self.path)

    @property
    def _db(self) -> sqlite3.Connection:
        return self._file.db

    def _renewed(self) -> Opened:
        """Move a corrupt file aside and begin a new one with what is whole in it."""
        if self.reads_only:
            raise InputError(
                f"the cache {self.path} is damaged",
                "a command that is no dry run moves it aside and takes over what is whole in it",
            )
        try:
            # not as it is now: another process may have begun a new one meanwhile
            moved = move_aside(self.path, self._inode)
        except OSError:
            _log.warning("the cache %s is damaged, and its folder may only be read", self.path)
            return Opened(empty(), Trouble.READ_ONLY)
        opened = self._opened()
        if moved:
            _log.warning(
                "the cache %s was damaged: moved to %s, and %d answers taken over that are whole",
                self.path,
                moved,
                take_over(moved, opened.db),
            )
        return opened

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within is kept, or nothing of it; other threads and processes wait.

        Raises BusyError where another process does not let go, and InputError.
        """
        with self._lock:
            if self._file.trouble:
                raise self._error(self._file.trouble)
            try:
                with whole(self._db):
                    yield
            except sqlite3.DatabaseError as problem:
                raise self._told_as(problem) from problem

    @contextmanager
    def moment(self) -> Iterator[None]:
        """What is read within is of one moment, whoever writes meanwhile."""
        with self._lock:
            self.ask("BEGIN")
            try:
                yield
            finally:
                self.ask("COMMIT")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what waits, if that is possible now, and close the file."""
        with self._lock:
            self._flush()
            waiting = sum(table == "answers" for table, _ in self._unwritten)
            if waiting and self._file.trouble is not Trouble.READ_ONLY:
                _log.warning("%d new answers are not kept in the cache %s", waiting, self.path)
            self._unwritten.clear()
            self._db.close()

    def _put(self, table: str, key: str, value: Any, write: Callable[[], None]) -> None:
        self._put_all(table, {key: (value, write)})

    def _put_all(self, table: str, values: Mapping[str, tuple[Any, Callable[[], None]]]) -> None:
        """Put values by key, each with what writes it, in one transaction."""
        with self._lock:
            self._unwritten |= {(table, key): _Unwritten(*one) for key, one in values.items()}
            self._flush()

    def _waiting(self, table: str, keys: Sequence[str]) -> dict[str, Any]:
        """The values among ``keys`` that are not in the file yet."""
        with self._lock:
            return {
                key: self._unwritten[table, key].value for key in keys if (table, key) in self._unwritten
            }

    def _flush(self) -> None:
        """Write what is not written, all of it or nothing; says once why that is not possible."""
        if not self._unwritten:
            return
        if self._file.trouble is Trouble.BUSY:
            self._file = self._again()
        if self._file.trouble:
            self._tell(self._file.trouble)
            return
        try:
            self._write_all()
        except sqlite3.DatabaseError as problem:
            trouble = trouble_of(problem)
            if trouble is None:
                raise
            if trouble is Trouble.CORRUPT:
                self._file = self._renewed()
                self._flush()
                return
            self._tell(trouble)

    def _write_all(self) -> None:
        with whole(self._db):
            for one in self._unwritten.values():
                one.write()
        self._unwritten.clear()
        if self._told:
            self._told.clear()
            self._db.execute(f"PRAGMA busy_timeout={int(WAIT * 1000)}")

    def _again(self) -> Opened:
        """The file that another process held, if it has let go."""
        opened = self._opened(SHORT_WAIT)
        self._db.close()
        return opened

    def _tell(self, trouble: Trouble) -> None:
        if trouble in self._told:
            return
        if not self._told:
            atexit.register(self.close)  # a last try: few close a cache that is used to the end
        self._told.add(trouble)
        if trouble is Trouble.BUSY and not self._file.trouble:
            self._db.execute(f"PRAGMA busy_timeout={int(SHORT_WAIT * 1000)}")
        later = "" if trouble is Trouble.READ_ONLY else ", and kept as soon as that is possible"
        _log.warning(
            "the cache %s %s: new answers are used without being kept%s", self.path, trouble.value, later
        )

    def _rows(self, question: str, keys: Sequence[str]) -> list[Any]:
        """The rows of ``keys``. A file that is held is read as it is on disk, without a lock."""
        rows: list[Any] = []
        for start in range(0, len(keys), _IN_ONE_QUESTION):
            part = keys[start : start + _IN_ONE_QUESTION]
            statement = question.format(",".join("?" * len(part)))
            with self._lock:
                try:
                    rows += self.ask(statement, part)
                except BusyError:
                    self._tell(Trouble.BUSY)
                    self._file = open_to_read(self.path, Trouble.BUSY)
                    rows += self.ask(statement, part)
        return rows

    def ask(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows a statement gives; what it changes is committed.

        Raises BusyError where another process does not let go, and InputError.
        """
        with self._lock:
            try:
                return self._db.execute(statement, tuple(values)).fetchall()
            except sqlite3.DatabaseError as problem:
                if trouble_of(problem) is not Trouble.CORRUPT or self._db.in_transaction:
                    raise self._told_as(problem) from problem
            self._file = self._renewed()
            return self._db.execute(statement, tuple(values)).fetchall()

    def _told_as(self, problem: sqlite3.DatabaseError) -> Exception:
        """What an error of SQLite is to a person; itself where it is a bug."""
        trouble = trouble_of(problem)
        if trouble is Trouble.CORRUPT and not self._db.in_transaction:
            self._file = self._renewed()
        return self._error(trouble) if trouble else problem

    def _error(self, trouble: Trouble) -> LikebutError:
        if trouble is Trouble.BUSY:
            return BusyError(
                f"the cache {self.path} {trouble.value}", "run it again when that has finished"
            )
        hints = {
            Trouble.READ_ONLY: "name another file with --cache",
            Trouble.FULL: "free some space and run it again; nothing of it is lost",
            Trouble.DISK: "check the disk, or name another file with --cache",
            Trouble.CORRUPT: "run it again: what is whole in it is taken over",
        }
        what = "was damaged" if trouble is Trouble.CORRUPT else trouble.value
        return InputError(f"the cache {self.path} {what}", hints[trouble])
