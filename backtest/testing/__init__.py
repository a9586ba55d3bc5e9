"""The proof that a strategy sees nothing before it is known, for authors and for the command."""

from __future__ import annotations

from backtest.testing.checks import check_config, check_strategy
from backtest.testing.report import CheckReport, Claim
from backtest.testing.rough import rough_market

__all__ = ["CheckReport", "Claim", "check_config", "check_strategy", "rough_market"]
