"""Weights to a simulated account."""

from backtest.engine.simulation import Outline, Simulation, nav_only, outline, record, simulate

__all__ = ["Outline", "Simulation", "nav_only", "outline", "record", "simulate"]
