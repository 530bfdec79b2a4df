"""Differences, their correction, and where they come from, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likebut.pipeline.benchmarks import jsonl
from likebut.pipeline.errors import ConfigError
from likebut.pipeline.lab import proxies
from likebut.pipeline.lab.comparison import Moved, compare, holm, record, to_test, wins
from tests.pipeline.lab.conftest import Try, target


def test_holm_multiplies_the_smallest_most_and_never_turns_the_order() -> None:
    # in order 0.01·4, 0.02·3, 0.03·2 = 0.06, 0.04·1 < 0.06
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([0.03]) == [0.03]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_a_corrected_p_lies_between_itself_and_bonferroni(values: list[float]) -> None:
    for p, corrected in zip(values, holm(values), strict=True):
        assert p <= corrected <= max(p, min(1.0, p * len(values))) + 1e-12 or corrected <= 1.0
        assert corrected >= p
        assert corrected <= 1.0


def test_a_worse_prompt_is_seen_in_metric_rank_and_agreement(trials: Try) -> None:
    good, bad = found = trials(good=target("blue"), bad=target("green"))
    # blue: blue 1, grey 0.58, green 0; green: the other way round
    assert good.places == {"q1": 1}
    assert bad.places == {"q1": 3}
    done = compare(found, ["mAP@10", "Recall@1"], {"on": "here"})
    tested = {
        one.difference.metric: one.difference.difference
        for one in done.against
        if one.corrected is not None
    }
    assert tested == pytest.approx({"mAP@10": 1 / 3 - 1, "Recall@1": -1})
    (move,) = done.moves["bad"]
    assert (move.before, move.after, move.first) == (1, 3, 1.0)
    assert wins(done.moves["bad"]) == (0, 1, 0)
    assert done.agreement[0].jaccard == 1  # three items, all of them
    assert done.agreement[0].overlap == pytest.approx(0.729 + 1.134 / 9)


def test_cosines_tell_how_texts_and_pictures_fit(trials: Try) -> None:
    good, bad = trials(good=target("blue"), bad=target("green"))
    grey = 1 / 3**0.5
    assert good.values["q1"][proxies.FIRST] == pytest.approx(1, abs=1e-3)
    assert good.values["q1"][proxies.TEN] == pytest.approx((1 + grey + 0) / 3, abs=1e-3)
    assert good.values["q1"][proxies.KEPT] == pytest.approx(0, abs=1e-3)  # blue and red
    assert good.values["q1"][proxies.ASKED] == pytest.approx(1, abs=1e-3)
    assert bad.values["q1"][proxies.FIRST] == pytest.approx(1, abs=1e-3)  # fits its own words
    assert bad.values["q1"][proxies.ASKED_FIRST] == pytest.approx(0, abs=1e-3)  # not the asker's


def test_without_labels_cosines_are_compared(trials: Try) -> None:
    found = trials(targets=(), good=target("blue"), bad=target("green"))
    done = compare(found, [proxies.ASKED_FIRST], {})
    assert not done.labelled
    (tested,) = [one for one in done.against if one.corrected is not None]
    assert tested.difference.difference == pytest.approx(-1, abs=1e-3)
    assert done.moves["bad"][0].before is None
    assert not any("Recall" in name for name in done.scores["good"])


def test_a_gain_is_by_value_and_then_by_place() -> None:
    by_value = Moved("a", "", 0.0, 1.0, 12, 9)
    by_place = Moved("b", "", 0.0, 0.0, 40, 12)
    lost = Moved("c", "", 1.0, 1.0, 1, 4)
    same = Moved("d", "", 0.3, 0.3)
    ordered = sorted([lost, same, by_place, by_value], key=lambda move: move.gain, reverse=True)
    assert [move.id for move in ordered] == ["a", "b", "d", "c"]
    assert wins(ordered) == (2, 1, 1)


def test_what_is_tested_is_the_headline_or_what_was_asked_for() -> None:
    rules = jsonl.protocol("mine")
    assert to_test(rules, True, ()) == ("mAP@10",)
    assert to_test(rules, False, ()) == (proxies.FIRST,)
    assert to_test(rules, True, ["Recall@5", proxies.KEPT]) == ("Recall@5", proxies.KEPT)
    with pytest.raises(ConfigError, match="no value 'Recall@5' \\(no labels\\)"):
        to_test(rules, False, ["Recall@5"])
    with pytest.raises(ConfigError, match="no value 'Recall@7'"):
        to_test(rules, True, ["Recall@7"])


def test_the_record_holds_every_figure_as_json(trials: Try) -> None:
    import json

    done = compare(trials(good=target("blue"), bad=target("green")), ["mAP@10"], {"on": "here"})
    found = json.loads(json.dumps(record(done)))
    assert found["baseline"] == "good"
    assert found["variants"][1]["rates"]["strict"] == 1.0
    assert found["variants"][1]["scores"]["mAP@10"]["mean"] == pytest.approx(1 / 3)
    (tested,) = [one for one in found["against_baseline"] if one["p_corrected"] is not None]
    assert (tested["variant"], tested["metric"]) == ("bad", "mAP@10")
    assert found["moves"]["bad"][0]["after"] == 3
