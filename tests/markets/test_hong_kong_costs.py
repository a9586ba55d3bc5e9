"""What HK$100,000 of shares cost in Hong Kong over the years, through a whole run."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from backtest.config import RunConfig
from backtest.data.bundle import Bundle
from backtest.engine import simulate
from backtest.runner import stage_of

LEVIES = ("stamp_duty", "sfc_levy", "trading_fee", "settlement_fee", "afrc_levy", "trading_tariff")
# Worked by hand from the rates of each day: stamp duty, SFC levy, trading fee, settlement fee,
# AFRC levy (from 2022), trading tariff (to 2022).
CASES = {
    "2013-06-03": (100_000, (100.00, 3.00, 5.00, 2.00, 0.0, 0.50)),
    "2022-06-01": (100_000, (130.00, 2.70, 5.00, 2.00, 0.15, 0.50)),
    "2023-06-01": (100_000, (130.00, 2.70, 5.65, 2.00, 0.15, 0.0)),
    "2025-11-03": (100_000, (100.00, 2.70, 5.65, 4.20, 0.15, 0.0)),
    # One more dollar begun is one more dollar of stamp duty.
    "2025-11-04": (100_050, (101.00, 2.70, 5.65, 4.2021, 0.15, 0.0)),
}


def bought(day: str, value: float) -> pd.DataFrame:
    """The fills of a run that buys shares at HK$10 on ``day`` for ``value`` and keeps them."""
    sessions = pd.bdate_range(end=day, periods=2)
    bars = pd.DataFrame({"symbol": "A", "session": sessions, "close": 10.0}).assign(
        open=10.0, high=10.0, low=10.0, volume=1e9
    )
    bundle = Bundle.from_frames(
        name="two sessions",
        instruments=pd.DataFrame(
            {
                "symbol": ["A"],
                "exchange": "XHKG",
                "currency": "HKD",
                "kind": "stock",
                "lot_size": 5.0,
            }
        ),
        bars=bars,
        checks={"not_a_session": "error"},
    )
    config = RunConfig.model_validate(
        {
            "name": "costs",
            "data": {"bundle": "memory", "start": date.fromisoformat(day)},
            "strategy": {"name": "buy_and_hold", "params": {"symbols": ["A"]}},
            "portfolio": {"cash": 10 * value},
        }
    )
    stage = stage_of(config, bundle)
    weights = stage.panel.close * 0.0 + 0.1
    return simulate(
        bundle, stage.grid, stage.clock, weights, stage.panel.universe, rules=stage.rules,
        execution=config.execution, portfolio=config.portfolio, exits=config.exits,
    ).fills  # fmt: skip


@pytest.mark.parametrize("day", CASES)
def test_a_purchase_pays_what_was_due_on_its_day(day):
    value, due = CASES[day]
    (fill,) = bought(day, value).to_dict("records")
    assert fill["value"] == value
    paid = [fill.get(f"fee_{name}", 0.0) for name in LEVIES]
    assert paid == pytest.approx(list(due), abs=1e-9)
    assert fill["fees"] == pytest.approx(sum(due), abs=1e-9)
    assert {name for name in fill if name.startswith("fee_") and fill[name]} <= {
        f"fee_{name}" for name in LEVIES
    }
