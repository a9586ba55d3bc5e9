"""A small run does not wait for the compiler, and comes out the same to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from backtest import load_config
from backtest.engine import simulation
from backtest.kernel_cache import COMPILING
from backtest.runner import run

CONFIG = Path(__file__).resolve().parents[3] / "configs" / "spillover_dip.yaml"


@pytest.mark.parametrize(
    ("compiled", "wait", "expected"),
    [
        (False, 60.0, ["simulate"]),
        (False, 0.0, []),
        (True, 60.0, []),
    ],
)
def test_only_a_small_run_without_a_compiled_kernel_is_interpreted(
    monkeypatch: pytest.MonkeyPatch, compiled: bool, wait: float, expected: list[str]
):
    asked: list[str] = []
    told: list[str] = []
    plain = simulation.interpreted

    def interpreted(kernel: Callable[..., None]) -> Callable[..., None]:
        asked.append(kernel.__name__)
        return plain(kernel)

    monkeypatch.setattr(simulation, "interpreted", interpreted)
    monkeypatch.setattr(simulation, "is_compiled", lambda: compiled)
    monkeypatch.setattr(simulation, "WAIT", wait)
    config = load_config(CONFIG, overrides=["data.end=2018-12-31"])
    quick, waited = run(config, waiting=told.append), run(config)
    assert asked == expected
    assert told == ([] if compiled or expected else [COMPILING])
    assert len(quick.fills) > 40
    for name in ("nav", "fills", "orders", "positions", "ledger"):
        pd.testing.assert_frame_equal(getattr(quick, name), getattr(waited, name), check_exact=True)
