"""Backtests of portfolios: one strategy file, one YAML, an honest tearsheet."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backtest.config import load_config
    from backtest.panel import Panel
    from backtest.report.compare import compare
    from backtest.result import Result
    from backtest.runner import run
    from backtest.strategy import Strategy

__all__ = ["Panel", "Result", "Strategy", "compare", "load_config", "run"]

_HOMES = {
    "Panel": "backtest.panel",
    "Result": "backtest.result",
    "Strategy": "backtest.strategy",
    "compare": "backtest.report.compare",
    "load_config": "backtest.config",
    "run": "backtest.runner",
}


def __getattr__(name: str) -> object:
    # PEP 562: a name is loaded when it is asked for, so that `backtest --help` loads no pandas.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'backtest' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
