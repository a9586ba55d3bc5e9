"""What makes two runs the same run."""

from __future__ import annotations

import pytest

from backtest import run
from backtest.config import RunConfig

PLAIN = {
    "name": "a",
    "data": {"bundle": "sample", "start": "2026-06-01"},
    "universe": {"symbols": "E001.HK"},
    "strategy": {"name": "equal_weight"},
}


def fingerprint(**sections: object) -> str:
    return run(RunConfig.model_validate({**PLAIN, **sections})).fingerprint


@pytest.mark.parametrize(
    "sections",
    [
        {"portfolio": {"cash": 999_999}},
        {"benchmark": "X001.HK"},
        {"tearsheet": {"risk_free": "3%"}},  # moves the Sharpe ratio of metrics.json
        {"tearsheet": {"top": 5}},  # the episodes that metrics.json lists
    ],
)
def test_what_moves_a_number_makes_another_run(sections):
    assert fingerprint(**sections) != fingerprint()


@pytest.mark.parametrize("look", [{"theme": "dark"}, {"title": "Mine"}, {"quantstats": True}])
def test_what_only_changes_the_look_of_the_page_does_not(look):
    assert fingerprint(tearsheet=look) == fingerprint()
