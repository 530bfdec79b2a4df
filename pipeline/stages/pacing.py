"""How many queries are taken on together: as many as a budget surely lasts for.

A stage answers a whole portion before the next one begins, so a budget that ends in the middle of a
large portion would have bought many captions and not one finished query.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from .composer import Composer, Until
    from .contract import Need

_Item = TypeVar("_Item")


def needs(composer: Composer) -> list[Need]:
    """How often each engine is asked about one query at most, all retries included."""
    last: Until = "rerank" if composer.index is not None else "reason"
    return [need for stage in composer.stages(last) for need in stage.needs()]


def portions(items: Sequence[_Item], needs: Sequence[Need], most: int) -> Iterator[Sequence[_Item]]:
    """``items`` in order, ``most`` at once: more where it takes more to keep all workers of an engine busy,
    fewer where the budget may not last for so many.
    """
    start = 0
    most = max([most, *(engine.at_once for engine, _ in needs)]) if items else most
    while start < len(items):
        size = _affordable(needs, most)
        yield items[start : start + size]
        start += size


def _affordable(needs: Sequence[Need], most: int) -> int:
    """How many items fit into the budget in the worst case; 1 at least: it may be cached."""
    calls, dollars = 0, 0.0
    for engine, count in needs:
        account = engine.account
        if account is None or not count:
            continue
        limits = account.budget.limits
        calls += count
        if limits.calls is not None:
            most = min(most, (limits.calls - account.budget.calls) // calls)
        if limits.cost is not None and not account.free:
            if account.dearest is None:
                return 1
            dollars += count * account.dearest
            most = min(most, int((limits.cost - account.budget.cost) / dollars))
    return max(1, most)
