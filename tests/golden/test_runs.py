"""Whole runs on the sample market against the numbers they gave before.

One config per strategy, and three that turn on what those leave off. A number moves on purpose
only: ``pytest tests/golden --bless`` writes the files anew, and a line under *Numbers* in the
CHANGELOG says why. Ten digits are kept, so that the last bits of a platform do not matter.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from backtest import Result, load_config, run

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "runs"
DIGITS = 10
SECTIONS = ("headline", "return", "risk", "benchmark", "trading", "costs", "trades")

SHIPPED = {path.stem: (path.name, []) for path in sorted((ROOT / "configs").glob("*.yaml"))}
VARIED = {
    "ipo_offer": (
        "ipo_day_one.yaml",
        ["execution.ipo_entry=offer", "strategy.params.max_oversubscription=null"],
    ),
    "equal_weight_thin": (
        "equal_weight.yaml",
        [
            "portfolio.cash=2bn HKD",
            "execution.unfilled=carry",
            "execution.slippage.impact=0.5",
            "execution.max_participation=2%",
        ],
    ),
    "low_pe_exits_at_close": (
        "low_pe_rotation.yaml",
        [
            "execution.fill=close",
            "clock.decide=after_close",
            "exits.trailing_stop=12%",
            "exits.take_profit=30%",
            "exits.max_sessions=120",
        ],
    ),
}


@pytest.fixture(autouse=True)
def _at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("name", [*SHIPPED, *VARIED])
def test_a_run_gives_the_numbers_it_gave(name, blesses):
    file, changes = (SHIPPED | VARIED)[name]
    found = told(run(load_config(ROOT / "configs" / file, overrides=changes)))
    golden = GOLDEN / f"{name}.json"
    if blesses:
        golden.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
    moved = list(differences(json.loads(golden.read_text(encoding="utf-8")), found))
    assert moved == []


def test_every_golden_file_is_some_runs():
    assert {path.stem for path in GOLDEN.glob("*.json")} == {*SHIPPED, *VARIED}


def told(result: Result) -> dict[str, object]:
    """The numbers of a run, and what it did, in one tree of ten digits."""
    actions = {
        "fills_by_reason": result.fills["reason"].value_counts().sort_index().to_dict(),
        "orders_by_status": result.orders["status"].value_counts().sort_index().to_dict(),
        "ledger_by_kind": result.ledger.groupby("kind")["amount"].sum().to_dict(),
        "nav_by_year": result.nav.groupby(result.nav["session"].dt.year)["nav"].last().to_dict(),
    }
    tree = {**{name: result.metrics[name] for name in SECTIONS}, "account": actions}
    return json.loads(json.dumps(rounded(tree)))


def rounded(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    return value


def differences(expected: object, found: object, where: str = "") -> list[str]:
    """Where two trees differ by more than the rounding of their last digit."""
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = sorted(expected.keys() | found.keys())
        return [
            line
            for key in keys
            for line in differences(expected.get(key), found.get(key), f"{where}.{key}".lstrip("."))
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{where}[{i}]")]
    numbers = (int, float)
    if isinstance(expected, numbers) and isinstance(found, numbers):
        same = math.isclose(expected, found, rel_tol=2 * 10.0 ** (1 - DIGITS), abs_tol=1e-9)
    else:
        same = expected == found
    return [] if same else [f"{where}: {expected!r}, now {found!r}"]
