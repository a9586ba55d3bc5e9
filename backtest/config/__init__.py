"""A run's settings: YAML in, one validated value out."""

from backtest.config.load import load_config
from backtest.config.model import RunConfig

__all__ = ["RunConfig", "load_config"]
