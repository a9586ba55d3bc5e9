"""Where a run's numbers come from: data, findings, rules, versions, config, command."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from backtest.report import formats
from backtest.report.page import Table
from backtest.report.series import section

if TYPE_CHECKING:
    from backtest.result import Result


class Fact(NamedTuple):
    """A term and what it is."""

    term: str
    text: str


def finding_list(result: Result) -> list[Mapping[str, object]]:
    """Return the findings of the data checks, as mappings."""
    found = section(result.manifest, "bundle").get("checks")
    items = found if isinstance(found, list | tuple) else []
    return [item for item in items if isinstance(item, Mapping)]


def findings_table(result: Result) -> Table:
    """Table of what the checks found in the data and what was done about it."""
    rows = [
        (
            str(item.get("check", "")),
            str(item.get("action", "")),
            str(item.get("table", "")),
            str(item.get("message", "")),
            "yes" if item.get("hindsight") else "no",
            formats.show(item.get("count"), "count"),
            formats.show(rows_dropped(item), "count"),
        )
        for item in finding_list(result)
    ]
    columns = ("Check", "Action", "Table", "What was found", "Hindsight", "Rows", "Dropped")
    return Table(columns, rows, text=5)


def rows_dropped(finding: Mapping[str, object]) -> float:
    """Count of the rows that a finding took out of the data."""
    counted = "dropped" if "dropped" in finding else "count"
    return formats.as_float(finding.get(counted)) if finding.get("action") == "drop" else 0.0


def rule_warnings(result: Result) -> list[tuple[str, list[str]]]:
    """Warnings about the rules of each exchange."""
    rules = section(result.manifest, "rules")
    return [
        (str(exchange), [str(text) for text in _sequence(section(rules, exchange).get("warnings"))])
        for exchange in sorted(rules)
    ]


def provenance(result: Result) -> list[Fact]:
    """Where the numbers come from: data, code, rules, versions, hashes."""
    manifest = result.manifest
    bundle, strategy = section(manifest, "bundle"), section(manifest, "strategy")
    found = [
        Fact("Fingerprint", str(manifest.get("fingerprint", formats.UNKNOWN))),
        Fact("Bundle", _spaced(bundle.get("name"), bundle.get("description"))),
        Fact("Bundle hash", str(bundle.get("hash", formats.UNKNOWN))),
        Fact("Prices", str(bundle.get("prices", formats.UNKNOWN))),
        Fact("Strategy", _spaced(strategy.get("name"), strategy.get("file"))),
        Fact("Strategy source", str(strategy.get("sha256", formats.UNKNOWN))),
    ]
    rules = section(manifest, "rules")
    for exchange in sorted(rules):
        rule = section(rules, exchange)
        found.append(Fact(f"Rules of {exchange}", _spaced(rule.get("market"), rule.get("sha256"))))
    versions = section(manifest, "versions")
    listed = ", ".join(f"{key} {versions[key]}" for key in sorted(versions))
    made_by = f"portfolio-backtest {manifest.get('created_by', '')}".strip()
    return [*found, Fact("Versions", listed or formats.UNKNOWN), Fact("Made by", made_by)]


def config_yaml(config: Mapping[str, object]) -> str:
    """YAML of a resolved config, keys in its own order."""
    from ruamel.yaml import YAML

    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # untyped switch
    stream = io.StringIO()
    writer.dump(dict(config), stream)
    return stream.getvalue()


def command(result: Result) -> str:
    """Command that makes this run again."""
    stated = result.manifest.get("command")
    return str(stated) if stated else "backtest run config.yaml"


def listed(value: object, most: int = 6) -> str:
    """Up to ``most`` items by name, then how many more."""
    items = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def _sequence(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else []


def _spaced(*parts: object) -> str:
    return " · ".join(str(part) for part in parts if part) or formats.UNKNOWN
