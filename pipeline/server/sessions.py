"""The sessions of the server: one folder each, written after every step, so that a killed server has them.

::

    SESSIONS/<id>/about.json       gallery, recipe, when it was made; what a list of sessions shows
    SESSIONS/<id>/dialogue.json    as `Session.save` writes it, and what came later (see ``journal``)
    SESSIONS/<id>/pictures/<hash>  references that were uploaded
    SESSIONS/trash/<id>            sessions that were deleted
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..errors import ConfigError, LikebutError
from ..machine.outputs import replacing, write_at_once
from ..records.dialogue import Dialogue
from .journal import Kept, read_kept, stamp_of, write_kept
from .problems import Refused, missing
from .turn_texts import TurnText, texts_of

ID = r"[A-Za-z0-9_-]{16}"  # of secrets.token_urlsafe(12)
HASH = r"[0-9a-f]{64}"
MOST = 5000  # sessions
KEPT, KEPT_TURNS = 64, 4000  # dialogues in memory, and turns of all of them: some 0.11 MB each
LONGEST = 300  # turns of a session
SOON = 10.0  # seconds by which the file of a session may be late with when it was changed
PICTURES = 200  # uploads of a session
UPLOADS = 500  # uploads that belong to no session


@dataclass(frozen=True)
class About:
    """What is known of a session without its dialogue; ``changed`` is in seconds since 1970."""

    id: str
    gallery: str
    recipe: str
    changed: float
    turns: int = 0
    words: str = ""


class Sessions:
    """The sessions in a folder, which is made if missing. Of several threads at once.

    Raises ConfigError where it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._dialogues: OrderedDict[str, Kept] = OrderedDict()
        self._abouts: dict[str, tuple[int, About]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            (folder / "trash").mkdir(exist_ok=True)
            (folder / "uploads").mkdir(exist_ok=True)
        except OSError as problem:
            raise ConfigError(
                f"--sessions {folder} cannot be written: {problem.strerror}", "name another folder"
            ) from problem

    def make(self, gallery: str, recipe: str) -> About:
        """A new session, with nothing said yet. Raises Refused where there are too many."""
        if len(self._ids()) >= MOST:
            raise Refused(429, f"there are {MOST} sessions", "delete some")
        about = About(secrets.token_urlsafe(12), gallery, recipe, time.time())
        (self.folder / about.id / "pictures").mkdir(parents=True, mode=0o700)
        self._write(about)
        return about

    def about(self, ident: str) -> About:
        """What is known of a session. Raises Refused where there is none."""
        path = self._place(ident) / "about.json"
        try:
            stamp = path.stat().st_mtime_ns
            known = self._abouts.get(ident)
            if known and known[0] == stamp:
                return known[1]
            about = About(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            raise missing("session", "begin a new one") from None
        self._abouts[ident] = stamp, about
        return about

    def remembered(self, ident: str) -> About | None:
        """What was last known of a session that is at work, without a look at its file."""
        known = self._abouts.get(ident)
        return known[1] if known else None

    def all(self) -> list[About]:
        """All sessions, the one that was changed last first."""
        found = []
        for ident in self._ids():
            with suppress(LikebutError):
                found.append(self.about(ident))
        return sorted(found, key=lambda about: -about.changed)

    def dialogue(self, ident: str) -> Dialogue:
        """Its dialogue. Raises Refused where there is no such session, InputError for a damaged one."""
        kept = self._kept(ident)
        return kept.dialogue if kept else Dialogue()

    def _kept(self, ident: str) -> Kept | None:
        """Its dialogue as its files have it now; None where nothing was said."""
        folder = self._place(ident)
        self.about(ident)
        stamp = stamp_of(folder)
        if stamp is None:
            return None
        with self._lock:
            known = self._dialogues.get(ident)
            if known and known.stamp == stamp:
                self._dialogues.move_to_end(ident)
                return known
        return self._remember(ident, read_kept(folder, stamp))

    def keep(self, about: About, dialogue: Dialogue) -> About:
        """Write what became of a session: whole, or as it was before."""
        self.about(about.id)  # it may have been deleted meanwhile
        with self._lock:
            before = self._dialogues.get(about.id)
        self._remember(about.id, write_kept(self._place(about.id), dialogue, before))
        turns = dialogue.turns
        said = next((turn.step.sentence for turn in reversed(turns) if turn.step.sentence), "")
        words = said or (turns[-1].step.words if turns else "")
        after = replace(about, turns=len(turns), words=words, changed=time.time())
        stamp, known = self._abouts.get(about.id, (0, None))
        if known and after == replace(known, changed=after.changed) and _is_new(stamp):
            self._abouts[about.id] = stamp, after  # a slider that moves: the file says all but when
        else:
            self._write(after)
        return after

    def texts(self, ident: str, dialogue: Dialogue) -> Sequence[TurnText]:
        """The JSON of the turns of a session, each made once."""
        with self._lock:
            known = self._dialogues.get(ident)
        return texts_of(dialogue.turns, known.texts if known else ())

    def trash(self, ident: str) -> None:
        """Move a session out of the way; nothing of it is destroyed. Raises Refused."""
        self.about(ident)
        place = self._place(ident)
        with self._lock:
            self._dialogues.pop(ident, None)
            self._abouts.pop(ident, None)
            place.rename(self.folder / "trash" / f"{ident}-{secrets.token_hex(4)}")

    def keep_picture(self, ident: str, data: bytes) -> Path:
        """The file of an uploaded picture: of a session, or of none where ``ident`` is empty.

        Raises Refused for too many, and for bytes that are no picture.
        """
        folder = self._place(ident) / "pictures" if ident else self.folder / "uploads"
        check_picture(data)
        path = folder / sha256(data).hexdigest()
        if not path.exists():
            self._make_room(folder, bool(ident))
            with replacing(path) as draft:
                draft.write_bytes(data)
        return path

    def picture(self, ident: str, hashed: str) -> Path:
        """The file of a picture that was uploaded. Raises Refused where there is none."""
        folder = self._place(ident) / "pictures" if ident else self.folder / "uploads"
        if not re.fullmatch(HASH, hashed) or not (folder / hashed).is_file():
            raise missing("picture", "upload it again")
        return folder / hashed

    def _make_room(self, folder: Path, of_session: bool) -> None:
        there = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        if of_session and len(there) >= PICTURES:
            raise Refused(429, f"the session has {PICTURES} pictures", "begin another one")
        for path in there[: max(0, len(there) - UPLOADS + 1)]:
            path.unlink(missing_ok=True)

    def _place(self, ident: str) -> Path:
        """The folder of a session, whose id is never part of a path before it is known to be one."""
        if not re.fullmatch(ID, ident):
            raise missing("session", "begin a new one")
        return self.folder / ident

    def _ids(self) -> list[str]:
        return [path.name for path in self.folder.iterdir() if re.fullmatch(ID, path.name)]

    def _write(self, about: About) -> None:
        path = self._place(about.id) / "about.json"
        self._abouts[about.id] = write_at_once(path, json.dumps(asdict(about)).encode("ascii")), about

    def _remember(self, ident: str, kept: Kept) -> Kept:
        with self._lock:
            self._dialogues[ident] = kept
            self._dialogues.move_to_end(ident)
            turns = sum(len(one.texts) for one in self._dialogues.values())
            while len(self._dialogues) > 1 and (len(self._dialogues) > KEPT or turns > KEPT_TURNS):
                turns -= len(self._dialogues.popitem(last=False)[1].texts)
        return kept


def _is_new(stamp: int) -> bool:
    return 0 <= time.time() - stamp / 1e9 < SOON


def check_picture(data: bytes) -> Any:
    """Raises Refused where bytes are no picture that a gallery would take."""
    from ...indexes.decode import decode, quiet
    from ...indexes.errors import BadImage

    try:
        with quiet():
            decode(data, "the picture", 224)
    except BadImage as problem:
        status = 413 if "pixels" in problem.reason else 415
        raise Refused(status, f"the picture cannot be used: {problem.reason}", "give another one") from None
