"""The ledger: each question once, totals over all sessions, and no line that a kill tore."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from likebut.pipeline.asking.ledger import Ledger, Spending, beside, costs, total
from likebut.pipeline.errors import InputError

PAID = Spending("llm", "k1", False, 100, 20, 1.5, 0.03)


def test_costs_of_two_models_add_up_and_cached_answers_stand_apart(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "out.jsonl.spending.jsonl")
    ledger.add([PAID, Spending("vlm", "k2", False, 1000, 5, 0.5, 0.11)])
    ledger.add([Spending("llm", "k3", failed=True)])
    ledger.found("vlm", ["k4", "k5"])
    assert ledger.tallies["llm"].calls == 2
    assert ledger.tallies["llm"].failed == 1
    spent = total(ledger.tallies)
    assert (spent.calls, spent.cached) == (3, 2)
    assert (spent.prompt_tokens, spent.reply_tokens, spent.seconds) == (1100, 25, 2.0)
    assert spent.cost == pytest.approx(0.14)


def test_totals_survive_and_a_session_has_its_own(tmp_path: Path) -> None:
    path = beside(tmp_path / "out.jsonl")
    Ledger(path).add([PAID])
    again = Ledger(path)
    assert (again.tallies["llm"].calls, again.session) == (1, {})
    again.add([Spending("llm", "k2", False, 50, 10, 1.0, 0.02)])
    assert again.session["llm"].cost == 0.02
    assert total(Ledger(path).tallies) == total(again.tallies)


def test_an_answer_that_this_output_paid_for_is_not_counted_as_the_caches(tmp_path: Path) -> None:
    path = tmp_path / "l"
    Ledger(path).add([PAID])
    again = Ledger(path)
    again.found("llm", ["k1", "k9", "k9"])
    Ledger(path).found("llm", ["k9"])
    assert Ledger(path).tallies["llm"].cached == 1


def test_nothing_is_written_before_the_first_question(tmp_path: Path) -> None:
    Ledger(tmp_path / "deep" / "l").found("llm", [])
    assert list(tmp_path.iterdir()) == []
    assert costs(tmp_path / "none")["made_calls"] == 0


def test_calls_without_a_price_leave_the_cost_open(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "l")
    ledger.add([PAID, Spending("llm", "k2", False, 7, 3, 0.1, None)])
    spent = ledger.tallies["llm"]
    assert (spent.unpriced, spent.unpriced_prompt_tokens, spent.unpriced_reply_tokens) == (1, 7, 3)
    assert costs(tmp_path / "l")["cost"] is None


@given(
    some.lists(
        some.builds(
            Spending,
            some.sampled_from(["a", "b"]),
            some.text(max_size=4),
            some.booleans(),
            some.integers(0, 9),
            some.integers(0, 9),
            some.floats(0, 9),
            some.none() | some.floats(0, 9),
        ),
        min_size=1,
        max_size=5,
    ),
    some.data(),
)
def test_a_ledger_that_is_cut_anywhere_holds_its_whole_lines_and_goes_on(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Spending], data: some.DataObject
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "l"
    Ledger(path).add(entries)
    content = path.read_bytes()
    cut = data.draw(some.integers(0, len(content)))
    path.write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")
    torn = Ledger(path)
    assert path.read_bytes() == content[:cut]  # looking changes nothing
    torn.add([PAID])
    wanted = Ledger()
    wanted.add([*entries[:whole], PAID])
    assert Ledger(path).tallies == torn.tallies == wanted.tallies


@pytest.mark.parametrize("line", ["{", "7", '{"model": "a"}', '{"what": 1}', '{"model":"a","key":[]}'])
def test_a_broken_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "l"
    path.write_bytes(PAID.to_line() + line.encode() + b"\n")
    with pytest.raises(InputError, match="line 2: not a record of spending"):
        Ledger(path)


def test_a_ledger_that_cannot_be_read_or_written_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot use"):
        Ledger(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        Ledger(tmp_path / "file" / "l").add([PAID])
