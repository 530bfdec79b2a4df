"""Plan a gallery with dialogues: sentences that change a scene one after the other.

A family is a reference, the scenes that a dialogue about it passes through, and variants of all of them,
so that a picture like the reference, or like the turn before, is not yet an answer. What is asked is the
last sentence; those before it are its history.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from ..errors import ConfigError
from . import captions, edits, world
from .edits import Edit
from .plan import FAMILY, DrawnGallery, DrawnQuery
from .world import Scene

LEAST, MOST = 2, 4  # turns of a dialogue


@dataclass(frozen=True)
class _Family:
    """A reference and the edits that follow one another."""

    reference: Scene
    edits: tuple[Edit, ...]

    @property
    def scenes(self) -> list[Scene]:
        return [self.reference, *(edit.after for edit in self.edits)]


def plan_dialogues(count: int, seed: int, queries: int, turns: int) -> DrawnGallery:
    """``queries`` dialogues, each of LEAST to ``turns`` sentences, in a gallery of ``count`` pictures.

    Raises ConfigError for a number of turns that is none of LEAST to MOST, and where the gallery cannot
    hold the dialogues.
    """
    if not LEAST <= turns <= MOST:
        raise ConfigError(f"a drawn dialogue has {LEAST} to {MOST} turns", f"--turns {LEAST} to {MOST}")
    if queries < 1 or queries * (turns + 1) > count:
        raise ConfigError(
            f"{count} pictures cannot hold {queries} dialogues of {turns} turns",
            f"use --count {max(1, queries) * (turns + 1)} or more, and one of --queries at least",
        )
    rng = Random(f"likebut dialogues {seed}")
    lengths = [LEAST + number % (turns - LEAST + 1) for number in range(queries)]
    families = [_family(rng, length) for length in lengths]
    scenes = _scenes(families, count, rng)
    place = list(range(count))
    rng.shuffle(place)
    drawn = dict(zip(place, scenes, strict=True))
    where: dict[Scene, list[int]] = {}
    for number in range(count):
        where.setdefault(drawn[number], []).append(number)
    first = 0
    asked = []
    for number, family in enumerate(families):
        asked.append(_query(number, family, place[first], where))
        first += len(family.scenes)
    seeds = tuple(rng.getrandbits(31) for _ in range(count))
    return DrawnGallery(tuple(drawn[number] for number in range(count)), seeds, tuple(asked))


def _family(rng: Random, length: int) -> _Family:
    """A dialogue in which every sentence leads to a scene that was not there before."""
    while True:
        scene = reference = world.random_scene(rng)
        found: list[Edit] = []
        passed = {reference}
        for _ in range(length):
            edit = edits.random_edit(scene, rng, combined=0.0)
            if edit.after in passed:
                break
            found.append(edit)
            passed.add(scene := edit.after)
        if len(found) == length:
            return _Family(reference, tuple(found))


def _scenes(families: list[_Family], count: int, rng: Random) -> list[Scene]:
    """The scenes of all dialogues in order, then variants of them while there is room, then by lot."""
    scenes = [scene for family in families for scene in family.scenes]
    for family in families:
        for _ in range(min(FAMILY - len(family.scenes), (count - len(scenes)) // 2)):
            scenes.append(edits.random_edit(rng.choice(family.scenes), rng).after)
    while len(scenes) < count:
        scenes.append(world.random_scene(rng))
    return scenes


def _query(number: int, family: _Family, reference: int, where: dict[Scene, list[int]]) -> DrawnQuery:
    *before, last = family.edits
    return DrawnQuery(
        id=f"d{number:04d}",
        kind=f"turns-{len(family.edits)}",
        reference=reference,
        modification=last.sentence,
        targets=tuple(where[last.after]),
        target_caption=captions.canonical(last.after),
        history=tuple(edit.sentence for edit in before),
    )
