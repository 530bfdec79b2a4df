"""Devices and number formats: what was asked for or the best there is, never a silent fallback."""

from __future__ import annotations

import os
import sys
from typing import Any

from ..errors import ConfigError, ModelError

_threads: list[int] = []


def limit_threads(count: int) -> None:
    """Let models on the processor use so many threads; 0 leaves it to torch or OMP_NUM_THREADS."""
    _threads[:] = [count] if count and not os.environ.get("OMP_NUM_THREADS") else []


def threads_limit() -> int:
    """What `limit_threads` was last told; 0 for no limit."""
    return _threads[0] if _threads else 0


def choose_device(asked: str) -> str:
    """ "auto" → cuda, mps or cpu. Raises ModelError where the asked-for device is missing."""
    import torch

    if _threads:
        torch.set_num_threads(_threads[0])
    has_mps = torch.backends.mps.is_available()
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if has_mps else "cpu"
    kind, _, number = asked.partition(":")
    if kind not in ("cpu", "cuda", "mps") or not (number or "0").isdecimal():
        raise ConfigError(f"no device {asked!r}", "use auto, cpu, cuda, cuda:1 or mps")
    if kind == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if count <= int(number or 0):
            raise ModelError(f"device {asked!r} is not here ({count} CUDA devices)", "use --device cpu")
    if kind == "mps" and not has_mps:
        raise ModelError("device 'mps' is not here", "use --device cpu")
    return asked


def choose_dtype(asked: str, device: str) -> Any:
    """The torch dtype: "auto" is bfloat16 where the hardware multiplies it, else float32."""
    import torch

    if asked in ("float32", "bfloat16", "float16"):
        return getattr(torch, asked)
    if asked != "auto":
        raise ConfigError(f"no dtype {asked!r}", "use auto, float32, bfloat16 or float16")
    if device.startswith("cuda"):
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    return torch.bfloat16 if device == "cpu" and cpu_multiplies_bfloat16() else torch.float32


def cpu_multiplies_bfloat16() -> bool:
    """Whether this CPU has AMX or AVX-512 BF16; elsewhere bfloat16 is slower than float32."""
    import torch

    # torch says so only through these two, and not in every version
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in names)


def forbid_network() -> None:
    """Make the hub libraries fail at once instead of reaching out.

    Best before they are imported; where huggingface_hub already is, its switch is set, too.
    """
    if "huggingface_hub" in sys.modules and os.environ.get("HF_HUB_OFFLINE") != "1":
        from huggingface_hub import constants

        constants.HF_HUB_OFFLINE = True
    os.environ["LIKEBUT_OFFLINE"] = "1"
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"


def network_is_forbidden() -> bool:
    """Whether this process must not reach another machine (``--offline``)."""
    return os.environ.get("LIKEBUT_OFFLINE") == "1"
