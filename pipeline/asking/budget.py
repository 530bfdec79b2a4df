"""The budget of one output: counts what model calls cost, and lets no call through that may break it.

Calls are counted before they are made. For money, a request is let through only if its worst case
fits into what is left: a bound of its prompt tokens and all of its reply's ``max_tokens``. What it
really cost is settled the moment its reply comes, and then more may go. So requests go out in slices
that grow smaller towards the end, and a limit of dollars is broken only by what cannot be known
before: a model that counts more for a picture than any other (the first reply tells, and is waited
for alone), and answers that a server bills and that never arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..engines import tokens
from ..engines.contract import Request
from ..errors import BudgetReached, ConfigError
from ..records.chat import Reply
from .ledger import Ledger, Spending, Tally, total

if TYPE_CHECKING:
    from ..records.chat import Price

_ROUNDING = 1e-12  # dollars; sums of costs are floats


@dataclass(frozen=True)
class Limits:
    """The most model calls, and the most US dollars; None is no limit."""

    calls: int | None = None
    cost: float | None = None

    def __bool__(self) -> bool:
        return self.calls is not None or self.cost is not None


class Budget:
    """Limits over everything that the ledgers hold, those of earlier sessions included.

    ``ledger`` gets what is spent; ``others`` count, too (the other runs of one command). ``kept``
    names the cache, where the answers are.
    """

    def __init__(
        self,
        limits: Limits = Limits(),
        ledger: Ledger | None = None,
        others: Sequence[Ledger] = (),
        kept: Path | None = None,
    ) -> None:
        self.limits, self.ledger, self.others, self.kept = limits, ledger or Ledger(), others, kept
        self.accounts: list[Account] = []

    def account(self, model: str, price: Price | None) -> Account:
        """The account of one engine; ``price`` is None where nobody said what it costs."""
        self.accounts.append(Account(self, model, price))
        return self.accounts[-1]

    @property
    def calls(self) -> int:
        """Calls made, of all models and sessions."""
        return sum(total(ledger.tallies).calls for ledger in (self.ledger, *self.others))

    @property
    def cost(self) -> float:
        """Dollars spent, of all models and sessions; calls without a price at today's."""
        prices = {account.model: account.price for account in self.accounts if account.price}
        spent = 0.0
        for ledger in (self.ledger, *self.others):
            for model, tally in ledger.tallies.items():
                spent += tally.cost
                if model in prices:
                    later = tally.unpriced_prompt_tokens, tally.unpriced_reply_tokens
                    spent += prices[model].of(*later)
        return spent

    @property
    def session(self) -> dict[str, Tally]:
        """What this process asked, by model."""
        return self.ledger.session

    @property
    def matters(self) -> bool:
        """Whether there is a limit, or an engine that may cost money."""
        prices = [account.price for account in self.accounts]
        return bool(self.limits) or any(p is None or p.input or p.output for p in prices)


class Account:
    """The part of a budget that one engine spends."""

    def __init__(self, budget: Budget, model: str, price: Price | None) -> None:
        self.budget, self.model, self.price = budget, model, price
        # Once known: how far above its bound a reply's cost was, and the dollars of the dearest request.
        self._scale: float | None = None
        self.dearest: float | None = None

    @property
    def free(self) -> bool:
        """Whether its calls cost nothing."""
        return self.price is not None and not (self.price.input or self.price.output)

    def check(self) -> None:
        """Raises ConfigError where dollars are limited and nobody said what this engine costs."""
        if self.budget.limits.cost is not None and self.price is None:
            raise ConfigError(
                f"--max-cost: the profile has no price for {self.model}",
                "add `price = { input = …, output = … }`, in dollars per million tokens, to its table "
                "(0 for a server of your own), or use --max-calls",
            )

    def found(self, keys: Sequence[str]) -> None:
        """Count answers that were in the cache, apart from calls."""
        self.budget.ledger.found(self.model, keys)

    def admit(self, requests: Sequence[Request]) -> int:
        """How many of the first requests may be sent now. Raises BudgetReached where none may."""
        self.check()
        limits, count = self.budget.limits, len(requests)
        if limits.calls is not None:
            count = min(count, limits.calls - self.budget.calls)
            if count <= 0 and requests:
                raise self._reached(f"{self.budget.calls:,} calls of --max-calls {limits.calls:,}")
        if limits.cost is not None and not self.free:
            count = self._affordable(requests[:count], limits.cost)
        return count

    def settle(self, key: str, request: Request, reply: Reply) -> None:
        """Count a call that was made, as its reply says; where it says nothing, the worst case."""
        cost = None
        if self.price is not None:
            cost = self.price.of(reply.prompt_tokens, reply.reply_tokens)
            counted = reply.prompt_tokens or reply.reply_tokens
            if not counted and not reply.error:
                self._scale = self._scale or 1.0  # it will not tell: the bound must do
                cost = self._worst(request)
            elif counted:
                bound = self.price.of(tokens.bound(request), request.sampling.max_tokens)
                self._scale = max(self._scale or 1.0, cost / bound if bound else 1.0)
        self.budget.ledger.add(
            [
                Spending(
                    self.model,
                    key[:16],
                    False,
                    reply.prompt_tokens,
                    reply.reply_tokens,
                    round(reply.seconds, 6),
                    cost,
                    bool(reply.error),
                )
            ]
        )

    def _affordable(self, requests: Sequence[Request], limit: float) -> int:
        """How many worst cases fit into what is left; until a reply has told what this model counts,
        one at a time.
        """
        left, count, worst = limit - self.budget.cost + _ROUNDING, 0, 0.0
        for request in requests if self._scale else requests[:1]:
            worst = self._worst(request)
            self.dearest = max(self.dearest or 0.0, worst)
            left -= worst
            if left < 0:
                break
            count += 1
        if not count and requests:
            raise self._reached(
                f"${self.budget.cost:.6f} of --max-cost {limit:g}, and the next call to {self.model} "
                f"may cost ${worst:.6f}"
            )
        return count

    def _worst(self, request: Request) -> float:
        """Dollars that a request can cost."""
        assert self.price is not None
        most = self.price.of(tokens.bound(request), request.sampling.max_tokens)
        return most * (self._scale or 1.0)

    def _reached(self, what: str) -> BudgetReached:
        where = f"the cache {self.budget.kept}" if self.budget.kept else "the cache"
        return BudgetReached(
            f"the budget is reached: {what}",
            f"every answer is kept in {where}; the same command with a higher limit continues",
        )
