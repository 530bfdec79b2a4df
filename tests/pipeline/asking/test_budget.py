"""The budget: costs worked by hand, and a limit that no sequence of calls breaks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from likebut.pipeline.asking.budget import Account, Budget, Limits
from likebut.pipeline.asking.cache import Cache
from likebut.pipeline.asking.engine import CachedEngine
from likebut.pipeline.asking.ledger import Ledger, Spending
from likebut.pipeline.config.files import load_profile
from likebut.pipeline.engines import tokens
from likebut.pipeline.engines.contract import EngineSpec, OnReply, Request
from likebut.pipeline.errors import BudgetReached, ConfigError
from likebut.pipeline.records.chat import Message, Price, Reply, Sampling
from likebut.pipeline.setup.assembly import charge_of

PRICE = Price(input=1000, output=2000)  # a thousandth of a dollar for a prompt token, two for a reply's


def ask(text: str, max_tokens: int = 10) -> Request:
    return Request((Message("user", text),), Sampling(max_tokens=max_tokens))


def account(calls: int | None = None, cost: float | None = None, price: Price | None = PRICE) -> Account:
    return Budget(Limits(calls, cost), kept=Path("c.sqlite")).account("llm", price)


class Counting:
    """Says "yes" to everything, at the bound of its tokens unless told otherwise."""

    sees = True

    def __init__(self, prompt_tokens: int | None = None, reply_tokens: int = 10) -> None:
        self.slices: list[int] = []
        self.prompt_tokens, self.reply_tokens = prompt_tokens, reply_tokens

    @property
    def asked(self) -> int:
        return sum(self.slices)

    def generate(self, requests: Sequence[Request], on_reply: OnReply | None = None) -> list[Reply]:
        self.slices.append(len(requests))
        replies = []
        for place, request in enumerate(requests):
            prompt = tokens.bound(request) if self.prompt_tokens is None else self.prompt_tokens
            replies.append(Reply("yes", prompt, self.reply_tokens))
            if on_reply:
                on_reply(place, replies[-1])
        return replies


def engine(tmp_path: Path, real: Counting, spends: Account) -> CachedEngine:
    return CachedEngine(EngineSpec("given", "llm"), Cache(tmp_path / "c.sqlite"), real, spends)


def test_a_price_is_per_million_tokens() -> None:
    assert Price(input=0.15, output=0.60).of(2_000_000, 500_000) == pytest.approx(0.30 + 0.30)
    assert PRICE.of(11, 5) == pytest.approx(0.021)


def test_a_call_costs_what_its_reply_says() -> None:
    spends = account()
    spends.settle("k1", ask("a"), Reply("yes", 11, 5, seconds=2.0))
    spends.settle("k2", ask("b"), Reply("", 4, 0, finish="failed", error="cut"))
    tally = spends.budget.session["llm"]
    assert spends.budget.cost == pytest.approx(0.021 + 0.004)
    assert (tally.calls, tally.failed, tally.prompt_tokens, tally.reply_tokens) == (2, 1, 15, 5)


def test_a_reply_that_tells_no_tokens_is_charged_its_worst_case() -> None:
    spends = account()
    spends.settle("k", ask("four", max_tokens=7), Reply("yes"))
    assert spends.budget.cost == pytest.approx(0.001 * (4 + 16) + 0.002 * 7)
    spends.settle("e", ask("four"), Reply("", error="HTTP 503", finish="failed"))  # not answered: free
    assert spends.budget.cost == pytest.approx(0.034)


def test_calls_are_let_through_one_short_of_the_limit_and_then_none(tmp_path: Path) -> None:
    real = Counting()
    front = engine(tmp_path, real, account(calls=3))
    with pytest.raises(BudgetReached) as caught:
        front.generate([ask(text) for text in "abcde"])
    assert caught.value.exit_code == 6
    assert caught.value.message == "the budget is reached: 3 calls of --max-calls 3"
    assert caught.value.hint == (
        "every answer is kept in the cache c.sqlite; the same command with a higher limit continues"
    )
    assert real.slices == [3]
    more = engine(tmp_path, real, account(calls=2))
    assert len(more.generate([ask(text) for text in "abcde"])) == 5  # three are kept
    assert real.slices == [3, 2]
    assert (more.account and more.account.budget.session["llm"].cached) == 3


def test_what_is_cached_needs_no_budget(tmp_path: Path) -> None:
    engine(tmp_path, Counting(), account()).generate([ask("a")])
    real = Counting()
    assert engine(tmp_path, real, account(calls=0, cost=0.0)).generate([ask("a")])[0].cached
    assert real.slices == []


def test_dollars_are_held_back_for_the_worst_case_and_given_back_as_replies_come(tmp_path: Path) -> None:
    """A request of one byte may cost 17 + 20 thousandths, and does cost 5 + 2 · 1 = 7."""
    real = Counting(prompt_tokens=5, reply_tokens=1)
    front = engine(tmp_path, real, account(cost=0.100))
    with pytest.raises(BudgetReached) as caught:
        front.generate([ask(chr(97 + n)) for n in range(26)])
    # 1 alone, to see what the model counts; (100 − 7) // 37 = 2; (100 − 21) // 37 = 2;
    # (100 − 35) // 37 = 1, and so on until less than 37 is left: ten calls, 70 thousandths.
    assert real.slices == [1, 2, 2, 1, 1, 1, 1, 1]
    assert front.account is not None
    assert front.account.budget.cost == pytest.approx(0.070)
    assert caught.value.message == (
        "the budget is reached: $0.070000 of --max-cost 0.1, and the next call to llm may cost $0.037000"
    )


def test_a_model_that_counts_more_than_the_bound_is_found_out_by_its_first_reply(tmp_path: Path) -> None:
    """A picture can cost more than anybody thinks: 1,000 tokens where 17 were the bound."""
    real = Counting(prompt_tokens=1000, reply_tokens=10)
    front = engine(tmp_path, real, account(cost=2.5))
    with pytest.raises(BudgetReached):
        front.generate([ask(text) for text in "abcdefgh"])
    assert real.slices == [1, 1]  # 1.02 dollars each: two fit into 2.5
    assert front.account is not None
    assert front.account.budget.cost == pytest.approx(2.04)


def test_dollars_cannot_be_limited_where_nobody_said_what_a_call_costs() -> None:
    with pytest.raises(ConfigError, match="no price for llm"):
        account(cost=1.0, price=None).admit([ask("a")])
    assert account(calls=1, price=None).admit([ask("a")]) == 1


@pytest.mark.parametrize("name", ["transformers", "scripted", "vllm"])
def test_a_model_in_this_process_costs_no_money_unless_it_is_priced(name: str) -> None:
    choice = load_profile("pocket").reasoner.model_copy(update={"engine": name})
    assert account(cost=0.0, price=charge_of(choice)).admit([ask("a"), ask("b")]) == 2
    priced = choice.model_copy(update={"price": PRICE})
    assert charge_of(priced) == PRICE
    assert charge_of(choice.model_copy(update={"engine": "openai"})) is None


def test_earlier_sessions_and_the_other_runs_of_a_command_count(tmp_path: Path) -> None:
    mine, other = Ledger(tmp_path / "mine"), Ledger(tmp_path / "other")
    mine.add([Spending("llm", "1", False, 0, 0, 0.0, 0.5)])
    other.add([Spending("vlm", "2", False, 0, 0, 0.0, 0.25)])
    budget = Budget(Limits(3, 10.0), Ledger(tmp_path / "mine"), [Ledger(tmp_path / "other")])
    assert (budget.calls, budget.cost) == (2, 0.75)
    assert budget.account("llm", Price(input=0.0, output=0.0)).admit([ask("a"), ask("b")]) == 1


def test_calls_from_before_there_was_a_price_are_charged_todays() -> None:
    ledger = Ledger()
    ledger.add([Spending("llm", "1", False, 11, 5, 0.0, None)])
    budget = Budget(Limits(), ledger)
    assert budget.cost == 0.0
    budget.account("llm", PRICE)
    assert budget.cost == pytest.approx(0.021)


WORK = some.lists(
    some.lists(some.tuples(some.text(max_size=8), some.integers(1, 30)), max_size=6), max_size=6
)


@given(
    work=WORK,
    calls=some.none() | some.integers(0, 12),
    cost=some.none() | some.floats(0, 1.5),
    prices=some.tuples(some.floats(0, 2000), some.floats(0, 2000)),
    data=some.data(),
)
def test_no_sequence_of_calls_breaks_a_limit(
    work: list[list[tuple[str, int]]],
    calls: int | None,
    cost: float | None,
    prices: tuple[float, float],
    data: some.DataObject,
) -> None:
    spends = account(calls, cost, Price(input=prices[0], output=prices[1]))
    budget = spends.budget
    for batch in work:
        waiting = [ask(text, limit) for text, limit in batch]
        while waiting:
            try:
                count = spends.admit(waiting)
            except BudgetReached:
                break
            assert count >= 1
            for number, request in enumerate(waiting[:count]):
                prompt = data.draw(some.integers(0, tokens.bound(request)))
                reply = data.draw(some.integers(0, request.sampling.max_tokens))
                spends.settle(f"{number}", request, Reply("yes", prompt, reply))
                assert calls is None or budget.calls <= calls
                assert cost is None or budget.cost <= cost + 1e-9
            waiting = waiting[count:]
