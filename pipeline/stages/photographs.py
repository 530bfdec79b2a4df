"""Photographs given to models of drawings: they answer all the same, and mean nothing by it.

Drawings are even: neighbours are alike, and a few colours cover most of them. Of 1,000 drawn scenes
none falls below the bound as PNG or as JPEG of quality 75 and 90, and 3 at quality 30; of 18
colour photographs of Python packages 14 do. Smooth ones (a rocket before the sky) pass unnoticed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 64  # pixels a side that are looked at, taken as they are
ALIKE = 2  # grey levels
COMMON = 24  # colours of 5 bits a channel
BOUND = 0.82


def looks_photographed(picture: Image) -> bool:
    """Whether an RGB picture is surely no drawing."""
    return evenness(picture) < BOUND


def evenness(picture: Image) -> float:
    """From 0 to 2: the share of neighbours that are alike, and the share of the commonest colours."""
    import numpy as np
    from PIL.Image import Resampling

    small = picture.resize((SIDE, SIDE), Resampling.NEAREST)
    grey = np.asarray(small.convert("L")).astype(int)
    alike = (np.abs(np.diff(grey, axis=1)) <= ALIKE).mean()
    colours = (np.asarray(small).astype(int) >> 3) @ (1024, 32, 1)
    counts = np.sort(np.bincount(colours.ravel()))[::-1]
    return float(alike + counts[:COMMON].sum() / colours.size)


def warning(profile: str) -> str:
    """What is to be said of such a reference."""
    return (
        f"the reference looks like a photograph, and the models of profile {profile} know "
        "drawings alone: --profile photos knows them a little and needs no hub (pip install "
        "'likebut[photos]'), --profile cpu better"
    )
