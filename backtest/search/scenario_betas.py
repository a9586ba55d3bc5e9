"""How instruments moved with the factors of a scenario, as far as was known on a day.

Betas are slopes of a least-squares regression on all factors at once, of returns over blocks of
five decisions, so that exchanges with other hours are in step. Each is drawn towards the mean of
its group by Vasicek's rule; an instrument without enough of a past has its group's mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from backtest.measures.regression import regress
from backtest.panel import Panel
from backtest.panel.money import rates_known, returns_in_base
from backtest.search.scenarios import Factor

FloatArray = npt.NDArray[np.float64]

BLOCK = 5
"""Decisions in one return of the regression: a week."""
WINDOW = 104
"""Blocks of the regression, the latest ones: two years."""
LEAST = 26
"""Blocks that must be known, of an instrument and of a factor: half a year."""
_GROUP = 5  # instruments with betas of their own that make a group


class Proxy(NamedTuple):
    """What stands for a factor in a bundle: its moves by row of the panel, NaN where unknown."""

    factor: Factor
    name: str
    returns: FloatArray


@dataclass(frozen=True, eq=False)
class Betas:
    """Slopes of instruments (N) on factors (K), in the portfolio's currency.

    ``origin`` is ``own``, or the group whose mean stands in: ``sector`` (of its exchange),
    ``market`` (its exchange) or ``all``; ``none`` where nothing has betas, which then are 0.
    """

    symbols: tuple[str, ...]
    slopes: FloatArray  # (N, K)
    errors: FloatArray  # (N, K): one standard error, after shrinkage
    plain: FloatArray  # (N, K): before shrinkage, NaN where there are none
    origin: tuple[str, ...]
    blocks: npt.NDArray[np.int64]  # (N,): blocks known
    past: FloatArray  # (B, N): returns by block, as the betas say where they are not known
    market: FloatArray  # (B, K)

    def errors_of(self, weights: FloatArray) -> FloatArray:
        """Standard errors of the betas of a portfolio that held ``weights`` all along."""
        return np.asarray(regress(self.past @ weights, self.market, lags=0).errors[1:])


def proxies(panel: Panel, factor: Factor) -> list[Proxy]:
    """Everything in the bundle that may stand for ``factor``, the preferred first."""
    own = [symbol for symbol in factor.symbols if symbol in panel.symbols]
    columns = panel.symbols.get_indexer(pd.Index(own))
    moves = _without_halts(panel.returns.to_numpy()[:, columns])
    found = [Proxy(factor, symbol, moves[:, at]) for at, symbol in enumerate(own)]
    for pair in factor.pairs:
        rates = rates_known(panel, *pair.split("/"))
        change = np.append(np.nan, rates[1:] / rates[:-1] - 1.0)
        if not np.isnan(change).all():
            found.append(Proxy(factor, pair, change))
    return found


def is_known(proxy: Proxy, row: int) -> bool:
    """Whether it has enough of a past for betas at ``row``, up to that day."""
    known = ~np.isnan(in_blocks(proxy.returns[:, None], row)[:, 0])
    return bool(known.size and known[-1]) and int(known.sum()) >= LEAST


def in_blocks(returns: FloatArray, row: int) -> FloatArray:
    """Compound returns of the latest blocks that end at ``row``, oldest first; NaN with a gap."""
    count = min(WINDOW, row // BLOCK)  # the first row of a panel has no return
    taken = returns[row + 1 - count * BLOCK : row + 1]
    shaped = 1.0 + taken.reshape(count, BLOCK, returns.shape[1])
    return np.asarray(np.prod(shaped, axis=1) - 1.0)


def own_returns(panel: Panel, symbols: tuple[str, ...]) -> FloatArray:
    """Returns by row in the portfolio's currency, NaN in halts and outside the data, (T, N)."""
    columns = panel.symbols.get_indexer(pd.Index(symbols))
    return _without_halts(returns_in_base(panel)[:, columns])


def betas_of(panel: Panel, row: int, chosen: list[Proxy], symbols: tuple[str, ...]) -> Betas:
    """Betas of ``symbols`` on the factors that ``chosen`` stand for, known at ``row``."""
    market = in_blocks(np.column_stack([proxy.returns for proxy in chosen]), row)
    table = panel.instruments
    listed = (table["kind"] != "index").to_numpy() & panel.is_listed[row]
    names = sorted({*table.index[listed], *symbols})
    blocks = in_blocks(own_returns(panel, tuple(names)), row)
    fits = [regress(blocks[:, at], market, lags=0) for at in range(len(names))]
    plain = np.array([fit.coefficients[1:] for fit in fits])
    errors = np.array([fit.errors[1:] for fit in fits])
    known = np.array([fit.observations >= LEAST for fit in fits]) & ~np.isnan(plain).any(axis=1)
    about = table.loc[names, ["exchange", "sector"]].astype("str").to_numpy()
    places = [names.index(symbol) for symbol in symbols]
    values, spread, origin = [], [], []
    for at in places:
        name, members = _group(about, known, at)
        prior = prior_of(plain[members], errors[members])
        if known[at]:
            name = "own"
            value, error = shrunk(plain[at], errors[at], prior)
        else:
            value, error = prior.mean, np.sqrt(prior.variance + prior.doubt)
        values.append(value)
        spread.append(error)
        origin.append(name)
    slopes, own = np.array(values), blocks[:, places]
    return Betas(
        symbols=symbols,
        slopes=slopes,
        errors=np.array(spread),
        plain=np.where(known[places, None], plain[places], np.nan),
        origin=tuple(origin),
        blocks=np.array([fits[at].observations for at in places], dtype=np.int64),
        past=np.where(np.isnan(own), market @ slopes.T, own),
        market=market,
    )


class Prior(NamedTuple):
    """Betas of a group: their mean, how true ones vary around it, the variance of the mean."""

    mean: FloatArray
    variance: FloatArray
    doubt: FloatArray


def prior_of(slopes: FloatArray, errors: FloatArray) -> Prior:
    """Prior from a group's slopes, (M, K): what varies beyond their errors is true variation."""
    if len(slopes) < 2:
        mean = slopes[0] if len(slopes) else np.zeros(slopes.shape[1])
        noise = np.square(errors[0]) if len(slopes) else np.zeros(slopes.shape[1])
        return Prior(mean, np.zeros_like(mean), noise)
    spread, noise = slopes.var(axis=0, ddof=1), np.square(errors).mean(axis=0)
    return Prior(
        slopes.mean(axis=0),
        np.maximum(spread - noise, 0.0),
        np.maximum(spread, noise) / len(slopes),
    )


def shrunk(slope: FloatArray, error: FloatArray, prior: Prior) -> tuple[FloatArray, FloatArray]:
    """Slopes drawn towards the prior's mean by their error, and the error of what comes out.

    References
    ----------
    Vasicek (1973), A note on using cross-sectional information in Bayesian estimation of security
    betas, Journal of Finance 28(5), 1233-1239.

    Examples
    --------
    >>> prior = Prior(np.array([1.0]), np.array([0.09]), np.array([0.0]))
    >>> value, error = shrunk(np.array([1.5]), np.array([0.3]), prior)
    >>> float(value[0]), round(float(error[0]), 6)
    (1.25, 0.212132)
    """
    noise = np.square(error)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.where(noise > 0.0, prior.variance / (prior.variance + noise), 1.0)
    value = weight * slope + (1.0 - weight) * prior.mean
    return value, np.sqrt(weight * noise + np.square(1.0 - weight) * prior.doubt)


def _group(
    about: npt.NDArray[np.object_], known: npt.NDArray[np.bool_], at: int
) -> tuple[str, npt.NDArray[np.bool_]]:
    """The narrowest group of five with betas of their own: its name, and its members."""
    same = about == about[at]
    for name, alike in (("sector", same.all(axis=1)), ("market", same[:, 0])):
        if int((alike & known).sum()) >= _GROUP:
            return name, alike & known
    return ("all" if known.any() else "none"), known


def _without_halts(returns: FloatArray) -> FloatArray:
    """NaN where a price stood still for a block of decisions: a halt, or no data any more."""
    moved = pd.DataFrame(returns).abs().rolling(BLOCK, min_periods=1).sum().to_numpy()
    return np.where(moved > 0.0, returns, np.nan)
