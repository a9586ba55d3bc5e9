"""A sweep from the command line, everything included: trials per second, and where the time goes.

A thousand trials of `spillover_dip` on the simulated market: loading, workers, tables and the
report, as ``backtest sweep`` runs them; then some of the same trials in this process, the
strategy's time apart from the kernel's.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import timing

from backtest import load_config
from backtest.engine import outline
from backtest.engine.compilation import build_terms, build_world
from backtest.engine.orders import build_orders
from backtest.features import FeatureStore, remembered
from backtest.runner import prepare

CONFIG = Path(__file__).parents[1] / "configs" / "spillover_dip.yaml"
SPACE = """
sweep:
  random:
    n: {trials}
    seed: 1
    space:
      strategy.params.drop: {{uniform: [0.03, 0.12]}}
      strategy.params.share: {{uniform: [0.2, 0.9]}}
      strategy.params.flow_z: {{uniform: [-0.5, 1.5]}}
      strategy.params.hold: {{integers: [3, 20]}}
      strategy.params.window: {{choice: [3, 5, 8]}}
  best: 0
executor: {{workers: {workers}}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    print(timing.machine())
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "sweep.yaml"
        space = SPACE.format(trials=chosen.trials, workers=chosen.workers)
        config.write_text(f"extends: {CONFIG}\nname: benchmark\n{space}", encoding="utf-8")
        words = ["-m", "backtest", "sweep", str(config), "--out", folder, "--quiet"]
        before = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
        taken = time.perf_counter() - before
    print(f"\n{chosen.trials:,} trials, {chosen.workers} workers, all included")
    print(f"  {taken:.1f} s, {chosen.trials / taken:.0f} trials per second")
    parts()


def parts(count: int = 40) -> None:
    """Medians of the parts of one trial, rolling features remembered as in a sweep."""
    config = load_config(CONFIG)
    stage = prepare(config)
    terms = build_terms(config.execution, config.portfolio, config.exits)
    world = build_world(
        stage.bundle,
        stage.grid,
        stage.clock,
        stage.rules,
        execution=config.execution,
        portfolio=config.portfolio,
        tradable=stage.held,
    )
    drops = [0.03 + 0.002 * number for number in range(count)]
    strategies = [stage.strategy.model_copy(update={"drop": drop}) for drop in drops]
    taken: dict[str, list[float]] = {"strategy": [], "orders": [], "kernel": []}
    with remembered(FeatureStore()):
        answers = type(stage.strategy).target_weights_many(strategies, stage.panel)
        for _ in strategies:
            start = time.perf_counter()
            weights = next(answers)
            asked = time.perf_counter()
            orders = build_orders(weights, stage.panel.universe, stage.clock, config.portfolio)
            built = time.perf_counter()
            outline(world, orders, terms)
            taken["strategy"].append(asked - start)
            taken["orders"].append(built - asked)
            taken["kernel"].append(time.perf_counter() - built)
    medians = {name: statistics.median(seconds[1:]) for name, seconds in taken.items()}
    print("\none trial (medians)")
    for name, seconds in medians.items():
        print(
            f"  {name:10} {seconds * 1e3:6.2f} ms  {seconds / medians['kernel']:6.2f} x the kernel"
        )


if __name__ == "__main__":
    main()
