"""Several results side by side: what differs in the inputs first, then in the numbers.

Runs stay in the order they are given and nothing is ranked; what makes them unlike (other dates,
data, currency, base, costs) is said before any number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from backtest.report import describe, formats
from backtest.report.catalogue import GROUPS, Measure, leaves, look_up
from backtest.report.headlines import headlines
from backtest.report.series import by_session, rows_of, section

if TYPE_CHECKING:
    from rich.console import RenderableType

    from backtest.result import Result

_NOT_SET = "not set"
# Keys that name or dress a run and move no number.
_DRESS = frozenset(
    {"name", "description", "extends"}
    | {f"tearsheet.{key}" for key in ("title", "theme", "top", "quantstats")}
)


class Difference(NamedTuple):
    """One input that differs: its key and each run's value as text."""

    key: str
    values: tuple[str, ...]


class MeasureRow(NamedTuple):
    """One measure of every run, as text; an en dash where a run has none."""

    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Results side by side; shown as tables in a terminal (rich) and in a notebook.

    Attributes
    ----------
    results
        The runs, in the order given.
    names
        Their names, made distinct by their fingerprints where they are the same.
    differences
        Inputs that differ: config keys first, then data, code, rules and versions.
    unlike
        Sentences that say why the runs cannot be compared plainly; empty where they can.
    headlines
        The eight numbers of a tearsheet's first screen.
    measures
        All measures in groups: a title and its rows.
    years
        Return of each calendar year.
    """

    results: tuple[Result, ...]
    names: tuple[str, ...]
    differences: tuple[Difference, ...]
    unlike: tuple[str, ...]
    headlines: tuple[MeasureRow, ...]
    measures: tuple[tuple[str, tuple[MeasureRow, ...]], ...]
    years: tuple[MeasureRow, ...]

    def as_dict(self) -> dict[str, object]:
        """Give the comparison for JSON: names, differences, reasons, and each run's headline."""
        return {
            "names": list(self.names),
            "differences": {
                row.key: dict(zip(self.names, row.values, strict=True)) for row in self.differences
            },
            "unlike": list(self.unlike),
            "headline": {
                name: dict(section(result.metrics, "headline"))
                for name, result in zip(self.names, self.results, strict=True)
            },
        }

    def __rich__(self) -> RenderableType:
        """Comparison as rich tables."""
        from backtest.report.compare_terminal import comparison_table

        return comparison_table(self)

    def _repr_html_(self) -> str:
        """Tables alone, for a notebook."""
        from backtest.report.compare_page import comparison_fragment

        return comparison_fragment(self)


def compare(*runs: Result | str | Path) -> Comparison:
    """Results, or folders of saved ones, side by side, in the order given."""
    from backtest.result import Result

    return compare_results(
        [Result.load(Path(run)) if isinstance(run, str | Path) else run for run in runs]
    )


def compare_results(results: Sequence[Result]) -> Comparison:
    """Comparison of ``results``, one or more, in the order given."""
    if not results:
        raise ValueError("a comparison needs at least one result")
    names = distinct_names(results)
    return Comparison(
        results=tuple(results),
        names=names,
        differences=(*config_differences(results), *source_differences(results)),
        unlike=tuple(unlike_reasons(results, names)),
        headlines=tuple(_headlines(results)),
        measures=tuple(_measures(results)),
        years=tuple(_years(results)),
    )


def compare_html(results: Sequence[Result] | Comparison) -> str:
    """Comparison as one self-contained page."""
    from backtest.report.compare_page import comparison_html

    comparison = results if isinstance(results, Comparison) else compare_results(results)
    return comparison_html(comparison)


def compare_table(results: Sequence[Result] | Comparison) -> RenderableType:
    """Comparison as rich tables for a terminal."""
    from backtest.report.compare_terminal import comparison_table

    comparison = results if isinstance(results, Comparison) else compare_results(results)
    return comparison_table(comparison)


def compare_folders(paths: Sequence[str | Path], out: str | Path) -> Path:
    """Write the comparison of saved runs to the page ``out``; returns its path."""
    from backtest.report.compare_page import comparison_html
    from backtest.report.page import write_text

    page = Path(out)
    sheets = [Path(path) / "tearsheet.html" for path in paths]
    links = [_link(sheet, page.parent) if sheet.exists() else "" for sheet in sheets]
    return write_text(page, comparison_html(compare(*paths), links=links))


def distinct_names(results: Sequence[Result]) -> tuple[str, ...]:
    """Names of the runs; with the start of the fingerprint where two are the same."""
    names = [describe.name_of(result) for result in results]
    prints = [str(result.manifest.get("fingerprint", ""))[:8] for result in results]
    told = [
        f"{name} {mark}".strip() if names.count(name) > 1 else name
        for name, mark in zip(names, prints, strict=True)
    ]
    return tuple(
        f"{name} ({told[:at].count(name) + 1})" if told.count(name) > 1 else name
        for at, name in enumerate(told)
    )


def config_differences(results: Sequence[Result]) -> list[Difference]:
    """Config keys whose values differ, dotted, in the order of the configs."""
    flat = [_flat(result.config) for result in results]
    keys = dict.fromkeys(key for config in flat for key in config if key not in _DRESS)
    rows = [Difference(key, tuple(config.get(key, _NOT_SET) for config in flat)) for key in keys]
    return [row for row in rows if len(set(row.values)) > 1]


def source_differences(results: Sequence[Result]) -> list[Difference]:
    """Like :func:`config_differences`, of data, code, rules and versions, by hash or number."""
    flat = []
    for result in results:
        manifest = result.manifest
        bundle, strategy = section(manifest, "bundle"), section(manifest, "strategy")
        found = {
            "data (hash)": str(bundle.get("hash", _NOT_SET))[:12],
            "data (prices)": str(bundle.get("prices", _NOT_SET)),
            "strategy (source hash)": str(strategy.get("sha256", _NOT_SET))[:12],
        }
        for exchange, rules in sorted(section(manifest, "rules").items()):
            mark = rules.get("sha256", _NOT_SET) if isinstance(rules, Mapping) else rules
            found[f"rules of {exchange} (hash)"] = str(mark)[:12]
        for name, version in sorted(section(manifest, "versions").items()):
            found[f"version of {name}"] = str(version)
        flat.append(found)
    keys = dict.fromkeys(key for found in flat for key in found)
    rows = [Difference(key, tuple(found.get(key, _NOT_SET) for found in flat)) for key in keys]
    return [row for row in rows if len(set(row.values)) > 1]


def unlike_reasons(results: Sequence[Result], names: Sequence[str]) -> list[str]:
    """Why the runs cannot be compared plainly, a sentence for each reason."""
    reasons = []
    for what, values in (
        ("other dates", [_period(result) for result in results]),
        ("other data", [str(section(r.manifest, "bundle").get("hash", ""))[:12] for r in results]),
        ("other currencies", [describe.currency_of(result) for result in results]),
        ("other base exchanges", [str(result.manifest.get("base")) for result in results]),
    ):
        if len(set(values)) > 1:
            reasons.append(f"The runs have {what}: {_told(names, values)}.")
    free = [
        name for name, result in zip(names, results, strict=True) if not describe.has_costs(result)
    ]
    if free and len(free) < len(names):
        reasons.append(f"Costs are off in {', '.join(free)} and on in the others.")
    for what, key in (("risk-free rates", "risk_free"), ("years of sessions", "sessions_per_year")):
        stated = [str(section(result.metrics, "conventions").get(key)) for result in results]
        if len(set(stated)) > 1:
            reasons.append(f"Measures stand on other {what}: {_told(names, stated)}.")
    benchmarks = [describe.benchmark_of(result) or "none" for result in results]
    if len(set(benchmarks)) > 1:
        reasons.append(
            "Alpha, beta and all measures against the benchmark stand on other benchmarks: "
            f"{_told(names, benchmarks)}."
        )
    return reasons


def _headlines(results: Sequence[Result]) -> list[MeasureRow]:
    by_run = [headlines(result.metrics, currency="", benchmark="") for result in results]
    return [
        MeasureRow(items[0].label, tuple(item.value for item in items))
        for items in zip(*by_run, strict=True)
    ]


def _measures(results: Sequence[Result]) -> list[tuple[str, tuple[MeasureRow, ...]]]:
    found = []
    for group in GROUPS:
        rows = [_row(results, measure) for measure in group.measures]
        known = tuple(row for row in rows if any(value != formats.UNKNOWN for value in row.values))
        if known:
            found.append((group.title, known))
    return found


def _row(results: Sequence[Result], measure: Measure) -> MeasureRow:
    values = []
    for result in results:
        value = look_up(result.metrics, measure.path)
        values.append(formats.UNKNOWN if value is None else measure.show(value))
    return MeasureRow(measure.label, tuple(values))


def _years(results: Sequence[Result]) -> list[MeasureRow]:
    tables = [
        {
            str(row.get("year")): row
            for row in rows_of(look_up(result.metrics, ("periods", "years")))
        }
        for result in results
    ]
    years = sorted({year for table in tables for year in table})
    return [MeasureRow(year, tuple(_year(table.get(year)) for table in tables)) for year in years]


def _year(row: Mapping[str, object] | None) -> str:
    if row is None:
        return formats.UNKNOWN
    return formats.percent(row.get("return")) + (" *" if row.get("partial") else "")


def _flat(config: Mapping[str, object]) -> dict[str, str]:
    """Values by dotted key, as one-line text."""
    return {".".join(path): _told_value(look_up(config, path)) for path in leaves(config)}


def _told_value(value: object) -> str:
    if value is None or value in ([], {}):
        return _NOT_SET
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str, ensure_ascii=False)


def _period(result: Result) -> str:
    sessions = by_session(result.nav).index
    return f"{formats.day(sessions[0])} to {formats.day(sessions[-1])}"


def _told(names: Sequence[str], values: Sequence[str]) -> str:
    """``2016 to 2020 (a, b), 2017 to 2020 (c)``: values with the runs that have them."""
    parts = []
    for value in dict.fromkeys(values):
        having = [name for name, own in zip(names, values, strict=True) if own == value]
        parts.append(f"{value or 'unknown'} ({', '.join(having)})")
    return ", ".join(parts)


def _link(sheet: Path, folder: Path) -> str:
    """Address of ``sheet`` as seen from a page in ``folder``."""
    from os.path import relpath
    from urllib.parse import quote

    return quote(Path(relpath(sheet, folder)).as_posix())
