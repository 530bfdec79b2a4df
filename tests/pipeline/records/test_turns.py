"""Turns as a tree, and two dialogues side by side: made by hand, numbers worked out by hand."""

from __future__ import annotations

from likebut.pipeline.records.dialogue import NOWHERE, Dialogue, Step, Turn
from likebut.pipeline.records.trace import Hit, Intent, Query, Ranking, Trace
from likebut.pipeline.records.turns import Parting, compared, overlap, parting, tree


def hits(names: str) -> tuple[Hit, ...]:
    return tuple(Hit(n, n, name, "", 1 / n) for n, name in enumerate(names, 1))


def turn(sentence: str, parent: int = NOWHERE, target: str = "", found: str = "") -> Turn:
    trace = Trace(Query("1", None, sentence), intent=Intent(target), ranking=Ranking(hits(found)))
    return Turn(Step("but", sentence), trace, parent)


def test_a_way_without_branches_is_drawn_straight_down() -> None:
    way = Dialogue((turn("a"), turn("b", 0), turn("c", 1)), 2)
    assert [(one.number, one.words) for one in tree(way)] == [(1, "a"), (2, "b"), (3, "c")]


def test_ways_that_part_are_drawn_deeper_each_below_its_own() -> None:
    parted = Dialogue((turn("a"), turn("b", 0), turn("c", 0), turn("d", 1), turn("e")), 3)
    assert [one.words for one in tree(parted)] == ["a", "  b", "  d", "  c", "e"]
    assert [one.number for one in tree(parted)] == [1, 2, 4, 3, 5]


def test_a_dialogue_of_thousands_of_turns_is_a_tree_too() -> None:
    turns = tuple(turn(str(n), n - 1) for n in range(5000))
    assert tree(Dialogue(turns, 4999))[-1].depth == 0
    assert tree(Dialogue()) == []


def test_overlap_is_the_share_of_the_longer_list_that_both_have() -> None:
    assert overlap(hits("abcd"), hits("dcxy")) == 0.5
    assert overlap(hits("ab"), hits("abcd")) == 0.5
    assert overlap(hits("ab"), hits("ba")) == 1.0
    assert overlap(hits("ab"), ()) == 0.0
    assert overlap((), ()) is None


def test_rankings_part_at_the_first_rank_that_differs() -> None:
    assert parting(hits("abc"), hits("abc")) is None
    assert parting(hits("abc"), hits("acb")) == Parting(2, "b", "c")
    assert parting(hits("ab"), hits("a")) == Parting(2, "b", None)
    assert Parting(2, None, "c").words == "2: – → c"


def test_turns_of_two_dialogues_are_held_side_by_side() -> None:
    one = Dialogue((turn("a", target="x", found="abcd"), turn("b", 0, "y", "ef")), 1)
    other = Dialogue((turn("a", target="z", found="abdc"),), 0)
    first, second = compared(one, other, k=3)
    assert first.said == ("a", "a")
    assert first.targets == ("x", "z")
    assert first.overlap == 2 / 3  # abc and abd
    assert first.parting == Parting(3, "c", "d")
    assert (second.number, second.said, second.targets) == (2, ("b", ""), ("y", ""))
    assert (second.overlap, second.parting) == (None, None)


def test_only_the_first_hits_count_and_as_many_as_both_have() -> None:
    (found,) = compared(Dialogue((turn("a", found="abc"),)), Dialogue((turn("a", found="abx"),)), k=2)
    assert (found.overlap, found.parting) == (1.0, None)
    (found,) = compared(Dialogue((turn("a", found="ab"),)), Dialogue((turn("a", found="acbd"),)))
    assert (found.overlap, found.parting) == (0.5, Parting(2, "b", "c"))
    (found,) = compared(Dialogue((turn("a", found=""),)), Dialogue((turn("a", found="ab"),)))
    assert (found.overlap, found.parting) == (0.0, Parting(1, None, "a"))
