"""A finished run: its frames, numbers and provenance."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from backtest.errors import RunError

TABLES = ("nav", "positions", "fills", "orders", "trades", "ledger")
CONTEXT = (
    "instruments",
    "prices",
    "overnight",
    "events",
    "event_path",
    "brinson",
    "sleeves",
    "currencies",
)
"""Tables of what the pages show of the market; a run has those that it has something for."""
BY_RIGHT = ("delisted", "takeover", "rights", "scrip", "in_kind")
"""Reasons of fills that no market made: what a corporate action paid or gave."""


@dataclass(frozen=True, eq=False)
class Result:
    """What a run left; the frames are those of its folder.

    ``nav`` has one row per base session, ``positions`` one per session and symbol held, ``fills``,
    ``orders`` and ``trades`` one each, ``ledger`` one per change of cash. ``metrics`` holds numbers
    with their conventions, ``manifest`` where everything came from, ``config`` the settings.
    ``context`` holds what the pages show of the market, by the names in `CONTEXT`.
    """

    config: dict[str, Any]  # JSON: nested, of mixed types, as the next two
    manifest: dict[str, Any]
    nav: pd.DataFrame
    positions: pd.DataFrame
    fills: pd.DataFrame
    orders: pd.DataFrame
    trades: pd.DataFrame
    ledger: pd.DataFrame
    metrics: dict[str, Any] = field(default_factory=dict)
    context: dict[str, pd.DataFrame] = field(default_factory=dict)
    folder: Path | None = None

    @property
    def name(self) -> str:
        """The config's name."""
        return str(self.config["name"])

    @property
    def fingerprint(self) -> str:
        """Hash of everything the numbers depend on, hexadecimal."""
        return str(self.manifest["fingerprint"])

    def save(self, folder: Path, pages: dict[str, str] | None = None) -> Path:
        """Write the run's files and ``pages`` (text by file name) to ``folder``, all or nothing.

        A folder that is there already is replaced.
        """
        missing = [above for above in folder.parents if not above.exists()]
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            try:
                self._write(draft, pages or {})
                _replace(draft, folder)
            except BaseException:
                shutil.rmtree(draft, ignore_errors=True)
                raise
        except BaseException:
            _remove_empty(missing)
            raise
        return folder

    @classmethod
    def load(cls, folder: Path) -> Result:
        """The run that was saved in ``folder``.

        Raises
        ------
        RunError
            When a file of the run is missing or cannot be read.
        """
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLES}
            context = {
                name: pd.read_parquet(folder / f"{name}.parquet")
                for name in CONTEXT
                if (folder / f"{name}.parquet").is_file()
            }
            manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
            metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
            config = YAML(typ="safe", pure=True).load((folder / "config.yaml").read_text("utf-8"))
        except (OSError, ValueError, YAMLError) as problem:
            raise RunError(
                f"{folder} is no complete run: {problem}. Run its config again."
            ) from problem
        return cls(
            config=config,
            manifest=manifest,
            metrics=metrics,
            context=context,
            folder=folder,
            **tables,
        )

    def to_vectorbt(self) -> Any:  # vectorbt has no types
        """The trades as a ``vectorbt.Portfolio``; see `backtest.report.explore.to_vectorbt`."""
        from backtest.report import exports

        return exports.to_vectorbt(self)

    def to_quantstats(self) -> tuple[pd.Series[float], pd.Series[float] | None]:
        """Returns of the run and of its benchmark by session."""
        from backtest.report import exports

        return exports.to_quantstats(self)

    def to_pyfolio(self) -> tuple[pd.Series[float], pd.DataFrame, pd.DataFrame]:
        """Returns, positions and transactions; see `backtest.report.exports.to_pyfolio`."""
        from backtest.report import exports

        return exports.to_pyfolio(self)

    def to_alphalens(self, factor: str | None = None, *, quantiles: int = 5) -> pd.DataFrame:
        """The strategy's events as ``factor_data``; see `backtest.report.exports.to_alphalens`."""
        from backtest.report import exports

        return exports.to_alphalens(self, factor, quantiles=quantiles)

    def frames(self, kind: Literal["pandas", "polars", "arrow"] = "pandas") -> dict[str, Any]:
        """Every table of the run by name, as frames of pandas, polars or Arrow."""
        from backtest.report import exports

        return exports.frames(self, kind)

    def _repr_html_(self) -> str:
        from backtest.report.notebook import result_html

        return result_html(self)

    def __repr__(self) -> str:
        """``Result(name/fingerprint, sessions, NAV)``."""
        last = self.nav["nav"].iloc[-1]
        currency = self.manifest.get("currency", "")
        return (
            f"Result({self.name}/{self.fingerprint[:12]}, {len(self.nav)} sessions, "
            f"NAV {last:,.2f} {currency})"
        )

    def _write(self, folder: Path, pages: dict[str, str]) -> None:
        from ruamel.yaml import YAML

        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # untyped switch
        with (folder / "config.yaml").open("w", encoding="utf-8", newline="\n") as out:
            yaml.dump(self.config, out)
        for name, content in (("manifest", self.manifest), ("metrics", self.metrics)):
            text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
            (folder / f"{name}.json").write_text(text + "\n", "utf-8", newline="\n")
        tables = {name: getattr(self, name) for name in TABLES} | self.context
        for name, table in tables.items():
            table.to_parquet(folder / f"{name}.parquet", index=False)
        for name, text in pages.items():
            (folder / name).write_text(text, "utf-8", newline="\n")


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, innermost first, up to the first that is missing or holds something."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _replace(draft: Path, folder: Path) -> None:
    """Move ``draft`` to ``folder``; what was there goes only when the new one is complete."""
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        folder.rename(old / "run")
        try:
            draft.rename(folder)
        except BaseException:
            (old / "run").rename(folder)
            raise
        finally:
            shutil.rmtree(old, ignore_errors=True)
    else:
        draft.rename(folder)
    folder.chmod(0o755)  # mkdtemp makes a folder for its owner alone
