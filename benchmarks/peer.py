"""One engine on stored inputs, in its own environment: seconds, and memory of the process, as JSON.

``peer.py NAME INPUTS.npz REPEATS``; nothing of ours is imported.
"""

from __future__ import annotations

import gc
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
import pandas as pd

DISTRIBUTIONS = {"zipline": "zipline-reloaded"}


def frames(d: dict[str, np.ndarray]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Closes by session, weights by the sessions that have some."""
    days = pd.date_range("2010-01-01", periods=len(d["close"]), freq="B")
    names = [f"A{number:04d}" for number in range(d["close"].shape[1])]
    close = pd.DataFrame(d["close"], days, names)
    return close, pd.DataFrame(d["weights"], days[d["rows"]], names)


def in_bt(d: dict[str, np.ndarray]) -> Callable[[], float]:
    import bt

    close, weights = frames(d)
    fee = float(d["fee"])

    def run() -> float:
        algos = [
            bt.algos.RunOnDate(*weights.index),
            bt.algos.SelectAll(),
            bt.algos.WeighTarget(weights),
            bt.algos.Rebalance(),
        ]
        test = bt.Backtest(
            bt.Strategy("peer", algos),
            close,
            initial_capital=float(d["cash"]),
            commissions=lambda shares, price: abs(shares) * price * fee,
            integer_positions=False,
            progress_bar=False,
        )
        bt.run(test)
        return float(test.strategy.prices.iloc[-1] / 100.0 * d["cash"])

    return run


def in_backtrader(d: dict[str, np.ndarray]) -> Callable[[], float]:
    import backtrader

    close, weights = frames(d)
    plan = {day.date(): row.to_numpy() for day, row in weights.iterrows()}
    bars = {
        name: pd.DataFrame(
            {"open": own, "high": own, "low": own, "close": own, "volume": 1e9}, close.index
        )
        for name, own in close.items()
    }

    class Rebalance(backtrader.Strategy):
        def next(self) -> None:
            row = plan.get(self.datas[0].datetime.date(0))
            if row is None:
                return

            def value(pair: tuple[object, float]) -> float:
                return self.broker.getposition(pair[0]).size * pair[0].close[0]

            for data, weight in sorted(zip(self.datas, row, strict=True), key=value, reverse=True):
                self.order_target_percent(data, target=float(weight))

    def run() -> float:
        cerebro = backtrader.Cerebro(stdstats=False)
        cerebro.broker.setcash(float(d["cash"]))
        cerebro.broker.setcommission(commission=float(d["fee"]))
        cerebro.broker.set_coc(True)
        cerebro.addstrategy(Rebalance)
        for name, frame in bars.items():
            cerebro.adddata(backtrader.feeds.PandasData(dataname=frame), name=name)
        cerebro.run()
        return float(cerebro.broker.getvalue())

    return run


def in_cvxportfolio(d: dict[str, np.ndarray]) -> Callable[[], float]:
    import cvxportfolio as cvx

    close, weights = frames(d)
    returns = (close.shift(-1) / close - 1.0).iloc[:-1]
    returns["cash"] = 0.0
    targets = weights.copy()
    targets["cash"] = 1.0 - targets.sum(axis=1)
    market = cvx.MarketSimulator(
        returns=returns,
        cash_key="cash",
        costs=[cvx.TransactionCost(a=float(d["fee"]))],
        round_trades=False,
        min_history=pd.Timedelta("0d"),
    )

    def run() -> float:
        done = market.backtest(
            cvx.FixedWeights(targets), start_time=returns.index[0], initial_value=float(d["cash"])
        )
        return float(done.v.iloc[-1])

    return run


def in_zipline(d: dict[str, np.ndarray]) -> Callable[[], float]:
    import os

    os.environ["ZIPLINE_ROOT"] = tempfile.mkdtemp()
    from zipline import run_algorithm
    from zipline.api import order_target_percent, set_commission, set_slippage, symbol
    from zipline.data.bundles import ingest, register
    from zipline.finance import commission, slippage
    from zipline.utils.calendar_utils import get_calendar

    calendar = get_calendar("XNYS")
    days = calendar.sessions_in_range("2008-01-02", "2024-12-31")[: len(d["close"])]
    names = [f"A{number:04d}" for number in range(d["close"].shape[1])]
    plan = {days[row]: weights for row, weights in zip(d["rows"], d["weights"], strict=True)}

    def bundle(_environ, assets, _minutes, daily, adjustments, *_rest) -> None:
        assets.write(
            equities=pd.DataFrame(
                {
                    "symbol": names,
                    "asset_name": names,
                    "start_date": days[0],
                    "end_date": days[-1],
                    "auto_close_date": days[-1] + pd.Timedelta(days=1),
                    "exchange": "NYSE",
                }
            ),
            exchanges=pd.DataFrame(
                {"exchange": ["NYSE"], "canonical_name": ["NYSE"], "country_code": ["US"]}
            ),
        )
        daily.write(
            (
                column,
                pd.DataFrame(
                    dict.fromkeys(("open", "high", "low", "close"), d["close"][:, column])
                    | {"volume": 1e8},
                    days,
                ),
            )
            for column in range(len(names))
        )
        adjustments.write()

    register("peer", bundle, calendar_name="XNYS", start_session=days[0], end_session=days[-1])
    ingest("peer", show_progress=False)

    def initialize(context: object) -> None:
        set_commission(commission.PerDollar(cost=float(d["fee"])))
        set_slippage(slippage.NoSlippage())
        context.assets = [symbol(name) for name in names]

    def handle(context: object, data: object) -> None:
        for asset, weight in zip(context.assets, plan.get(data.current_session, ()), strict=False):
            order_target_percent(asset, float(weight))

    def run() -> float:
        done = run_algorithm(
            start=days[1],
            end=days[-2],
            initialize=initialize,
            handle_data=handle,
            capital_base=float(d["cash"]),
            bundle="peer",
            benchmark_returns=pd.Series(0.0, index=days),
        )
        return float(done["portfolio_value"].iloc[-1])

    return run


def in_raptorbt(d: dict[str, np.ndarray]) -> Callable[[], float]:
    import raptorbt

    close = d["close"]
    length = len(close)
    stamps = np.arange(length, dtype=np.int64) * 86_400_000_000_000
    volume = np.full(length, 1e9)
    config = raptorbt.BacktestConfig(initial_capital=float(d["cash"]), fees=float(d["fee"]))

    def flags(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entries, exits = np.zeros((2, length), bool)
        entries[1:] = (x[1:] > y[1:]) & (x[:-1] < y[:-1])
        exits[1:] = (x[1:] < y[1:]) & (x[:-1] > y[:-1])
        return entries, exits

    def run() -> float:
        lines = [np.asarray(raptorbt.sma(close, int(window))) for window in d["windows"]]
        items = [
            raptorbt.BatchSingleItem(str(number), *flags(lines[fast], lines[slow]))
            for number, (fast, slow) in enumerate(zip(d["fast"], d["slow"], strict=True))
        ]
        done = raptorbt.batch_single_backtest(
            stamps, close, close, close, close, volume, items, config
        )
        return float(done[-1][1].metrics.total_return_pct) / 100.0

    return run


def main() -> None:
    name, file, repeats = sys.argv[1:]
    with np.load(file) as stored:
        inputs = dict(stored)
    run = globals()[f"in_{name}"](inputs)
    taken, used, last = [], [], float("nan")
    for _ in range(int(repeats)):
        gc.collect()
        start, begun = time.perf_counter(), time.process_time()
        last = run()
        taken.append(time.perf_counter() - start)
        used.append(time.process_time() - begun)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    of = DISTRIBUTIONS.get(name, name)
    told = {"version": f"{of} {version(of)}", "memory": memory, "last": last}
    seconds = {"seconds": statistics.median(taken), "processor": statistics.median(used)}
    print(json.dumps(told | seconds))


if __name__ == "__main__":
    main()
