"""How much memory a device has, and about how much models need."""

from __future__ import annotations

from dataclasses import dataclass

# Beyond the weights: activations and the key-value cache grow with the model; the process, the
# libraries and the pictures of a batch do not.
SHARE, CONSTANT = 0.2, 1.0e9


@dataclass(frozen=True)
class Memory:
    """Bytes of a device: ``free`` now, and ``total``."""

    free: int
    total: int


def memory_of(device: str) -> Memory:
    """The memory of a torch device; of mps, that of the machine."""
    if device.startswith("cuda"):
        import torch

        return Memory(*torch.cuda.mem_get_info(device))
    import psutil

    found = psutil.virtual_memory()
    return Memory(found.available, found.total)


def needed(weights: float) -> float:
    """About how many bytes models need whose weights take ``weights`` bytes: 1.2 times that and 1 GB."""
    return (1 + SHARE) * weights + CONSTANT
