"""The paper book of sleeves: what each would hold, what they ask the market for together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

Allocate = Callable[[FloatArray], FloatArray]
"""Paper returns so far, shape (W, S) -> shares of NAV, shape (S,)."""

_TOLERANCE = 1e-9  # of a sum of weights, as where orders are checked
_DUST = 1e-12  # of what opposite weights leave: rounding, not a position


@dataclass(frozen=True, eq=False)
class Asked:
    """What the sleeves want, by sleeve (S), decision (T) and instrument (N)."""

    weights: FloatArray  # (S, T, N): shares of the sleeve's own capital; NaN is no order
    inside: Mask  # (S, T, N): what the sleeve may hold
    universe: Mask  # (T, N): what the run may hold; what leaves it is sold at once
    may_order: Mask  # (S, T)
    divides: Mask  # (T,): decisions at which NAV is divided anew


@dataclass(frozen=True, eq=False)
class Book:
    """Shares of NAV after each decision; all 0 or NaN before the run's first."""

    net: FloatArray  # (T, N): what is asked of the market; NaN is no order
    parts: FloatArray  # (S, T, N): each sleeve's holdings
    orders: FloatArray  # (S, T, N): each sleeve's changes of them at the decision
    shares: FloatArray  # (T, S): each sleeve's capital, cash included
    returns: FloatArray  # (T, S): paper return of each since the decision before, NaN at the first


def paper_book(
    asked: Asked, returns: FloatArray, allocate: Allocate, *, first: int, max_gross: float
) -> Book:
    """Carry each sleeve from the run's first decision on: drift, its orders, the division of NAV.

    Parameters
    ----------
    returns
        Of each instrument since the decision before, portfolio's currency; NaN counts as 0.
    allocate
        Asked at the decisions that divide NAV, with the paper returns up to there.

    Notes
    -----
    A sleeve's holdings drift with prices. Its number replaces a holding, its NaN leaves it. The
    order of an instrument is the sum of all holdings in it wherever any sleeve gave a number, or
    NAV was divided and it is held; everywhere else it is none.
    """
    count, rows, columns = asked.weights.shape
    book = Book(
        net=np.full((rows, columns), np.nan),
        parts=np.zeros((count, rows, columns)),
        orders=np.zeros((count, rows, columns)),
        shares=np.zeros((rows, count)),
        returns=np.full((rows, count), np.nan),
    )
    moves = np.where(np.isnan(returns), 0.0, returns)
    held = np.zeros((count, columns))  # shares of each sleeve's capital
    capital = np.zeros(count)
    for t in range(first, rows):
        if t > first:
            held, capital, book.returns[t] = _drifted(held, capital, moves[t])
        before = held * capital[:, None]
        held, given = _ordered(held, asked, t)
        if asked.divides[t]:
            capital = allocate(book.returns[first + 1 : t + 1])
            given = given | (held != 0.0).any(axis=0) | (before != 0.0).any(axis=0)
        total = _netted(held * capital[:, None])
        fits = fitted(total, np.where(given, total, np.nan), max_gross)
        scaled = fits != total
        held[:, scaled] *= fits[scaled] / total[scaled]
        after = held * capital[:, None]
        book.net[t] = np.where(given, fits, np.nan)
        book.parts[:, t], book.orders[:, t] = after, after - before
        book.shares[t] = capital
    return book


def fitted(held: FloatArray, wanted: FloatArray, limit: float) -> FloatArray:
    """``wanted`` where it is a number, else ``held``; the numbers scaled to fit ``limit``.

    The limit is of absolute values; it leaves what is held untouched.

    Examples
    --------
    >>> fitted(np.array([0.9, 0.0]), np.array([np.nan, 0.2]), 1.0).round(12).tolist()
    [0.9, 0.1]
    """
    is_wanted = ~np.isnan(wanted)
    new = np.where(is_wanted, wanted, held)
    asked = float(in_order(np.abs(new[is_wanted])))
    room = max(limit - float(in_order(np.abs(new[~is_wanted]))), 0.0)
    if asked > room + _TOLERANCE:
        new[is_wanted] *= room / asked
    return new


def in_order(values: FloatArray) -> FloatArray:
    """Sums over the last axis, term by term: zeros among the terms move no bit of them.

    Which instruments are ever wanted is known at the end only; it must not be seen in a last digit.
    """
    if values.shape[-1] == 0:
        return np.zeros(values.shape[:-1])
    return np.asarray(np.cumsum(values, axis=-1)[..., -1])


def _drifted(
    held: FloatArray, capital: FloatArray, moves: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Holdings, capital and paper returns after ``moves``; a sleeve that lost all is left empty."""
    grown = np.maximum(1.0 + in_order(held * moves), 0.0)
    whole = 1.0 + float(in_order(capital * (grown - 1.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        drifted = np.where(grown[:, None] > 0.0, held * (1.0 + moves) / grown[:, None], 0.0)
    return drifted, capital * grown / whole if whole > 0.0 else capital * 0.0, grown - 1.0


def _ordered(held: FloatArray, asked: Asked, t: int) -> tuple[FloatArray, Mask]:
    """Holdings after each sleeve's own orders, and the instruments any of them gave a number."""
    wanted = np.where(asked.may_order[:, t, None], asked.weights[:, t], np.nan)
    leaves = (asked.may_order[:, t, None] & ~asked.inside[:, t]) | ~asked.universe[t]
    wanted = np.where(leaves & (held != 0.0) & np.isnan(wanted), 0.0, wanted)
    new = np.array([fitted(h, w, 1.0) for h, w in zip(held, wanted, strict=True)])
    return new, np.asarray(~np.isnan(wanted).all(axis=0))


def _netted(parts: FloatArray) -> FloatArray:
    """Sums over the sleeves; what opposite holdings leave by rounding alone is 0."""
    total, gross = in_order(parts.T), in_order(np.abs(parts).T)
    return np.where(np.abs(total) > _DUST * gross, total, 0.0)
