"""A finished sweep in words, tables and charts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backtest.report import formats
from backtest.report.page import Table, write_text
from backtest.report.sweep_page import SweepView, sweep_html
from backtest.search.job import Row
from backtest.search.selection import distinct, scores_by
from backtest.search.statistics import SweepStatistics, statistics_of
from backtest.search.sweep import Sweep
from backtest.search.sweep_charts import (
    clouds,
    label_of,
    measured,
    short,
    slices,
    surfaces,
    text_of,
)
from backtest.search.sweep_paths import fan, parallel

_BEST = 20
_SURVIVORS = (
    "Every instrument of this data survived. That lifts all trials alike, and no statistic of them "
    "sees it: none of this says that money would have been made."
)


def write_report(sweep: Sweep) -> Path:
    """Write ``sweep.html`` beside the table of a complete sweep."""
    statistics, rows = statistics_of(sweep)
    return write_text(sweep.folder / "sweep.html", sweep_html(view_of(sweep, statistics, rows)))


def view_of(sweep: Sweep, statistics: SweepStatistics, rows: list[Row]) -> SweepView:
    """What the page shows."""
    said = json.loads((sweep.folder / "sweep.json").read_text("utf-8"))
    period = said["period"]
    measure = sweep.settings.rank_by
    traded = distinct([row for row in rows if row["status"] == "done" and row["fills"] != 0])
    scores = scores_by(traded, measure)
    ranked = [int(k) for k in np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")]
    best = [traded[k] for k in ranked[:_BEST] if not np.isnan(scores[k])]
    badges = [
        ("note", text)
        for text, applies in (
            ("Simulated market", said["simulated"]),
            ("Survivors only", said["survivors_only"]),
            ("Adjusted prices", said["prices"] == "adjusted"),
        )
        if applies
    ]
    return SweepView(
        title=f"Sweep of {sweep.config.name}",
        description=sweep.config.description,
        facts=[
            ("Period", f"{period['first']} to {period['last']}"),
            ("Data", said["bundle"]),
            ("Trials", _trials(statistics)),
            ("Keys", ", ".join(short(key) for key in sweep.keys)),
            ("Ranked by", label_of(measure)),
        ],
        badges=[*badges, ("note", "In sample: the whole period chose")],
        verdicts=[*_verdicts(statistics), *([_SURVIVORS] if said["survivors_only"] else [])],
        statistics=_statistics(statistics),
        best=_best_table(sweep, best),
        links=[_link(sweep, row) for row in best],
        slices=slices(sweep, traded, measure),
        surfaces=surfaces(sweep, traded, measure),
        clouds=clouds(sweep, traded, measure),
        extra=[*parallel(sweep, traded, measure), *fan(sweep, best[:1])],
        failures=Table(
            ("Trial", "Why", *(short(key) for key in sweep.keys)),
            [
                (str(row["trial"]), str(row["error"]), *(text_of(row[key]) for key in sweep.keys))
                for row in rows
                if row["status"] == "failed"
            ][:200],
            text=2,
        ),
        settings=json.dumps(said["sweep"], indent=2, ensure_ascii=False),
        command="backtest sweep CONFIG    # goes on where it was stopped",
    )


def _trials(statistics: SweepStatistics) -> str:
    text = formats.counted(statistics.trials, "trial")
    if statistics.idle:
        text += f", {statistics.idle:,} of them never traded"
    for count, what in (
        (statistics.repeated, "more repeat one of them"),
        (statistics.pruned, "given up early"),
        (statistics.failed, "failed"),
    ):
        text += f"; {count:,} {what}" if count else ""
    return text


def _verdicts(s: SweepStatistics) -> list[str]:
    """What the statistics come to, the plain answer first."""
    if s.best is None or s.deflated_sharpe is None or s.expected_best_by_luck is None:
        return ["Too few trials traded to say anything of luck."]
    tried = s.tried
    odds = min(s.deflated_sharpe, s.deflated_sharpe_known or s.deflated_sharpe)
    if odds >= 0.95:
        first = f"Luck among {tried:,} trials does not explain the best one."
    elif odds >= 0.5:
        first = f"The best of {tried:,} trials may well be luck."
    else:
        first = f"The best of {tried:,} trials is no better than luck would make it."
    found = [
        first,
        f"Its Sharpe ratio is {formats.number(s.best_sharpe)}; the best of as many trials without "
        f"any skill is expected at {formats.number(s.expected_best_by_luck)}. The odds that it has "
        f"skill beyond that are {formats.percent(s.deflated_sharpe, 1)} (deflated Sharpe ratio).",
    ]
    if s.known > tried and s.deflated_sharpe_known is not None:
        found.append(
            f"This strategy was tried {s.known:,} times on this data, here and before: counting "
            f"all of them, the odds are {formats.percent(s.deflated_sharpe_known, 1)}."
        )
    if s.overfitting is not None:
        found.append(
            f"Choosing by one half of history, the chosen trial was below the median of the other "
            f"half in {formats.percent(s.overfitting, 0)} of all splits (PBO; half is what chance "
            f"gives), and lost money in {formats.percent(s.probability_of_loss, 0)}."
        )
    worst = s.failed + s.pruned
    if s.neighbours_median is not None and s.best_sharpe:
        found.append(
            f"Its neighbours' median is {formats.number(s.neighbours_median)}: close to the best "
            "is a plateau, far below it a spike."
            + (" Those that failed or were given up early count as the worst." * (worst > 0))
        )
    return found


def _statistics(s: SweepStatistics) -> list[tuple[str, str, str]]:
    number, percent = formats.number, formats.percent
    return [
        ("Trials that traded", f"{s.trials - s.idle:,}", "what the best was chosen from"),
        (
            "Trials that luck counts",
            f"{s.tried:,}",
            "those that traded, and those given up early; a run that was drawn twice counts once",
        ),
        (
            "Independent trials",
            formats.UNKNOWN if s.independent is None else f"{s.independent:,}",
            "clusters of trials whose returns correlate by half or more; needs sweep.keep_nav",
        ),
        ("Best Sharpe ratio, annual", number(s.best_sharpe), "in sample, after costs"),
        (
            "Expected best by luck, annual",
            number(s.expected_best_by_luck),
            "spread of the trials' ratios x expected maximum of as many normal draws "
            "(Bailey and Lopez de Prado 2014)",
        ),
        (
            "Deflated Sharpe ratio",
            percent(s.deflated_sharpe, 1),
            "probability that the best has skill beyond the luck of being picked; observed ratio "
            "in the variance, n - 1",
        ),
        (
            "... counting all trials of the ledger",
            percent(s.deflated_sharpe_known, 1),
            f"the same with the {s.known:,} trials that were ever made of this strategy on this "
            "data below this folder, and their spread; of those over other numbers of sessions, "
            "the larger of two: as they are, and brought to this one's by the root of their number",
        ),
        (
            "... counting independent trials only",
            percent(s.deflated_sharpe_independent, 1),
            "the same with the number of clusters",
        ),
        *_out_of_sample(s),
        (
            "Minimum backtest length, years",
            number(s.min_backtest_years, 1),
            "below it, a Sharpe ratio of 1 is expected from as many trials without skill; here "
            f"are {number(s.years, 1)} years",
        ),
        (
            "Minimum track record, years",
            number(s.min_track_years, 1),
            "until a ratio like the best one's is above 0 at 95 %, had it not been picked "
            "(Bailey and Lopez de Prado 2012)",
        ),
    ]


def _out_of_sample(s: SweepStatistics) -> list[tuple[str, str, str]]:
    """What the trials say of one another."""
    number, percent = formats.number, formats.percent
    return [
        (
            "Probability of overfitting (PBO)",
            percent(s.overfitting, 1),
            f"combinatorially symmetric cross-validation over {s.judged_by:,} trials; one value "
            "near 20 % is no evidence, chance gives anything from 10 to 90 %",
        ),
        (
            "Probability of loss out of sample",
            percent(s.probability_of_loss, 1),
            "share of the same splits in which the chosen trial lost",
        ),
        (
            "Reality check, p-value",
            percent(s.reality_check, 1),
            "odds of so high a best mean return over cash where no trial has any; stationary "
            "bootstrap of all trials together (White 2000); needs sweep.keep_nav",
        ),
        (
            "Superior predictive ability, p-value",
            percent(s.superior_ability, 1),
            "the same, each trial over its own deviation and hopeless ones left out (Hansen 2005, "
            "consistent)",
        ),
        (
            "Slope out of sample on in sample",
            number(s.slope),
            "below 0: the better it looked, the worse it was",
        ),
    ]


def _best_table(sweep: Sweep, best: Sequence[Row]) -> Table:
    measures = ("sharpe", "cagr", "volatility", "max_drawdown", "exposure", "turnover", "costs_bps")
    columns = ("Trial", *(short(key) for key in sweep.keys), *(label_of(name) for name in measures))
    # Draws may repeat; what was drawn once each time needs no column to say so.
    counted = any(row["drawn"] != 1 for row in best)
    return Table(
        (*columns, "Fills", *(("Drawn",) if counted else ())),
        [
            (
                str(row["trial"]),
                *(text_of(row[key]) for key in sweep.keys),
                *(measured(row[name], name) for name in measures),
                f"{row['fills']:,}",
                *((f"{row['drawn']:,}",) if counted else ()),
            )
            for row in best
        ],
    )


def _link(sweep: Sweep, row: Row) -> str:
    """Where the trial's tearsheet is from the sweep's folder; empty where it has none."""
    folder = sweep.folder.parent / str(row["fingerprint"])
    there = (folder / "tearsheet.html").is_file()
    return f"../{row['fingerprint']}/tearsheet.html" if there else ""
