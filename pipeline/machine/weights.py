"""What weights lie in a folder, told from file sizes and headers, without loading them."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

_LONGEST_HEADER = 100 * 2**20


@dataclass(frozen=True)
class WeightFiles:
    """``bytes`` on disk; ``parameters`` is None where no header tells; ``missing`` names parts that
    an index lists and the folder lacks."""

    bytes: int
    parameters: int | None
    missing: tuple[str, ...] = ()


def weights_in(folder: Path) -> WeightFiles | None:
    """The weights of a model folder: safetensors, else other formats; None where there are none."""
    shards = sorted(folder.glob("*.safetensors"))
    missing = tuple(name for name in _listed(folder) if not (folder / name).is_file())
    if shards or missing:
        counts = [_parameters(path) for path in shards]
        known = [count for count in counts if count is not None]
        total = sum(known) if len(known) == len(counts) and not missing else None
        return WeightFiles(sum(path.stat().st_size for path in shards), total, missing)
    others = sorted((*folder.glob("*.bin"), *folder.glob("*.pt")))
    return WeightFiles(sum(path.stat().st_size for path in others), None) if others else None


def _listed(folder: Path) -> list[str]:
    """The files that an index of shards names."""
    try:
        index = json.loads((folder / "model.safetensors.index.json").read_bytes())
        return sorted(set(index["weight_map"].values()))
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return []


def _parameters(path: Path) -> int | None:
    """How many numbers a safetensors file holds: its header is JSON, its length before it."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length <= _LONGEST_HEADER else {}
        header.pop("__metadata__", None)
        return sum(math.prod(tensor["shape"]) for tensor in header.values()) if header else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return None
