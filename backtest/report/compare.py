"""Several results side by side: what differs in the inputs first, then in the numbers.

Runs stay in the order they are given and nothing is ranked; what makes them unlike (other dates,
data, currency, base, costs) is said before any number.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backtest.errors import Fault, FaultyInput
from backtest.folders import REPORTS, find_runs
from backtest.report import describe
from backtest.report.compare_common import common_of
from backtest.report.compare_inputs import config_differences, source_differences, unlike_reasons
from backtest.report.compare_luck import luck_of
from backtest.report.compare_noise import noise_of
from backtest.report.compare_outcome import headline_rows, measure_groups, pair_rows, year_rows
from backtest.report.compare_overlap import deepest_falls, overlap_of
from backtest.report.compare_page import comparison_fragment, comparison_html
from backtest.report.compare_same import sameness
from backtest.report.compare_terminal import comparison_table
from backtest.report.compare_trades import trade_differences
from backtest.report.compare_window import basis, values_in_common
from backtest.report.comparison import Comparison
from backtest.report.page import write_text
from backtest.report.series import series_of

if TYPE_CHECKING:
    from rich.console import RenderableType

    from backtest.result import Result

    Run = Result | str | Path

_PAIR = 2
_LONG = 40  # signs of a strange argument that an error shows
_JOINER = "\u200d"  # joins the parts of an emoji


class ShownComparison(Comparison):
    """A comparison that shows itself: as tables in a terminal (rich) and in a notebook."""

    def __rich__(self) -> RenderableType:
        """Comparison as rich tables."""
        return comparison_table(self)

    def __repr__(self) -> str:
        """``Comparison(names, sessions in common)``."""
        return (
            f"Comparison({', '.join(self.names)}; {self.common.sessions.size} sessions in common)"
        )

    def _repr_html_(self) -> str:
        """Tables alone, for a notebook."""
        return comparison_fragment(self)


def compare(*runs: Run | Sequence[Run], reports: str | Path = REPORTS) -> ShownComparison:
    """Two runs or more side by side, in the order given.

    Parameters
    ----------
    runs
        Each a `Result`, the folder of a saved one, a name (its newest run below ``reports``) or
        ``name/fingerprint``; one by one or as a list.
    reports
        Where runs are looked up by name.

    Raises
    ------
    FaultyInput
        For fewer than two runs, and for what is none or is not found.
    """
    from backtest.result import Result

    given = [one for run in runs for one in (run if isinstance(run, list | tuple) else [run])]
    strange = [one for one in given if not isinstance(one, Result | str | Path)]
    if strange:
        want = "give a Result, the folder of a run, its name, or name/fingerprint; got a"
        raise FaultyInput(
            "compare", [Fault(_start(one), f"{want} {type(one).__name__}") for one in strange]
        )
    named = [str(one) for one in given if isinstance(one, str | Path)]
    folders = iter(find_runs(named, Path(reports)))
    return compare_results(
        [one if isinstance(one, Result) else Result.load(next(folders)) for one in given]
    )


def compare_results(results: Sequence[Result]) -> ShownComparison:
    """Comparison of ``results``, two or more, in the order given."""
    if len(results) < _PAIR:
        raise FaultyInput(
            "compare",
            [Fault("", f"needs two runs or more to set side by side, got {len(results)}")],
        )
    names = distinct_names(results)
    dailies = [series_of(result) for result in results]
    common = common_of(dailies)
    unlike = unlike_reasons(results, names)
    noise = noise_of(common)
    values = values_in_common(results, dailies, common)
    has_common = bool(common.sessions.size)
    # Nothing is called best among runs that cannot be compared plainly.
    judge = None if unlike else noise
    return ShownComparison(
        results=tuple(results),
        names=names,
        differences=(*config_differences(results), *source_differences(results)),
        unlike=tuple(unlike),
        same=tuple(sameness(results, names, common)),
        notes=tuple(basis(results, names, common)),
        values=tuple(values),
        headlines=tuple(headline_rows(values, judge)),
        pairs=tuple(pair_rows(values, noise, is_subtracted=has_common))
        if len(results) == _PAIR
        else (),
        measures=tuple(measure_groups(results, judge)),
        years=tuple(year_rows(results)),
        dailies=tuple(dailies),
        common=common,
        overlap=overlap_of(results, common),
        falls=tuple(deepest_falls(results, dailies)),
        luck=luck_of(common, names),
        trades=trade_differences(*results) if len(results) == _PAIR else None,
    )


def compare_html(results: Sequence[Result] | Comparison) -> str:
    """Comparison as one self-contained page."""
    comparison = results if isinstance(results, Comparison) else compare_results(results)
    return comparison_html(comparison)


def compare_table(results: Sequence[Result] | Comparison) -> RenderableType:
    """Comparison as rich tables for a terminal."""
    comparison = results if isinstance(results, Comparison) else compare_results(results)
    return comparison_table(comparison)


def compare_folders(paths: Sequence[str | Path], out: str | Path) -> Path:
    """Write the comparison of saved runs to the page ``out``; returns its path."""
    return write_page(compare(*paths), out)


def write_page(comparison: Comparison, out: str | Path) -> Path:
    """Write the page of ``comparison`` to ``out``, linked to the runs' tearsheets; its path."""
    page = Path(out)
    folders = [result.folder for result in comparison.results]
    sheets = [folder / "tearsheet.html" if folder is not None else None for folder in folders]
    links = [
        _link(sheet, page.parent) if sheet is not None and sheet.exists() else ""
        for sheet in sheets
    ]
    return write_text(page, comparison_html(comparison, links=links))


def distinct_names(results: Sequence[Result]) -> tuple[str, ...]:
    """Names of the runs; with the start of the fingerprint where two are the same."""
    names = [_visible(describe.name_of(result)) for result in results]
    prints = [str(result.manifest.get("fingerprint", ""))[:8] for result in results]
    told = [
        f"{name} {mark}".strip() if names.count(name) > 1 else name
        for name, mark in zip(names, prints, strict=True)
    ]
    return tuple(
        f"{name} ({told[:at].count(name) + 1})" if told.count(name) > 1 else name
        for at, name in enumerate(told)
    )


def _start(value: object) -> str:
    """First signs of a value that is no run."""
    text = repr(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}…"


def _visible(name: str) -> str:
    """``name`` without signs that are not seen, such as those that turn what follows them."""
    return "".join(sign for sign in name if sign.isprintable() or sign == _JOINER)


def _link(sheet: Path, folder: Path) -> str:
    """Address of ``sheet`` as seen from a page in ``folder``."""
    from os.path import relpath
    from urllib.parse import quote

    return quote(Path(relpath(sheet, folder)).as_posix())
