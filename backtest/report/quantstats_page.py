"""The standard quantstats report of a result, fed so that it guesses as little as it can.

quantstats guesses whether it was given prices or returns, fills a benchmark backwards where dates
differ, moves time zones, and prints to stderr. Here it gets naive dates, simple returns that it
must read as returns, a benchmark on the same sessions, and every option by name. Its numbers keep
its own conventions: where they differ from the tearsheet, the tearsheet says how it counts.
"""

from __future__ import annotations

import contextlib
import html
import io
import logging
import re
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from backtest.errors import RunError
from backtest.report import describe
from backtest.report.account import account_of
from backtest.report.formats import as_float
from backtest.report.series import section

if TYPE_CHECKING:
    from backtest.result import Result

_LEAST_SESSIONS = 3
_LOOK = {
    "figure.figsize": (10, 6),
    "axes.facecolor": "white",
    "figure.facecolor": "white",
    "grid.color": "#dddddd",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.5,
    "text.color": "#333333",
    "xtick.color": "#666666",
    "ytick.color": "#666666",
}
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'unsafe-inline'; img-src data:\">"
)


def quantstats_html(result: Result) -> str:
    """The standard quantstats report of ``result``, one page of HTML.

    Raises
    ------
    RunError
        Where the run is too short for it, or where it would take the returns for prices.
    """
    returns, benchmark = quantstats_inputs(result)
    refuse_what_it_misreads(returns)
    conventions = section(result.metrics, "conventions")
    with _quiet(), TemporaryDirectory() as folder:
        import quantstats

        output = Path(folder) / "report.html"
        quantstats.reports.html(  # type: ignore[no-untyped-call]  # it has no types
            returns,
            benchmark=benchmark,
            rf=_risk_free(result),
            grayscale=False,
            title=html.escape(describe.title_of(result)),
            output=str(output),
            compounded=True,
            periods_per_year=round(as_float(conventions.get("sessions_per_year"))),
            figfmt="svg",
            match_dates=False,
            strategy_title="Strategy",
            benchmark_title=None if benchmark is None else str(benchmark.name),
        )
        page = output.read_text(encoding="utf-8")
    return _self_contained(page)


def quantstats_inputs(result: Result) -> tuple[pd.Series, pd.Series | None]:
    """Return account and benchmark as simple returns on the same naive sessions.

    Only sessions on which the benchmark's return is known are kept where there is a benchmark, so
    that nothing is left to be aligned; without one all are.
    """
    account = account_of(result)
    index = pd.DatetimeIndex(account.sessions.astype("datetime64[ns]"), name="Date")
    returns = pd.Series(account.returns, index=index, name="Strategy", dtype="float64")
    market = pd.Series(
        account.benchmark_returns, index=index, name=_tame(describe.benchmark_of(result))
    )
    known = np.isfinite(account.benchmark_returns)
    if not known.any():
        return returns, None
    return returns[known], market[known]


def refuse_what_it_misreads(returns: pd.Series) -> None:
    """Raise where quantstats would fail, or take returns for prices."""
    if len(returns) < _LEAST_SESSIONS:
        raise RunError(f"quantstats needs at least {_LEAST_SESSIONS} sessions, got {len(returns)}")
    if float(returns.min()) >= 0.0 and float(returns.max()) > 1.0:
        raise RunError(
            "quantstats takes returns without a loss and with a gain above 100 % for prices; "
            "its report would be wrong and is not written"
        )


def _risk_free(result: Result) -> float:
    """Effective annual rate; the mean of the rates where they vary."""
    conventions = section(result.metrics, "conventions")
    stated = as_float(conventions.get("risk_free"))
    rate = as_float(conventions.get("risk_free_mean_per_year")) if np.isnan(stated) else stated
    return 0.0 if np.isnan(rate) else rate


def _tame(name: str) -> str:
    """Name without signs that HTML or matplotlib's formulas would read."""
    return re.sub(r"[^\w .^-]", "_", name)[:40] or "Benchmark"


def _self_contained(page: str) -> str:
    """``page`` without its request for an icon and without the time of its making."""
    page = re.sub(r'<link rel="shortcut icon"[^>]*>', _POLICY, page)
    return re.sub(r"<dc:date>.*?</dc:date>", "", page, flags=re.DOTALL)


def _dress() -> None:
    """Put on quantstats' look: it does so when first imported, later reports would lack it."""
    import matplotlib as mpl
    import quantstats  # noqa: F401 - its import sets the look, which the lines below set anew

    mpl.rcdefaults()
    import_module("seaborn").set_theme(font_scale=1.1, rc=_LOOK)
    mpl.rcParams["svg.hashsalt"] = "backtest"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Draw off screen, without warnings, prints and complaints about fonts, leaving no trace."""
    import matplotlib as mpl
    from matplotlib import pyplot

    fonts = logging.getLogger("matplotlib.font_manager")
    level, backend = fonts.level, mpl.get_backend()
    fonts.setLevel(logging.CRITICAL)
    try:
        with (
            mpl.rc_context(),
            warnings.catch_warnings(),
            contextlib.redirect_stderr(io.StringIO()),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            pyplot.switch_backend("agg")
            _dress()
            yield
            pyplot.close("all")
    finally:
        pyplot.switch_backend(backend)
        fonts.setLevel(level)
