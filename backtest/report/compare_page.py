"""A comparison as one self-contained page."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from backtest.report import describe, formats
from backtest.report.compare_figures import overlay_chart, yearly_chart
from backtest.report.compare_inputs import short, some
from backtest.report.compare_lines import FEW
from backtest.report.compare_luck_table import luck_table
from backtest.report.compare_rolling import rolling_chart
from backtest.report.compare_tables import (
    fall_rows,
    inputs_of,
    matrices,
    pictures,
    run_rows,
    year_cells,
)
from backtest.report.compare_trade_tables import trade_records, trade_table
from backtest.report.compare_why import method_notes, step_table, why_rows, why_total
from backtest.report.page import embed, embed_charts, render
from backtest.report.series import section

if TYPE_CHECKING:
    from backtest.report.comparison import Comparison

_PAIR = 2


def comparison_html(comparison: Comparison, *, links: Sequence[str] = ()) -> str:
    """Page of ``comparison``; ``links`` lead to the runs' tearsheets, empty ones to none."""
    count = len(comparison.names)
    charts = {"overlay": overlay_chart(comparison)}
    rolling = rolling_chart(comparison)
    if rolling is not None:
        charts["rolling"] = rolling
    if 1 < count <= FEW and comparison.years:
        charts["yearly"] = yearly_chart(comparison)
    is_many = count > FEW
    return render(
        "compare.html",
        title="Comparison of " + _enumerated(comparison.names),
        theme="auto",
        names=comparison.names,
        runs=run_rows(comparison, links or [""] * count),
        comparison=comparison,
        facts=_facts(comparison),
        inputs=inputs_of(comparison),
        is_pair=count == _PAIR,
        is_many=is_many,
        pictures=pictures(comparison) if is_many else [],
        matrices=matrices(comparison) if count > _PAIR else [],
        falls=fall_rows(comparison) if count > 1 else [],
        years=year_cells(comparison),
        charts=charts,
        chart_data=embed_charts(list(charts.values())),
        luck=luck_table(comparison.luck, comparison.names) if comparison.luck else None,
        why=_why(comparison),
        hint=_hint(comparison),
        trade_table=trade_table(comparison),
        trade_data=embed(trade_records(comparison)),
        simulated=_simulated(comparison),
    )


def comparison_fragment(comparison: Comparison) -> str:
    """Comparison's tables without charts, styles and scripts."""
    return render("compare_fragment.html", comparison=comparison, names=comparison.names)


def _why(comparison: Comparison) -> dict[str, object] | None:
    """What the section on reasons shows; None where nobody asked."""
    why = comparison.why
    if why is None:
        return None
    return {
        "rows": why_rows(why),
        "total": why_total(why),
        "steps": step_table(why),
        "warnings": why.notes,
        "notes": method_notes(why),
    }


def _hint(comparison: Comparison) -> str:
    """Command that explains the difference of two runs; empty where it is explained, or cannot."""
    has_changes = any("(hash)" not in row.key for row in comparison.differences)
    if comparison.why is not None or len(comparison.names) != _PAIR or not has_changes:
        return ""
    runs = [
        shlex.quote(f"{describe.name_of(result)}/{result.manifest.get('fingerprint', '')}")
        for result in comparison.results
    ]
    return f"backtest compare {' '.join(runs)} --why"


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    """Lines under the title: how many runs, and the sessions they share."""
    sessions = comparison.common.sessions
    own = {len(daily.dates) for daily in comparison.dailies}
    found = [("Runs", str(len(comparison.names)))]
    if sessions.size:
        words = formats.counted(sessions.size, "session")
        span = f"{formats.day(sessions[0])} to {formats.day(sessions[-1])}, {words}"
        of = "" if own == {sessions.size} else f", of {min(own):,} to {max(own):,}"
        found.append(("In common", span + of))
    else:
        found.append(("In common", "no session"))
    if comparison.overlap.correlation.shape == (_PAIR, _PAIR):
        overlap = comparison.overlap
        found += [
            ("Correlation", formats.number(overlap.correlation[0, 1])),
            ("Holdings in common", formats.percent(overlap.holdings[0, 1], 0)),
            ("Drawdowns in common", formats.percent(overlap.drawdowns[0, 1], 0)),
        ]
    return found


def _simulated(comparison: Comparison) -> str:
    """Badge's text where any run is on a simulated market, with the runs where not all are."""
    names = [
        name
        for name, result in zip(comparison.names, comparison.results, strict=True)
        if section(result.manifest, "bundle").get("simulated")
    ]
    if not names:
        return ""
    return "Simulated market" + (f": {some(names)}" if len(names) < len(comparison.names) else "")


def _enumerated(names: Sequence[str]) -> str:
    """Names as ``a, b and c``; of more than four, the last as a number."""
    most = 4
    names = [short(name) for name in names]
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
