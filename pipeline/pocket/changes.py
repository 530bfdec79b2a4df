"""The single changes of the edit grammar that concern objects.

Each maker takes a scene and gives the changed scene, a sentence and a reason. It draws one change of its
kind by lot, or returns None where the scene does not allow it.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from . import world
from .captions import NUMBERS, kind_phrase, plural
from .world import Kind, Scene

Change = tuple[Scene, str, str]  # after, sentence, reasoning


def other(rng: Random, values: tuple[str, ...], *current: str) -> str:
    """A value by lot that is not ``current``."""
    return rng.choice([value for value in values if value not in current])


def _with_kind(scene: Scene, index: int, kind: Kind) -> Scene:
    kinds = list(scene.kinds)
    kinds[index] = kind
    return replace(scene, kinds=tuple(kinds))


def _pick(scene: Scene, rng: Random) -> tuple[int, Kind, str, str]:
    """Index, kind, how it is named in a sentence, and "it"/"them" where nothing else is meant."""
    index = rng.randrange(len(scene.kinds))
    kind = scene.kinds[index]
    noun = plural(kind.category, kind.count)
    name = rng.choice((f"the {noun}", f"the {noun}", f"the {kind.colour} {noun}"))
    pronoun = ("it" if kind.count == 1 else "them") if len(scene.kinds) == 1 else name
    return index, kind, name, rng.choice((name, pronoun))


def _article(word: str, count: int) -> str:
    """ "a red ", "an orange " or "red " before a noun."""
    return f"{word} " if count > 1 else f"{'an' if word[0] in 'aeiou' else 'a'} {word} "


def change_colour(scene: Scene, rng: Random, seen_only: bool) -> Change | None:
    """Another colour for one kind."""
    index, kind, name, it = _pick(scene, rng)
    colour = other(rng, world.COLOURS, kind.colour)
    if seen_only and world.is_unseen(kind.category, colour):
        return None
    noun = plural(kind.category, kind.count)
    sentence = rng.choice(
        (
            f"make {it} {colour}",
            f"change the colour of {name} to {colour}",
            f"turn {it} {colour}",
            f"paint {it} {colour}",
            f"{colour} {noun} instead of {kind.colour}",
            f"{name} should be {colour}",
            f"with {_article(colour, kind.count)}{noun}",
            f"I want {it} in {colour}",
        )
    )
    after = _with_kind(scene, index, replace(kind, colour=colour))
    return after, sentence, f"{kind.category} colour {kind.colour} becomes {colour}"


def change_category(scene: Scene, rng: Random, seen_only: bool) -> Change | None:
    """Another object in the place of one kind; colour, size and count stay."""
    index, kind, name, it = _pick(scene, rng)
    category = other(rng, world.CATEGORIES, *(k.category for k in scene.kinds))
    if seen_only and world.is_unseen(category, kind.colour):
        return None
    noun = plural(category, kind.count)
    new = _article(noun, kind.count).strip()
    old = plural(kind.category, kind.count)
    sentence = rng.choice(
        (
            f"replace {it} with {new}",
            f"swap {name} for {new}",
            f"{new} instead of {name}",
            f"{noun} in place of {old}",
            f"change {it} into {new}",
            f"{name} should be {new}",
            f"turn {it} into {new}",
        )
    )
    after = _with_kind(scene, index, replace(kind, category=category))
    return after, sentence, f"{kind.category} becomes {category}"


def change_count(scene: Scene, rng: Random, seen_only: bool) -> Change | None:
    """More or fewer of one kind."""
    index, kind, _, _ = _pick(scene, rng)
    count = rng.choice([n for n in range(1, world.MAX_COUNT + 1) if n != kind.count])
    noun, number = plural(kind.category, count), NUMBERS[count - 1]
    choices = [
        f"show {number} {noun}",
        f"{number} {noun} instead of {NUMBERS[kind.count - 1]}",
        f"there should be {number} {noun}",
        f"make it {number} {noun}",
        f"with {number} {noun}",
    ]
    if count == 1:
        choices += [f"only one {noun}", f"just a single {noun}"]
    if count == kind.count + 1:
        choices += [f"add one more {kind.category}", f"one more {kind.category}"]
    if count == kind.count - 1:
        choices += [f"one {kind.category} fewer", f"take away one {kind.category}"]
    after = _with_kind(scene, index, replace(kind, count=count))
    was = NUMBERS[kind.count - 1]
    return after, rng.choice(choices), f"{kind.category} count {was} becomes {number}"


def change_size(scene: Scene, rng: Random, seen_only: bool) -> Change | None:
    """Small things grow, large things shrink."""
    index, kind, name, it = _pick(scene, rng)
    size = other(rng, world.SIZES, kind.size)
    word = rng.choice(
        {"small": ("small", "smaller", "tiny"), "large": ("large", "larger", "bigger", "big")}[size]
    )
    plain = rng.choice({"small": ("small", "tiny"), "large": ("large", "big")}[size])
    noun = plural(kind.category, kind.count)
    verb = {"small": "shrink", "large": "enlarge"}[size]
    sentence = rng.choice(
        (
            f"make {it} {word}",
            f"{name} should be {word}",
            f"{verb} {it}",
            f"with {_article(plain, kind.count)}{noun}",
            f"{plain} {noun} instead of {kind.size} ones",
        )
    )
    after = _with_kind(scene, index, replace(kind, size=size))
    return after, sentence, f"{kind.category} size {kind.size} becomes {size}"


def change_position(scene: Scene, rng: Random, seen_only: bool) -> Change | None:
    """Two kinds stand otherwise: the other way round, or above instead of beside."""
    if len(scene.kinds) != 2:
        return None
    flipped = (scene.kinds[1], scene.kinds[0])
    arrangements = [
        (kinds, relation)
        for kinds in (scene.kinds, flipped)
        for relation in world.RELATIONS
        if (kinds, relation) != (scene.kinds, scene.relation)
    ]
    kinds, relation = rng.choice(arrangements)
    first, second = (plural(kind.category, kind.count) for kind in kinds)
    words = {
        "left of": (("left of", "to the left of"), ("right of", "to the right of")),
        "above": (("above", "over"), ("below", "under")),
    }[relation]
    verb = rng.choice(("put", "move", "place"))
    sentence = rng.choice(
        (
            f"{verb} the {first} {rng.choice(words[0])} the {second}",
            f"{verb} the {second} {rng.choice(words[1])} the {first}",
            f"the {first} should be {rng.choice(words[0])} the {second}",
            f"the {second} should be {rng.choice(words[1])} the {first}",
        )
    )
    after = replace(scene, kinds=kinds, relation=relation)
    return after, sentence, f"now {kinds[0].category} {relation} {kinds[1].category}"


def add_kind(scene: Scene, rng: Random, seen_only: bool) -> Change | None:
    """A second kind of object, on a named side of the first."""
    if len(scene.kinds) != 1:
        return None
    old = scene.kinds[0]
    new = world.random_kind(rng, seen_only=seen_only, avoid=old.category)
    first = rng.random() < 0.5
    relation = rng.choice(world.RELATIONS)
    words = {
        ("left of", True): ("to the left", "on the left", "left of"),
        ("left of", False): ("to the right", "on the right", "right of"),
        ("above", True): ("above", "over", "above"),
        ("above", False): ("below", "under", "below"),
    }[relation, first]
    the_old = rng.choice((f"the {plural(old.category, old.count)}", "it" if old.count == 1 else "them"))
    side = rng.choice(words)
    if side.startswith(("to", "on")):
        side = rng.choice((side, f"{side} of {the_old}"))
    else:
        side = f"{side} {the_old}"
    phrase = kind_phrase(new)
    if new.count == 1 and rng.random() < 0.7:
        phrase = phrase.replace("one ", "a ", 1)
    verb = rng.choice(("add", "put", "also show", "with", "and"))
    kinds = (new, old) if first else (old, new)
    after = replace(scene, kinds=kinds, relation=relation)
    stand = f"{kinds[0].category} {relation} {kinds[1].category}"
    return after, f"{verb} {phrase} {side}", f"add {kind_phrase(new)} with {stand}"


def remove_kind(scene: Scene, rng: Random, seen_only: bool) -> Change | None:
    """One of two kinds goes."""
    if len(scene.kinds) != 2:
        return None
    gone = rng.randrange(2)
    kind = scene.kinds[gone]
    noun = plural(kind.category, kind.count)
    name = rng.choice((f"the {noun}", f"the {noun}", f"the {kind.colour} {noun}"))
    sentence = rng.choice(
        (
            f"remove {name}",
            f"without {name}",
            f"no {noun}",
            f"take {name} away",
            f"delete {name}",
            f"get rid of {name}",
            f"{name} should not be there",
        )
    )
    after = replace(scene, kinds=(scene.kinds[1 - gone],), relation="")
    return after, sentence, f"remove {kind.category}"
