"""Bars: signed shares on one scale, worked out by hand."""

from __future__ import annotations

import pytest

from likebut.pipeline.records.trace import Trace
from likebut.pipeline.report.pages import bars, shares_by_role, thumbnail


def test_shares_are_added_up_per_role(trace: Trace) -> None:
    shares = shares_by_role(trace, trace.ranking.hits[0])
    assert shares == {"target_caption": 0.6, "forbidden": -0.2, "reference": 0.1}


def test_bars_share_one_scale_with_the_negative_part_left_of_zero(trace: Trace) -> None:
    first, second = bars(trace)
    # lowest −0.2, highest 0.7: the span is 0.9 and zero lies at 0.2 / 0.9
    assert first.zero == second.zero == pytest.approx(100 * 0.2 / 0.9)
    target, forbidden, reference = first.segments
    assert (target.left, target.width) == pytest.approx((100 * 0.2 / 0.9, 100 * 0.6 / 0.9))
    assert (forbidden.left, forbidden.width) == pytest.approx((0, 100 * 0.2 / 0.9))
    assert reference.left == pytest.approx(100 * 0.8 / 0.9)


def test_an_unreadable_picture_has_no_thumbnail() -> None:
    assert thumbnail("/nowhere/at/all.png") == ""
