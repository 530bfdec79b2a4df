"""What model calls cost: the limits that commands take, and what they say afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .output import say

if TYPE_CHECKING:
    from ..asking.budget import Budget
    from ..asking.ledger import Tally


@contextmanager
def telling(budget: Budget, *, quiet: bool = False) -> Iterator[None]:
    """However the work ends, say what it asked; ``quiet``: only where money may be at stake."""
    try:
        yield
    finally:
        if not quiet or budget.matters:
            tell(budget)


def tell(budget: Budget) -> None:
    """One line a model that was asked, and what this output took in all sessions where that is more."""
    from ..asking.ledger import total

    for model, tally in budget.session.items():
        say(f"{model}: {in_words(tally)}")
    now, whole = total(budget.session), total(budget.ledger.tallies)
    if (now.calls, now.cached) != (whole.calls, whole.cached) and budget.session:
        say(f"with earlier sessions: {in_words(whole)}")


def in_words(tally: Tally) -> str:
    """ "9 calls made, 2 from the cache; 1,204 + 498 tokens; $0.0005"."""
    failed = f" ({tally.failed:,} without an answer)" if tally.failed else ""
    calls = f"{tally.calls:,} call{'' if tally.calls == 1 else 's'}"
    words = [f"{calls} made{failed}, {tally.cached:,} from the cache"]
    if tally.calls:
        words.append(f"{tally.prompt_tokens:,} prompt + {tally.reply_tokens:,} reply tokens")
    if tally.cost or (tally.calls and not tally.unpriced):
        words.append(dollars(tally.cost))
    if tally.unpriced:
        words.append(f"{tally.unpriced:,} without a price in the profile")
    return "; ".join(words)


def tell_ledger(path: Path) -> None:
    """Say what the output of a ledger took, if there is one."""
    from ..asking.ledger import Ledger, total

    if path.exists():
        say(f"model calls: {in_words(total(Ledger(path).tallies))}")


def dollars(amount: float | None) -> str:
    """ "$0.0031", "$12.40"; a dash for what is not known."""
    if amount is None:
        return "–"
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.{_digits(amount)}f}"


def _digits(amount: float) -> int:
    """Enough for two figures, and four digits at least."""
    return max(4, 1 - math.floor(math.log10(amount)))
