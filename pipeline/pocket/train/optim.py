"""Training with float32 master weights, in the number format and with the attention that suit the CPU."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def training_dtype() -> torch.dtype:
    """bfloat16 where the CPU multiplies it (4 × faster there), else float32 (elsewhere it is slower)."""
    import torch

    from ...machine.devices import cpu_multiplies_bfloat16

    return torch.bfloat16 if cpu_multiplies_bfloat16() else torch.float32


def use_plain_attention() -> None:
    """Replace the fused CPU attention: for our short sequences two matmuls train 3 × faster."""
    import torch

    def attention(
        query: Any,
        key: Any,
        value: Any,
        attn_mask: Any = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Any:
        scale = query.shape[-1] ** -0.5 if scale is None else scale
        scores = (query * scale) @ key.transpose(-1, -2)
        if is_causal:
            above = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(above, float("-inf"))
        if attn_mask is not None:
            blocked = attn_mask.dtype == torch.bool
            scores = scores.masked_fill(~attn_mask, -1e9) if blocked else scores + attn_mask
        return scores.softmax(-1) @ value

    torch.nn.functional.scaled_dot_product_attention = attention


class MixedAdam:
    """AdamW over float32 copies of the parameters; linear warm-up, then cosine to 5 %."""

    def __init__(
        self, parameters: Iterable[torch.nn.Parameter], rate: float, steps: int, decay: float = 0.05
    ) -> None:
        import torch

        self.parameters = [p for p in parameters if p.requires_grad]
        self.masters = [p.detach().float().clone().requires_grad_() for p in self.parameters]
        matrices = [m for m in self.masters if m.ndim > 1]
        others = [m for m in self.masters if m.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
        self.adam = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)
        self.rate, self.steps, self.step_number = rate, steps, 0

    def step(self) -> None:
        """One update from the gradients of the parameters, which are then cleared."""
        import torch

        self.step_number += 1
        warm = min(1.0, self.step_number / max(1, min(300, self.steps // 10)))
        progress = min(1.0, self.step_number / self.steps)
        rate = self.rate * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in self.adam.param_groups:
            group["lr"] = rate
        for master, parameter in zip(self.masters, self.parameters, strict=True):
            master.grad = None if parameter.grad is None else parameter.grad.float()
            parameter.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        self.adam.step()
        with torch.no_grad():
            for master, parameter in zip(self.masters, self.parameters, strict=True):
                parameter.copy_(master)
