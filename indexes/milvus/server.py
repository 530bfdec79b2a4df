"""A connection to Milvus, whose errors are one clear line. Credentials come from the environment alone."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import EXIT_MODEL, EXIT_USAGE, GalleryError, IndexBusy, IndexMissing
from .address import Address

OLDEST = (2, 4)  # of a server: what is asked of it is there since then
TOKEN, USER, PASSWORD = "LIKEBUT_MILVUS_TOKEN", "LIKEBUT_MILVUS_USER", "LIKEBUT_MILVUS_PASSWORD"
SECONDS = 30.0  # to connect


class Server:
    """What is asked of one address. Raises GalleryError for whatever Milvus refuses."""

    def __init__(self, address: Address, *, make: bool = False) -> None:
        """Connect; a file that is not there is only made where ``make``."""
        self.address = address
        if address.lite and not make and not Path(address.place).exists():
            raise IndexMissing(
                f"no file {address.place}", f"likebut index push GALLERY.index --to {address}"
            )
        self._client = self._connected()
        self.version = str(self.ask("get_server_version"))
        self._check_version()

    def ask(self, what: str, **given: Any) -> Any:
        """What the client's method ``what`` answers."""
        from pymilvus.exceptions import MilvusException

        try:
            return getattr(self._client, what)(**given)
        except MilvusException as error:
            raise self._told(error) from error

    def query(self, expression: str, fields: list[str], **given: Any) -> list[dict[str, Any]]:
        """The rows of the gallery that meet an expression."""
        asked = {**self._of_the_gallery(), **given}
        return list(self.ask("query", filter=expression, output_fields=fields, **asked))

    def count(self, expression: str = "", **given: Any) -> int:
        """How many rows of the gallery meet an expression."""
        # without an expression Milvus Lite counts all partitions
        return int(self.query(expression or "row >= 0", ["count(*)"], **given)[0]["count(*)"])

    def each(
        self, fields: list[str], expression: str = "", size: int = 1000, **given: Any
    ) -> Iterator[list[dict[str, Any]]]:
        """All rows of the gallery that meet an expression, a batch at a time."""
        asked = {**self._of_the_gallery(), **given}
        rows = self.ask("query_iterator", batch_size=size, filter=expression, output_fields=fields, **asked)
        try:
            while batch := rows.next():
                yield list(batch)
        finally:
            rows.close()

    def _of_the_gallery(self) -> dict[str, Any]:
        """Where rows are asked for, and how sure it must be that all of them are there."""
        address = self.address
        return {
            "collection_name": address.collection,
            "partition_names": [address.gallery],
            "consistency_level": address.consistency,
        }

    def close(self) -> None:
        """End the connection; Milvus Lite lets go of its file."""
        self._client.close()

    def _connected(self) -> Any:
        try:
            from pymilvus import MilvusClient
            from pymilvus.exceptions import MilvusException

            if self.address.lite:
                import milvus_lite  # noqa: F401
        except ImportError as error:
            raise GalleryError(
                f"a gallery in Milvus needs the package {error.name}",
                "pip install 'likebut[milvus]'",
                EXIT_MODEL,
            ) from error
        # it logs every refusal with a traceback; who asks is told by one line
        for name in ("pymilvus", "grpc", "milvus_lite"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        token, user, password = (os.environ.get(name, "") for name in (TOKEN, USER, PASSWORD))
        secrets = {"token": token} if token else {"user": user, "password": password}
        try:
            return MilvusClient(self.address.uri, db_name=self.address.database, timeout=SECONDS, **secrets)
        except (MilvusException, OSError, ValueError) as error:
            raise self._told(error) from error

    def _check_version(self) -> None:
        number = re.search(r"(\d+)\.(\d+)", self.version)
        if number and not self.address.lite and (int(number[1]), int(number[2])) < OLDEST:
            raise GalleryError(
                f"{self.address.place} is Milvus {self.version}; likebut needs 2.4 or newer",
                "update the server",
            )

    def _told(self, error: Exception) -> GalleryError:
        """One line, without what was secret."""
        place = self.address.place
        words = str(getattr(error, "message", "") or error).strip().splitlines()
        line = (words or [type(error).__name__])[0]
        for name in (TOKEN, PASSWORD):
            if os.environ.get(name):
                line = line.replace(os.environ[name], "…")
        low = line.lower()
        if "open local milvus" in low:  # which keeps to itself why
            return IndexBusy(
                f"{place} cannot be opened: another process has it open, or it is not of Milvus Lite",
                "wait for the other process, or name another file",
            )
        if "auth" in low or "permission" in low or "privilege" in low:
            hint = f"set {TOKEN}, or {USER} and {PASSWORD}"
            return GalleryError(f"Milvus at {place} lets nobody in like this: {line}", hint, EXIT_USAGE)
        if "connect" in low or "unavailable" in low or "deadline" in low:
            return GalleryError(
                f"Milvus at {place} is not reached: {line}", "is it running, and is the port right?"
            )
        return GalleryError(f"Milvus at {place}: {line}")
