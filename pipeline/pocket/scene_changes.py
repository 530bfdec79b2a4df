"""The single changes of the edit grammar that concern the whole scene: place, time and style."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from . import captions, world
from .changes import Change, other
from .world import Scene

_SETTING_NOUNS = {
    "forest": ("a forest", "the forest", "the woods"),
    "mountain": ("a snowy mountain", "the mountains", "the snow"),
    "beach": ("the beach", "a beach", "the sea"),
    "city": ("the city", "a city", "a city street"),
    "desert": ("the desert", "a desert", "sand dunes"),
    "room": ("a room", "the room", "a room indoors"),
}


def change_setting(scene: Scene, rng: Random, seen_only: bool) -> Change | None:
    """Another place."""
    setting = other(rng, world.SETTINGS, scene.setting)
    noun = rng.choice(_SETTING_NOUNS[setting])
    place = rng.choice(captions.PLACE_WORDS[setting])
    old = rng.choice(_SETTING_NOUNS[scene.setting])
    sentence = rng.choice(
        (
            place,
            f"{place} instead",
            f"put it {place}",
            f"{place} instead of {captions.PLACES[scene.setting]}",
            f"change the background to {noun}",
            f"replace {old} with {noun}",
            f"move the scene to {noun}",
            f"but {place}",
        )
    )
    return replace(scene, setting=setting), sentence, f"setting {scene.setting} becomes {setting}"


_TIME_SENTENCES = {
    "night": (
        "at night",
        "but at night",
        "make it night",
        "turn day into night",
        "after dark",
        "the same at night",
        "change the time to night",
        "in the dark",
        "show it by night",
    ),
    "day": (
        "by day",
        "but by day",
        "make it day",
        "turn night into day",
        "in daylight",
        "the same by day",
        "change the time to day",
        "during the day",
        "show it in daylight",
    ),
}
_STYLE_SENTENCES = {
    "sketch": (
        "as a sketch",
        "but as a sketch",
        "make it a sketch",
        "drawn in outline",
        "turn it into an outline sketch",
        "as an outline sketch",
        "change the style to a sketch",
    ),
    "flat": (
        "in flat colour",
        "but in flat colour",
        "make it flat colour",
        "in full colour",
        "as a flat drawing",
        "fill in the colours",
        "change the style to flat colour",
    ),
}


def change_time(scene: Scene, rng: Random, seen_only: bool) -> Change | None:
    """Day to night or night to day."""
    time = other(rng, world.TIMES, scene.time)
    sentence = rng.choice(_TIME_SENTENCES[time])
    return replace(scene, time=time), sentence, f"time {scene.time} becomes {time}"


def change_style(scene: Scene, rng: Random, seen_only: bool) -> Change | None:
    """Flat colour to outline sketch, or back."""
    style = other(rng, world.STYLES, scene.style)
    sentence = rng.choice(_STYLE_SENTENCES[style])
    return replace(scene, style=style), sentence, f"style {scene.style} becomes {style}"
