"""Averages and shares of events that happen together, with intervals that say so."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backtest.measures.performance import FloatArray

IntArray = npt.NDArray[np.int64]


class Interval(NamedTuple):
    """Lower and upper ends, NaN where not defined."""

    low: FloatArray
    high: FloatArray


def mean_of_known(values: FloatArray) -> FloatArray:
    """Mean of each column of ``values``, shape (E, K), over what is known; NaN where nothing is.

    Examples
    --------
    >>> mean_of_known(np.array([[1.0, np.nan], [3.0, np.nan]])).tolist()
    [2.0, nan]
    """
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    mean: FloatArray = np.full(count.shape, math.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def cluster_interval(
    values: FloatArray, cluster: IntArray, *, seed: int, draws: int = 1000, level: float = 0.90
) -> Interval:
    """Interval of `mean_of_known`, by drawing whole clusters of events with replacement.

    Events of one month share the market's moves: drawn one by one they would pretend to be
    independent, and the interval would be several times too narrow.

    Parameters
    ----------
    values
        One row per event, shape (E, K), NaN where unknown.
    cluster
        Which cluster each event belongs to, shape (E,): any integers.

    Returns
    -------
    Interval
        Percentiles of ``draws`` means, shape (K,) each; NaN with fewer than five clusters, of
        which nothing can be drawn that was not seen.

    References
    ----------
    Cameron, Gelbach & Miller (2008), Bootstrap-based improvements for inference with clustered
    errors, Review of Economics and Statistics 90(3), 414-427.
    """
    names, member = np.unique(cluster, return_inverse=True)
    blank = np.full(values.shape[1], math.nan)
    if names.size < 5:
        return Interval(blank, blank)
    known = ~np.isnan(values)
    totals, counts = (np.zeros((names.size, values.shape[1])) for _ in range(2))
    np.add.at(totals, member, np.where(known, values, 0.0))
    np.add.at(counts, member, known.astype(np.float64))
    generator = np.random.Generator(np.random.PCG64(seed))
    drawn = generator.multinomial(names.size, np.full(names.size, 1.0 / names.size), size=draws)
    count = np.einsum("dc,ck->dk", drawn, counts)
    total = np.einsum("dc,ck->dk", drawn, totals)
    mean = np.divide(total, count, out=np.full(count.shape, math.nan), where=count > 0.0)
    tail = 50.0 * (1.0 - level)
    ends = np.full((2, values.shape[1]), math.nan)
    some = known.any(axis=0)
    if bool(some.any()):
        ends[:, some] = np.nanpercentile(mean[:, some], [tail, 100.0 - tail], axis=0)
    return Interval(ends[0], ends[1])


def share_interval(hits: int, count: int, *, level: float = 0.90) -> tuple[float, float]:
    r"""Wilson's interval of a share, ``hits`` of ``count``; NaN without any.

    Never leaves 0 to 1, and is right for few and for one-sided ones, where the usual one fails.
    It takes the events for independent.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference, Journal of
    the American Statistical Association 22(158), 209-212.

    Examples
    --------
    >>> [round(end, 3) for end in share_interval(0, 10, level=0.95)]
    [0.0, 0.278]
    """
    if count == 0:
        return math.nan, math.nan
    z = NormalDist().inv_cdf(0.5 + level / 2.0)
    share = hits / count
    spread = z * math.sqrt(share * (1.0 - share) / count + z * z / (4.0 * count * count))
    middle, scale = share + z * z / (2.0 * count), 1.0 + z * z / count
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def groups_of(values: FloatArray, *, most: int = 4, least: int = 10) -> tuple[FloatArray, IntArray]:
    """Edges of equal-sized groups of ``values``, shape (E,), and the group of each.

    Parameters
    ----------
    most, least
        Up to ``most`` groups, fewer where one would have fewer than ``least`` known values.

    Returns
    -------
    tuple
        Edges, shape (G + 1,), lowest and highest value at the ends, empty without a known value;
        group of each value, -1 where it is unknown. A value on an edge belongs to the group above.

    Examples
    --------
    >>> edges, group = groups_of(np.array([1.0, 2.0, 3.0, 4.0, np.nan]), most=2, least=2)
    >>> edges.tolist(), group.tolist()
    ([1.0, 2.5, 4.0], [0, 0, 1, 1, -1])
    """
    known = values[~np.isnan(values)]
    if known.size == 0:
        return np.zeros(0), np.full(values.size, -1)
    count = max(1, min(most, known.size // least))
    edges = np.unique(np.quantile(known, np.linspace(0.0, 1.0, count + 1)))
    if edges.size == 1:
        edges = np.repeat(edges, 2)
    group = np.searchsorted(edges[1:-1], values, side="right")
    return edges, np.where(np.isnan(values), -1, group)
