"""Whether an index is one that a recipe and its encoder can search."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..config.recipe import Recipe
from ..errors import ConfigError

if TYPE_CHECKING:
    from ...indexes.contract import Gallery
    from ...indexes.store import Index


_log = logging.getLogger(__name__)


def check_preprocessing(index: Index, preprocessing: str) -> None:
    """Raises IndexIncompatible for pictures that were made ready in another way: `build` would, too."""
    from ...indexes.errors import IndexIncompatible, another_hint

    made = index.manifest.encoder
    if not made.reads_captions and made.preprocessing != preprocessing:
        raise IndexIncompatible(
            f"the index in {index.folder} was made by encoder {made.name} with another preprocessing",
            another_hint(index.manifest.roots),
        )


def tell_mapped(index: Index) -> None:
    """Say where the rows are another encoder's, mapped."""
    mapped = index.manifest.mapped
    if mapped:
        _log.warning(
            "the rows of %s are mapped from those of %s (%.0f%% of the ten nearest are right): "
            "`likebut index build` makes them exact",
            index.folder,
            mapped.encoder.name,
            100 * mapped.agreement,
        )


def check_regions(index: Gallery, recipe: Recipe) -> None:
    """Raises ConfigError where a recipe scores parts of pictures, and the index has none of their kind.

    Raises IndexStale or IndexDamaged where they cannot be used.
    """
    if not recipe.region_weights:
        return
    shown, kind = index.regions, recipe.regions.kind
    if shown is None or kind not in ("", shown.kind):
        has = "none" if shown is None else shown.kind
        what = f"{kind or 'parts'} of pictures"
        raise ConfigError(
            f"recipe {recipe.name} scores {what}, and the index in {index.folder} has {has}",
            f"make them: likebut index build … --out {index.folder} --regions {kind or 'crops'}",
        )


def check_sides(index: Index, recipe: Recipe, profile: str) -> None:
    """Raises ConfigError where a recipe needs captions and the index has none beside its pictures.

    Raises IndexStale where the captions do not fit the pictures.
    """
    if not recipe.needs_captions or index.caption_side is not None:
        return
    scores = bool(recipe.caption_weights)
    if index.manifest.encoder.reads_captions:
        does, without = ("scores", "[caption_grains]") if scores else ("looks at", "tags under [describe]")
        raise ConfigError(
            f"recipe {recipe.name} {does} pictures and captions, and {index.folder} is captions alone",
            f"choose a recipe without {without}",
        )
    from ...indexes.errors import caption_command

    count = recipe.describe.captions if recipe.describe else 1
    raise ConfigError(
        f"recipe {recipe.name} {'scores' if scores else 'takes words of'} captions, "
        f"and the index in {index.folder} has none",
        f"write them: {caption_command(index.folder)} --profile {profile} --captions {count}",
    )
