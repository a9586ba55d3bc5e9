"""A difference split among its causes, by the orders in which they may come."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Coalition = frozenset[int]
Order = tuple[int, ...]


class Split(NamedTuple):
    """Shares of the causes in a difference of several outcomes.

    Attributes
    ----------
    shares
        Shape (causes, outcomes): averages over the orders, adding up to the difference.
    errors
        Their standard errors over the orders; NaN with fewer than two.
    orders
        How many orders count.
    """

    shares: FloatArray
    errors: FloatArray
    orders: int


def all_orders(causes: int) -> list[Order]:
    """Every order of the causes.

    >>> all_orders(2)
    [(0, 1), (1, 0)]
    """
    return list(permutations(range(causes)))


def drawn_orders(causes: int, *, count: int, seed: int) -> list[Order]:
    """Orders drawn at random, ``count`` of them, with replacement."""
    random = np.random.default_rng(seed)
    return [tuple(random.permutation(causes).tolist()) for _ in range(count)]


def split(
    outcome: Callable[[Coalition], FloatArray | None], orders: Sequence[Order]
) -> Split | None:
    r"""Shapley values of the causes, over ``orders``.

    Parameters
    ----------
    outcome
        What comes out with a set of causes in force, shape (outcomes,); None where that set cannot
        be had. It is asked once for each set that the orders pass through. A NaN makes that
        outcome's shares NaN.
    orders
        Orders in which the causes come; all of them give the Shapley values, a sample estimates
        them. Those that pass through a set that cannot be had are left out (the Shapley value with
        precedences).

    Returns
    -------
    Split or None
        None where no order is left.

    Notes
    -----
    .. math:: \phi_i = \frac{1}{|O|} \sum_{o \in O}
              \left( v(\{j : j \le_o i\}) - v(\{j : j <_o i\}) \right)

    Each order's differences telescope, so the shares add up to v(all) - v(none) whatever the
    orders.

    References
    ----------
    Shapley (1953), A value for n-person games, Contributions to the Theory of Games II, 307-317;
    Castro, Gomez & Tejada (2009), Polynomial calculation of the Shapley value based on sampling,
    Computers & Operations Research 36(5), 1726-1730; Faigle & Kern (1992), The Shapley value for
    cooperative games under precedence constraints, International Journal of Game Theory 21,
    249-266.

    Examples
    --------
    Two causes that add 1 and 2 alone, and 5 together: each gets half of what neither does alone.

    >>> worth = {(): 0.0, (0,): 1.0, (1,): 2.0, (0, 1): 5.0}
    >>> result = split(lambda now: np.array([worth[tuple(sorted(now))]]), all_orders(2))
    >>> result.shares.tolist()
    [[2.0], [3.0]]
    """
    known: dict[Coalition, FloatArray | None] = {}

    def at(causes: Coalition) -> FloatArray | None:
        if causes not in known:
            known[causes] = outcome(causes)
        return known[causes]

    found = []
    for order in orders:
        steps = _along(order, at)
        if steps is not None:
            found.append(steps)
    if not found:
        return None
    shares = np.stack(found)
    count = len(found)
    errors = (
        shares.std(axis=0, ddof=1) / math.sqrt(count)
        if count > 1
        else np.full(shares.shape[1:], math.nan)
    )
    return Split(shares.mean(axis=0), errors, count)


def _along(order: Order, at: Callable[[Coalition], FloatArray | None]) -> FloatArray | None:
    """What each cause adds when they come in ``order``; None where a set on the way is not had."""
    before = at(frozenset())
    if before is None:
        return None
    added = np.empty((len(order), before.size))
    for count, cause in enumerate(order, start=1):
        after = at(frozenset(order[:count]))
        if after is None:
            return None
        added[cause] = after - before
        before = after
    return added
