"""Whether an index is one that a recipe and its encoder can search."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ...indexes.contract import CAPTIONS
from ..config.recipe import Recipe
from ..errors import ConfigError
from ..scoring import FAMILIES

if TYPE_CHECKING:
    from ...indexes.contract import Gallery
    from ...indexes.store import Index


_log = logging.getLogger(__name__)


def check_preprocessing(index: Gallery, preprocessing: str) -> None:
    """Raises IndexIncompatible for pictures that were made ready in another way: `build` would, too."""
    from ...indexes.errors import IndexIncompatible, another_hint

    made = index.identity
    if not made.reads_captions and made.preprocessing != preprocessing:
        raise IndexIncompatible(
            f"the index in {index.folder} was made by encoder {made.name} with another preprocessing",
            another_hint(index.roots),
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


def check_elsewhere(gallery: Gallery, recipe: Recipe, profile: str) -> None:
    """Raises ConfigError where a recipe needs more of a gallery in Milvus than the best rows of a fold."""
    here = "choose another recipe, or name the index that was pushed"
    caption = f"caption it (likebut index caption DIR --profile {profile}) and push it under another name"
    family, describe = recipe.fusion.family, recipe.describe
    for lacks, what, hint in (
        (not FAMILIES[family].folds, f"the scores of every row (family {family})", here),
        (bool(recipe.region_weights), "parts of pictures", here),
        (describe is not None and not describe.asks, "the words of all captions", here),
        (
            recipe.needs_captions and gallery.side(CAPTIONS) is None,
            "captions, and none were pushed",
            caption,
        ),
    ):
        if lacks:
            raise ConfigError(f"recipe {recipe.name} needs {what}; {gallery.folder} is in Milvus", hint)


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


def check_sides(index: Gallery, recipe: Recipe, profile: str) -> None:
    """Raises ConfigError where a recipe needs captions and the index has none beside its pictures.

    Raises IndexStale where the captions do not fit the pictures.
    """
    if not recipe.needs_captions or index.side(CAPTIONS) is not None:
        return
    scores = bool(recipe.caption_weights)
    if index.identity.reads_captions:
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
