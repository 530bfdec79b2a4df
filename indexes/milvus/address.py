"""Where a gallery in Milvus is: ``milvus://HOST:PORT/COLLECTION/GALLERY``, ``FILE.db/COLLECTION/GALLERY``.

What follows a "?" says how it is asked: ``consistency`` (Strong, Bounded, Session, Eventually), ``index``
(FLAT, which is exact, AUTOINDEX, HNSW, … of a collection that is made), ``secure=true`` for TLS,
``database``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl

from ..errors import EXIT_USAGE, GalleryError
from ..seal import MANIFEST

USUAL = "likebut"  # the collection where none is named
PORT = 19530
LEVELS = ("Strong", "Bounded", "Session", "Eventually")
OPTIONS = ("consistency", "index", "secure", "database")
_SERVER = re.compile(r"milvus:/+([^/?]*)(/[^?]*)?(?:\?(.*))?")
_FILE = re.compile(r"(.*?\.db)(/[^?]*)?(?:\?(.*))?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
HINT = "milvus://HOST:PORT/COLLECTION or FILE.db/COLLECTION; a gallery of several is …/COLLECTION/GALLERY"


@dataclass(frozen=True)
class Address:
    """A ``gallery`` (a partition; "" where none is named) of a ``collection`` at a server or in a file."""

    place: str
    lite: bool
    collection: str = USUAL
    gallery: str = ""
    consistency: str = "Bounded"
    index: str = "FLAT"
    secure: bool = False
    database: str = ""

    @property
    def uri(self) -> str:
        """What pymilvus connects to."""
        return self.place if self.lite else f"http{'s' if self.secure else ''}://{self.place}"

    def of(self, gallery: str) -> Address:
        """The address of a gallery of the same collection."""
        return replace(self, gallery=gallery)

    def __str__(self) -> str:
        """As it is typed; what is as usual is left out."""
        said = {
            "consistency": self.consistency if self.consistency != "Bounded" else "",
            "index": self.index if self.index != "FLAT" else "",
            "secure": "true" if self.secure else "",
            "database": self.database,
        }
        query = "&".join(f"{name}={value}" for name, value in said.items() if value)
        names = "/".join(filter(None, (self.collection, self.gallery)))
        return f"{'' if self.lite else 'milvus://'}{self.place}/{names}{'?' if query else ''}{query}"


def is_address(place: str | os.PathLike[str]) -> bool:
    """Whether a place is in Milvus; the folder of an index is not, whatever it is called."""
    text = os.fspath(place)
    if on_server(text):
        return True
    return bool(_FILE.fullmatch(text)) and not (Path(text).expanduser() / MANIFEST).is_file()


def on_server(place: str | os.PathLike[str]) -> bool:
    """Whether it is the address of a server, and no place of this machine."""
    return bool(_SERVER.fullmatch(os.fspath(place)))


def read_address(place: str | os.PathLike[str]) -> Address:
    """The address. A path is one, too: it has lost a slash of "milvus://". Raises GalleryError."""
    text = os.fspath(place)
    server, file = _SERVER.fullmatch(text), _FILE.fullmatch(text)
    match = server or file
    if match is None or not match[1]:
        raise _wrong(f"{text} is no address of Milvus")
    where = match[1] if server else str(Path(match[1]).expanduser())
    if server and "@" in where:
        raise _wrong(
            "an address holds no user and no password",
            "set LIKEBUT_MILVUS_TOKEN, for example user:password",
        )
    if server and ":" not in where:
        where += f":{PORT}"
    names = [name for name in (match[2] or "").split("/") if name]
    for name in names:
        if not _NAME.fullmatch(name) or "__" in name:
            raise _wrong(f"{name!r} is no name of a collection or gallery", "letters, digits and single _")
    if len(names) > 2:
        raise _wrong(f"{text} names more than a collection and a gallery")
    collection = names[0] if names else USUAL
    gallery = names[1] if len(names) > 1 else ""
    address = Address(where, server is None, collection, gallery)
    return _with_options(address, match[3] or "")


def _with_options(address: Address, query: str) -> Address:
    given = dict(parse_qsl(query, keep_blank_values=True))
    for name, value in given.items():
        if name not in OPTIONS:
            raise _wrong(f"an address has no option {name!r}", f"known: {', '.join(OPTIONS)}")
        if name == "consistency" and value not in LEVELS:
            raise _wrong(f"no consistency level {value!r}", f"known: {', '.join(LEVELS)}")
        if name == "secure" and value not in ("true", "false"):
            raise _wrong(f"secure={value} is neither true nor false")
    return replace(
        address,
        consistency=given.get("consistency", address.consistency),
        index=given.get("index", address.index),
        secure=given.get("secure") == "true",
        database=given.get("database", ""),
    )


def name_of(folder: Path) -> str:
    """What the gallery of an index is called where nobody says: as its folder, in letters Milvus takes."""
    word = folder.absolute().parent.name if folder.name.startswith(".") else folder.name
    word = re.sub(r"[^A-Za-z0-9]+", "_", word.removesuffix(".index")).strip("_") or "gallery"
    return word if word[0].isalpha() else f"g_{word}"


def _wrong(message: str, hint: str = HINT) -> GalleryError:
    return GalleryError(message, hint, EXIT_USAGE)
