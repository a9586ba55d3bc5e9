"""Weights to a simulated account."""

from backtest.engine.simulation import Simulation, nav_and_fills, nav_only, record, simulate

__all__ = ["Simulation", "nav_and_fills", "nav_only", "record", "simulate"]
