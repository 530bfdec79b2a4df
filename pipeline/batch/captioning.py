"""Captions of a gallery by the profile's captioner, stored on the caption side of its index.

Answers go to the cache as they come, and the index is written at the end: a run that is killed is
continued by the same command, and no answer is asked for twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from ...indexes.errors import BadImage, Problem
from .. import prompting
from ..asking.encoder import CachedEncoder
from ..asking.engine import CachedEngine
from ..errors import InputError
from ..records.chat import Sampling
from ..records.keys import file_hash
from ..stages.contract import Need
from ..stages.describe import describe
from ..stages.languages import WRITTEN, Reads
from ..stages.pacing import portions

if TYPE_CHECKING:
    from ...indexes.items import Item
    from ..stages.composer import Composer

PROMPT = "describe/dense"
FILE = "file "  # how the source of captions from a file begins
CHUNK = 64
OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class CaptionReport:
    """What captioning did: of ``items``, ``captioned`` have captions now, ``asked`` were described
    in this run (or found in the cache), ``failed`` holds (item id, reason).
    """

    items: int
    captioned: int
    asked: int
    failed: tuple[Problem, ...]


@dataclass(frozen=True)
class Captioner:
    """The captioner of a profile, and the encoder that turns its captions into vectors."""

    engine: CachedEngine
    sampling: Sampling
    encoder: CachedEncoder
    prompt: str = PROMPT
    captions: int = 1
    reads: Reads = Reads()

    @property
    def template(self) -> prompting.Prompt:
        """The prompt, asking for captions in the language that the encoder reads."""
        return prompting.load(self.prompt, self.reads.language)

    @property
    def source(self) -> str:
        """What decides the captions, in words: captioner, prompt and how many, and their language."""
        template = self.template
        return (
            f"{WRITTEN}{self.engine.model} {self.engine.revision[:12]}, {template.name} "
            f"{template.fingerprint}, {self.captions} each{self.reads.said}"
        )


def captioner_of(
    composer: Composer, *, prompt: str | None = None, captions: int | None = None
) -> Captioner:
    """The captioner of a composer, with the prompt and number of captions of its recipe or others."""
    stage = composer.recipe.describe
    return Captioner(
        composer.captioner,
        composer.captioner_sampling,
        composer.encoder,
        prompt or (stage.prompt if stage else PROMPT),
        captions or (stage.captions if stage else 1),
        composer.reads,
    )


def caption_index(
    folder: Path, captioner: Captioner, *, anew: bool = False, on_progress: OnProgress | None = None
) -> CaptionReport:
    """Describe the pictures of the index in ``folder`` that have no captions, or all ``anew``.

    A picture that is gone, was changed, or about which the captioner says nothing is counted and
    named. Raises InputError for a gallery without pictures, ModelError where the captioner cannot
    be had, BudgetReached (the index is then as it was, and the answers are in the cache), and what
    `Reads.check_captions` and `likebut.indexes.sides.write_side` raise.
    """
    from ...indexes import sides
    from ...indexes.store import Index

    index = Index.open(folder, captioner.encoder.fingerprint)
    if index.manifest.encoder.reads_captions:
        raise InputError(f"{folder} is a gallery of captions alone: there is no picture to describe")
    side = None if anew else sides.align(folder)
    if side:
        captioner.reads.check_captions(side.manifest.source, folder)
    known = {item.row for item in side.all_items() if item.caption} if side else set()
    items = [item for item in index.all_items() if item.row not in known]
    writing = _Writing(captioner, on_progress, len(items))
    size = captioner.engine.spec.batch_size
    most = size * ceil(CHUNK / size)  # so that no batch but the last is less than full
    for chunk in portions(items, [Need(captioner.engine, captioner.captions)], most):
        writing.take(chunk)
    written = sides.write_side(
        folder,
        writing.found,
        captioner.encoder,
        anew=anew,
        source=captioner.source if writing.found else "",
    )
    return CaptionReport(written.items, written.captioned, len(items), tuple(writing.failed))


def caption_for_run(
    folder: Path, captioner: Captioner, on_progress: OnProgress | None = None
) -> CaptionReport:
    """As `caption_index`, so that a run's captions are of this captioner or from a file alone.

    Captions that another captioner wrote are written anew. Captions that began with a file stay as
    they are, even where some items have none.
    """
    from ...indexes import sides

    side = sides.align(folder)
    before = side.manifest.source if side else ""
    if side and before.startswith(FILE):
        return CaptionReport(side.count, side.captioned, 0, ())
    return caption_index(
        folder, captioner, anew=before not in ("", captioner.source), on_progress=on_progress
    )


@dataclass
class _Writing:
    """Captions as they come, and what is wrong with the other items."""

    captioner: Captioner
    on_progress: OnProgress | None
    total: int
    done: int = 0
    found: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    failed: list[Problem] = field(default_factory=list)

    def take(self, items: Sequence[Item]) -> None:
        """Describe ``items``; every answer is in the cache before the next batch is asked."""
        usable = [item for item in items if self._is_here(item)]
        captioner = self.captioner
        described = describe(
            [Path(item.path) for item in usable],
            captioner.template,
            captioner.engine,
            captioner.sampling,
            captioner.captions,
        )
        for item, (description, _) in zip(usable, described, strict=True):
            if description.captions:
                self.found[item.id, item.content_hash] = description.captions
            else:
                why = description.problem or "the captioner said nothing about it"
                self.failed.append(Problem(item.id, why))
        self.done += len(items)
        if self.on_progress:
            self.on_progress(self.done, self.total)

    def _is_here(self, item: Item) -> bool:
        """Whether the file is the one that was indexed; it was decoded then, so it can be now."""
        try:
            same = file_hash(Path(item.path)) == item.content_hash
        except OSError as problem:
            self.failed.append(Problem(item.id, (problem.strerror or "cannot be read").lower()))
            return False
        except BadImage as problem:
            self.failed.append(Problem(item.id, problem.reason))
            return False
        if not same:
            self.failed.append(Problem(item.id, "changed since it was indexed"))
        return same
