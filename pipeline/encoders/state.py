"""What identifies the weights of a model that is loaded."""

from __future__ import annotations

import hashlib
from typing import Any


def state_hash(model: Any) -> str:
    """SHA-256 over names and values of all weights."""
    import torch

    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
