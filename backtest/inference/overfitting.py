"""How often the best trial of one half of history disappoints in the other: CSCV.

Only sums per block are needed, so a sweep may keep those of each trial and throw its returns away.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from backtest.inference.arrays import NOISE, BoolArray, FloatArray, IntArray, trial_matrix

_CELLS = 250_000  # splits x trials held at a time


class BlockSums(NamedTuple):
    """Per block of consecutive sessions: their count, and each trial's sums of r and of r^2.

    Shapes (S,), (S, N) and (S, N); excess returns.
    """

    counts: IntArray
    sums: FloatArray
    squares: FloatArray


class Overfitting(NamedTuple):
    """What all splits of history say; arrays have one entry for each of the K splits.

    Attributes
    ----------
    probability
        PBO: share of splits in which the best trial of one half does no better than the median of
        the other half, from 0 to 1.
    slope, intercept
        Line through the chosen trials' ratios out of sample on those in sample; NaN where the
        latter are all one. A slope below 0 says that the better it looked, the worse it was.
    probability_of_loss
        Share of splits in which the chosen trial's ratio out of sample is below 0.
    logits
        ln(w / (1 - w)), w the chosen trial's rank out of sample over N + 1; 0 is the median.
    chosen
        Column of the best trial in sample; the first of equals.
    in_sample, out_of_sample
        The chosen trial's Sharpe ratios per session in the two halves.
    """

    probability: float
    slope: float
    intercept: float
    probability_of_loss: float
    logits: FloatArray
    chosen: IntArray
    in_sample: FloatArray
    out_of_sample: FloatArray


def block_sums(returns: FloatArray, *, blocks: int = 16, trials: int | None = None) -> BlockSums:
    """Sums over ``blocks`` runs of consecutive sessions, as even as they come.

    Parameters
    ----------
    returns
        Excess returns, shape (T, N). A NaN is an error: every trial has to have every session.
    blocks
        S, even: half of them are one half of history. 16 make 12,870 splits.
    trials
        N, where there are more trials than sessions.

    Examples
    --------
    >>> block_sums(np.array([[1.0], [2.0], [3.0], [4.0]]), blocks=2).sums.tolist()
    [[3.0], [7.0]]
    """
    matrix = trial_matrix(returns, trials=trials)
    if blocks < 2 or blocks % 2:
        raise ValueError(f"blocks must be an even number from 2 on, got {blocks}")
    if matrix.shape[0] < 2 * blocks:
        raise ValueError(
            f"{matrix.shape[0]} sessions are too few for {blocks} blocks of at least 2; "
            "use fewer blocks"
        )
    unknown = np.flatnonzero(np.isnan(matrix).any(axis=0))
    if unknown.size:
        raise ValueError(
            f"column {unknown[0]} holds NaN: keep the sessions where every trial is known"
        )
    bounds = np.linspace(0, matrix.shape[0], blocks + 1).astype(np.int64)
    return BlockSums(
        np.diff(bounds),
        np.add.reduceat(matrix, bounds[:-1], axis=0),
        np.add.reduceat(np.square(matrix), bounds[:-1], axis=0),
    )


def joined_sums(parts: Sequence[BlockSums]) -> BlockSums:
    """Sums of more trials side by side, in the order of ``parts``; all over the same blocks."""
    if not parts:
        raise ValueError("expected the sums of at least one trial, got none")
    for part in parts:
        if not np.array_equal(part.counts, parts[0].counts):
            raise ValueError(
                "expected sums over the same blocks of sessions, got blocks of "
                f"{parts[0].counts.tolist()} and of {part.counts.tolist()} sessions"
            )
    return BlockSums(
        parts[0].counts,
        np.concatenate([part.sums for part in parts], axis=1),
        np.concatenate([part.squares for part in parts], axis=1),
    )


def probability_of_overfitting(sums: BlockSums) -> Overfitting:
    r"""What choosing the trial with the best Sharpe ratio was worth, over all halves of history.

    Combinatorially symmetric cross-validation: each choice of S / 2 of the S blocks is a history to
    choose by, the rest one to be judged by. A trial that does not move in a half counts there with
    a ratio of 0. One value proves little: unrelated trials without skill give anything from 0.1 to
    0.9, on average a half.

    Parameters
    ----------
    sums
        Of :func:`block_sums`, of at least two trials.

    Notes
    -----
    .. math:: w = rank / (N + 1), \quad PBO = \#\{\ln (w / (1 - w)) \le 0\} / \binom{S}{S / 2}

    Equal ratios share their average rank.

    References
    ----------
    Bailey, Borwein, Lopez de Prado & Zhu (2017), The probability of backtest overfitting, Journal
    of Computational Finance 20(4), 39-69 (SSRN 2326253).
    """
    blocks, trials = sums.sums.shape
    if sums.squares.shape != sums.sums.shape or sums.counts.shape != (blocks,):
        raise ValueError(
            f"expected sums and squares of one shape (blocks, trials), and a count of each block, "
            f"got {sums.sums.shape}, {sums.squares.shape} and {sums.counts.shape}"
        )
    if blocks < 2 or blocks % 2:
        raise ValueError(f"expected an even number of blocks, got {blocks} (trials are columns)")
    if trials < 2:
        raise ValueError("expected at least two trials: with one there is nothing to choose")
    found = [_judged(sums, halves) for halves in _halves(blocks, trials=trials)]
    ranks, chosen, inside, outside = (np.concatenate(part) for part in zip(*found, strict=True))
    share = ranks / (trials + 1.0)
    logits = np.log(share / (1.0 - share))
    slope, intercept = _line(inside, outside)
    return Overfitting(
        probability=float(np.mean(ranks <= (trials + 1.0) / 2.0)),
        slope=slope,
        intercept=intercept,
        probability_of_loss=float(np.mean(outside < 0.0)),
        logits=logits,
        chosen=chosen,
        in_sample=inside,
        out_of_sample=outside,
    )


def _halves(blocks: int, *, trials: int) -> Iterator[BoolArray]:
    """All choices of half the blocks as masks, shape (some, S), in the order of combinations."""
    picks = np.array(list(combinations(range(blocks), blocks // 2)), dtype=np.int64)
    step = max(1, _CELLS // trials)
    for start in range(0, len(picks), step):
        some = picks[start : start + step]
        masks = np.zeros((len(some), blocks), dtype=np.bool_)
        np.put_along_axis(masks, some, values=True, axis=1)
        yield masks


def _judged(
    sums: BlockSums, halves: BoolArray
) -> tuple[FloatArray, IntArray, FloatArray, FloatArray]:
    """Rank out of sample of the trial chosen in sample, the trial, its two ratios; per split."""
    inside, outside = _sharpes(sums, halves), _sharpes(sums, ~halves)
    chosen = np.argmax(inside, axis=1)[:, None]
    own = np.take_along_axis(outside, chosen, axis=1)
    below = np.sum(outside < own, axis=1)
    equal = np.sum(outside == own, axis=1)
    best = np.take_along_axis(inside, chosen, axis=1)
    ranks = np.asarray(below + (equal + 1) / 2.0, dtype=np.float64)
    return ranks, chosen[:, 0], best[:, 0], own[:, 0]


def _sharpes(sums: BlockSums, masks: BoolArray) -> FloatArray:
    """Ratio of each trial over the blocks of each mask, shape (masks, N); 0 where nothing moves."""
    count = np.sum(np.where(masks, sums.counts, 0), axis=1)[:, None].astype(np.float64)
    total, squares = _selected(sums.sums, masks), _selected(sums.squares, masks)
    mean = total / count
    variance = (squares - mean * total) / (count - 1.0)
    # What rounding leaves of a flat trial's variance is a part of its squares.
    floor = np.maximum(NOISE**2, 1e-14 * squares / count)
    return _over(mean, np.sqrt(np.maximum(variance, 0.0)), where=variance > floor)


def _selected(values: FloatArray, masks: BoolArray) -> FloatArray:
    """Sum of the blocks of each mask, added in their order: one answer on every machine."""
    total = np.zeros((len(masks), values.shape[1]))
    for block, row in enumerate(values):
        total += np.where(masks[:, block : block + 1], row, 0.0)
    return total


def _over(above: FloatArray, below: FloatArray, *, where: BoolArray) -> FloatArray:
    """Quotients; 0 elsewhere."""
    return np.asarray(np.divide(above, below, out=np.zeros_like(above), where=where))


def _line(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Slope and intercept of the least squares line; NaN where ``x`` is one value."""
    centred = x - np.mean(x)
    below = float(np.sum(np.square(centred)))
    if not below > NOISE**2 * x.size:
        return math.nan, math.nan
    slope = float(np.sum(centred * y)) / below
    return slope, float(np.mean(y)) - slope * float(np.mean(x))
