"""Several strategies in one portfolio."""

from backtest.sleeves.composite import Sleeves
from backtest.sleeves.settings import AllocationSettings, SleeveSettings

__all__ = ["AllocationSettings", "SleeveSettings", "Sleeves"]
