"""The outcome of a check, kept beside the runs that have the same inputs.

``backtest check`` writes ``reports/checks/<key>.json``. The key covers what the weights depend on:
data, universe, clock, strategy with its source and files, the limits that the check holds weights
to, market files, versions and the package's own source. What comes after the weights (fills, costs,
exits, cash) is not in it, so one check serves every run of the same decisions. A changed strategy
has another key: its old record is not found, and the page says that no check was run. A check that
failed is remembered as long as the strategy's source stays the same, whatever else changes.

The record is no part of a run: it is looked up when a page is drawn, never enters the fingerprint
and is not written into the run's folder.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtest.provenance import fingerprint_of

if TYPE_CHECKING:
    from backtest.result import Result

FOLDER = "checks"

_DECISIONS = ("data", "universe", "clock", "strategy")
_SHARED = ("sleeves", "allocation")  # of runs that have them
_LIMITS = ("currency", "max_gross", "short")


def check_key(inputs: Mapping[str, Any]) -> str:
    """Name of the record of these inputs, 16 hexadecimal digits.

    Parameters
    ----------
    inputs
        ``config`` (resolved), ``bundle`` (hash), ``rules``, ``strategy``, ``versions`` and
        ``engine``, as they enter a run's fingerprint; more is ignored.
    """
    config = inputs["config"]
    parts = {
        "config": {name: config[name] for name in _DECISIONS}
        | {name: config[name] for name in _SHARED if name in config},
        "limits": {name: config["portfolio"][name] for name in _LIMITS},
        "rules": {exchange: rule["sha256"] for exchange, rule in sorted(inputs["rules"].items())},
        **{name: inputs[name] for name in ("bundle", "strategy", "versions", "engine")},
    }
    # Runs from before there was such a setting have none.
    if config.get("execution", {}).get("ipo_entry") == "subscribe":  # decided before the listing
        parts["applies"] = True
    channels = config.get("account", {}).get("channels")
    if channels:  # what may be held hangs on them
        parts["channels"] = list(channels)
    return fingerprint_of(parts)


def key_of(result: Result) -> str | None:
    """Name of the record that fits a run; None for a folder that is too old to say."""
    manifest = result.manifest
    try:
        return check_key(
            {**manifest, "config": result.config, "bundle": manifest["bundle"]["hash"]}
        )
    except (KeyError, TypeError):
        return None


def record_path(reports: Path, key: str) -> Path:
    """The file of the record of that key."""
    return reports / FOLDER / f"{key}.json"


def failed_claims(record: Mapping[str, Any]) -> list[str]:
    """Names of the claims that did not hold; none where the record does not say which."""
    claims = record.get("claims")
    told = claims if isinstance(claims, list) else []
    return [str(claim.get("name")) for claim in told if claim.get("passed") is False]


def check_record(reports: Path, key: str | None) -> dict[str, Any] | None:
    """What the check of that key found: ``passed``, ``decisions``, ``claims``; else None.

    A file that cannot be read counts as none.
    """
    if key is None:
        return None
    try:
        record = json.loads(record_path(reports, key).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("passed"), bool) else None


def failed_elsewhere(reports: Path, result: Result) -> Path | None:
    """A record of the same strategy's source that failed on other data, settings or versions."""
    source = result.manifest.get("strategy", {}).get("sha256")
    for path in sorted((reports / FOLDER).glob("*.json")):
        record = check_record(reports, path.stem) or {}
        said = record.get("strategy")
        if isinstance(said, dict) and said.get("sha256") == source and not record["passed"]:
            return path
    return None


def with_record(result: Result, reports: Path) -> Result:
    """``result`` as its page is drawn: ``manifest["look_ahead"]`` is the record, if there is one.

    Where there is none, ``manifest["look_ahead_elsewhere"]`` says whether a check of the same
    strategy failed. For the drawing alone: a run is saved without it.
    """
    record = check_record(reports, key_of(result))
    if record is not None:
        return replace(result, manifest={**result.manifest, "look_ahead": record})
    failed = failed_elsewhere(reports, result) is not None
    return replace(result, manifest={**result.manifest, "look_ahead_elsewhere": failed})


def write_record(reports: Path, key: str, record: Mapping[str, Any]) -> Path:
    """Keep ``record`` below ``reports``, all or nothing; what was there is replaced."""
    path = record_path(reports, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    handle, draft = tempfile.mkstemp(prefix=f".{key}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return path
