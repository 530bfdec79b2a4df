"""Where in a picture: parts of pictures in words, and which of them are worth showing."""

from __future__ import annotations

from collections.abc import Sequence

from ..records.trace import Hit

_ACROSS, _DOWN = ("left", "", "right"), ("top", "", "bottom")
MOST = 3


def spot(box: Sequence[float]) -> str:
    """ "top left", "centre", "right", …: the ninth of the picture that the middle of a part lies in."""
    left, top, right, bottom = box
    across = _ACROSS[min(2, int(3 * (left + right) / 2))]
    down = _DOWN[min(2, int(3 * (top + bottom) / 2))]
    return " ".join(word for word in (down, across) if word) or "centre"


def strongest(hit: Hit) -> dict[str, tuple[float, ...]]:
    """The parts that added most to a hit's score, by grain, the largest share first; three at most."""
    added = sorted(hit.boxes, key=lambda name: -hit.shares.get(name, 0.0))
    return {name: hit.boxes[name] for name in added[:MOST] if hit.shares.get(name, 0.0) > 0}
