"""Galleries of captions: rows that stand for texts about a picture, with pixels or without.

The index has the same form as any other. A row is the mean of the unit vectors of the item's
captions, so that its inner product with a unit vector is the mean cosine over the captions. The
items keep their captions, a line each, and the hash of these lines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from .contract import OF_CAPTIONS, EncoderId
from .errors import EXIT_USAGE, GalleryError, IndexMissing, Problem, rebuild_hint
from .files import disk_errors
from .items import Item
from .lock import write_lock
from .own import check_own
from .realigning import realign_forms
from .store import Index
from .writing import Content, write_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

Key = tuple[str, str]  # an item's id and content hash: what is said of a content fits no other


class TextEncoder(Protocol):
    """What turns captions into vectors; see ``contract.ImageEncoder`` for the names."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    @property
    def preprocessing(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        """(n, d) float32 unit rows."""
        ...


@dataclass(frozen=True)
class Captioned:
    """An item that has captions; ``path`` is empty where there is no picture."""

    id: str
    captions: tuple[str, ...]
    path: str = ""


def build_captions(
    captioned: Sequence[Captioned],
    out: Path,
    encoder: TextEncoder,
    *,
    dtype: str = "float16",
    on_progress: Callable[[int, int], None] | None = None,
) -> Index:
    """Index the captions of ``captioned`` in folder ``out``; what is there already is left alone.

    Raises ``GalleryError`` without any caption, for an id that is there twice or where ``out`` is an
    index of pictures, or ``DiskFull``; the previous index is then as it was.
    """
    items = _items(captioned)
    known = _known(out, encoder, items)
    if known is not None:
        return known
    texts = [item.caption.split("\n") for item in items if item.caption]

    def gather(start: int, stop: int) -> NDArray[Any]:
        rows = means(texts[start:stop], encoder)
        if on_progress:
            on_progress(stop, len(items))
        return rows

    content = Content(
        EncoderId(encoder.name, encoder.fingerprint, OF_CAPTIONS),
        encoder.dimension,
        dtype,
        items,
        (),
        (),
        gather,
    )
    check_own(out)
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        with write_lock(out):
            write_index(out, content)
            realign_forms(out)
    return Index.open(out)


def _items(captioned: Sequence[Captioned]) -> list[Item]:
    items: list[Item] = []
    for one in sorted(captioned, key=lambda one: one.id):
        lines = as_lines(one.captions)
        if not lines:
            continue
        if items and items[-1].id == one.id:
            raise GalleryError(f"the item {one.id!r} has captions twice")
        digest = hashlib.sha256(f"{one.id}\n{lines}".encode()).hexdigest()
        items.append(Item(len(items), one.id, one.path, digest, lines))
    if not items:
        raise GalleryError("no item has a caption")
    return items


def as_lines(captions: Sequence[str]) -> str:
    """Captions as an item keeps them, a line each; empty ones are left out."""
    return "\n".join(" ".join(text.split()) for text in captions if text.strip())


def _known(out: Path, encoder: TextEncoder, items: Sequence[Item]) -> Index | None:
    """The index in ``out`` where it holds these very captions by this encoder."""
    try:
        index = Index.open(out)
    except (IndexMissing, GalleryError):
        return None
    if not index.manifest.encoder.reads_captions:
        rebuild = rebuild_hint(out, index.manifest.roots).removesuffix("--rebuild")
        raise GalleryError(
            f"{out} is an index of pictures, and captions alone would replace it",
            f"name the pictures, too: {rebuild.partition(': ')[2]}--captions FILE",
            EXIT_USAGE,
        )
    if index.manifest.encoder.fingerprint != encoder.fingerprint or index.count != len(items):
        return None
    same = all(a.content_hash == b.content_hash for a, b in zip(index.all_items(), items, strict=True))
    return index if same else None


def means(texts: Sequence[Sequence[str]], encoder: TextEncoder) -> NDArray[Any]:
    """(n, d): the mean of the unit vectors of each item's captions."""
    import numpy as np

    flat = [text for captions in texts for text in captions]
    # What is searched may be encoded otherwise than what is asked.
    vectors = getattr(encoder, "encode_documents", encoder.encode_texts)(flat)
    ends = np.cumsum([len(captions) for captions in texts])
    starts = np.concatenate([[0], ends[:-1]])
    means: NDArray[Any] = np.add.reduceat(vectors, starts, axis=0) / (ends - starts)[:, None]
    return means


def captions_of(captions: Mapping[str, Sequence[str]]) -> list[Captioned]:
    """Items of a mapping from id to captions."""
    return [Captioned(ident, tuple(texts)) for ident, texts in captions.items()]


def match(
    items: Iterable[Item], captions: Mapping[str, Sequence[str]]
) -> tuple[dict[Key, tuple[str, ...]], tuple[Problem, ...]]:
    """Captions by item, and (key, reason) of every key that names none.

    A key is an item's id, else its file name, else its stem; the most exact one wins.
    """
    tables: tuple[dict[str, list[Key]], ...] = ({}, {}, {})
    for item in items:
        name = PurePosixPath(item.id)
        for table, key in zip(tables, (item.id, name.name, name.stem), strict=True):
            table.setdefault(key, []).append((item.id, item.content_hash))
    found: dict[Key, tuple[str, ...]] = {}
    unmatched: dict[str, str] = {}
    open_keys = dict(captions)
    for table in tables:
        for key in [key for key in open_keys if key in table]:
            texts, fitting = tuple(open_keys.pop(key)), table[key]
            if len(fitting) > 1:
                unmatched[key] = f"fits {len(fitting)} items, such as {fitting[0][0]}"
            elif fitting[0] in found:
                unmatched[key] = f"{fitting[0][0]} has captions under a more exact name"
            else:
                found[fitting[0]] = texts
    unmatched |= dict.fromkeys(open_keys, "no such item")
    return found, tuple(Problem(key, unmatched[key]) for key in captions if key in unmatched)
