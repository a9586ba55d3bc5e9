"""Where a run's numbers come from: its fingerprint and manifest."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtest.market.model import MarketRules
    from backtest.market.rules import CompiledRules

PACKAGES = ("numpy", "pandas", "numba", "pyarrow", "exchange_calendars")
"""Packages whose version may move a number."""

_AROUND = (
    "report",
    "cli",
    "search",
    "sources",
    "testing",
)  # they show, ask and repeat, but count nothing


def package_version() -> str:
    """Version of this package; ``0`` in a source tree that was never installed."""
    try:
        return version("portfolio-backtest")
    except PackageNotFoundError:
        return "0"


def versions(*optional: str) -> dict[str, str]:
    """Versions that the numbers depend on; of ``optional`` packages those that are installed."""
    found = {name: version(name) for name in PACKAGES}
    for name in optional:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    found["python"] = ".".join(platform.python_version_tuple()[:2])
    found["portfolio-backtest"] = package_version()
    return dict(sorted(found.items()))


def engine_hash() -> str:
    """SHA-256 of the sources that numbers come from, market files and calendars included."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted(root.rglob("*")):
        if file.suffix in {".py", ".yaml"} and file.relative_to(root).parts[0] not in _AROUND:
            digest.update(file.relative_to(root).as_posix().encode())
            digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def file_hashes(files: tuple[Path, ...]) -> dict[str, str]:
    """SHA-256 by file name, of files besides the bundle that weights depend on."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files)}


def rules_of(markets: Mapping[str, MarketRules]) -> dict[str, dict[str, Any]]:
    """Which market file serves each exchange, with its hash."""
    return {
        exchange: {"market": rules.name, "sha256": rules.sha256}
        for exchange, rules in sorted(markets.items())
    }


def with_doubts(
    rules: dict[str, dict[str, Any]], compiled: CompiledRules
) -> dict[str, dict[str, Any]]:
    """The rules with every sentence on what is doubted of them, sources included."""
    doubts = compiled.doubts
    return {
        exchange: {**rule, "warnings": [doubt.text for doubt in doubts.get(exchange, ())]}
        for exchange, rule in rules.items()
    }


def fingerprint_of(parts: Mapping[str, Any]) -> str:
    """Hash of everything that the numbers depend on, 16 hexadecimal digits."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, allow_nan=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
