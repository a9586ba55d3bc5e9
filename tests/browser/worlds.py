"""Small bundles, configs over them, and the folder of runs that the pages are of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from backtest import load_config
from backtest.calendars import sessions
from backtest.cli import app
from backtest.runner import run_to_folder

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT / ".." / "shared" / "bundles"

SAMPLE = ("spillover_dip", "ipo_day_one", "low_pe_rotation")
COMPARED = {
    "compare-pair": ("young-benchmark", "no-benchmark"),
    "compare-strategies": ("spillover-dip", "ipo-day-one", "low-pe-rotation"),
    "compare-hostile": ("hostile", "no-trade", "bankrupt", "one-day"),
    "compare-many": (
        *("spillover-dip", "ipo-day-one", "low-pe-rotation", "hostile", "no-trade", "all-cash"),
        *("loss-on-the-first-day", "bankrupt", "no-benchmark", "young-benchmark", "forty-years"),
    ),
}
"""Comparisons, by the runs in them."""
RESEARCH = {
    "stress-hostile": "hostile/stress-*.html",
    "walk-forward": "spillover-dip-walk/*/walk-forward.html",
    "sweep": "spillover-dip-sweep/*/sweep.html",
}
"""Pages of searches, by where their command leaves them."""
REAL_BUNDLES = {
    "spillover_dip": "hk-real",
    "ipo_day_one": "hk-real",
    "low_pe_rotation": "us-pe-real",  # earnings are known there alone
}

_CALL = "window.injected = true"
HOSTILE = (
    f"<script>{_CALL}</script>",
    f'<img src=x onerror="{_CALL}">\'"&amp;',
    f"</script><svg onload={_CALL}>",
    "\u202etxeT desreveR\u202c 鱷魚 شركة 👾",
    "N" * 200,
    "{{ 7 * 7 }} ${7*7} `x`",
)
"""Names that are markup, quotes, turned text, emoji, a template or simply long."""


def write_bundle(
    folder: Path,
    closes: Mapping[str, np.ndarray],
    *,
    first: str = "2023-01-03",
    exchange: str = "XNYS",
    kinds: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    sectors: Mapping[str, str] | None = None,
    info: str = "name: small\nprices: raw\nsimulated: true\n",
) -> Path:
    """A bundle with these closes, one a session from ``first`` on; NaN where there is no bar."""
    folder.mkdir(parents=True)
    count = max(len(values) for values in closes.values())
    start = date.fromisoformat(first)
    days = sessions(exchange, start, date(start.year + count // 240 + 1, 12, 31)).dates[:count]
    bars = []
    for symbol, values in closes.items():
        close = np.asarray(values, dtype=np.float64)
        opens = np.concatenate((close[:1], close[:-1]))
        opens = np.where(np.isnan(opens), close, opens)
        frame = pd.DataFrame(
            {
                "symbol": symbol,
                "session": days[: close.size].astype("datetime64[ns]"),
                "open": opens,
                "high": np.maximum(opens, close),
                "low": np.minimum(opens, close),
                "close": close,
                "volume": 1e7,
            }
        )
        bars.append(frame[frame["close"].notna()])
    instruments = pd.DataFrame(
        {
            "symbol": list(closes),
            "name": [(names or {}).get(symbol, symbol) for symbol in closes],
            "exchange": exchange,
            "currency": "USD",
            "kind": [(kinds or {}).get(symbol, "stock") for symbol in closes],
            "sector": [(sectors or {}).get(symbol, "Technology") for symbol in closes],
        }
    )
    (folder / "bundle.yaml").write_text(info, "utf-8")
    instruments.to_parquet(folder / "instruments.parquet", index=False)
    pd.concat(bars).to_parquet(folder / "bars.parquet", index=False)
    return folder


def walk(count: int, *, seed: int, drift: float = 0.0003, spread: float = 0.01) -> np.ndarray:
    """A random walk of prices that begins at 100."""
    moves = np.random.default_rng(seed).normal(drift, spread, count)
    return np.round(100.0 * np.exp(np.cumsum(moves) - moves[0]), 4)


def write_config(folder: Path, name: str, content: Mapping[str, Any]) -> Path:
    """A config ``name`` over a bundle of New York; ``content`` adds to what is plain."""
    clock = {"base": "XNYS", **content.get("clock", {})}
    portfolio = {"cash": "1m USD", "currency": "USD", **content.get("portfolio", {})}
    path = folder / f"{name}.yaml"
    whole = {"name": name, **content, "clock": clock, "portfolio": portfolio}
    path.write_text(json.dumps(whole, ensure_ascii=False, default=str), "utf-8")  # JSON is YAML
    return path


def edge_bundles(folder: Path) -> dict[str, Path]:
    """Bundles of the runs at the edge, by their names."""
    two = {"AAA": walk(300, seed=1), "BBB": walk(300, seed=2), "MKT": walk(300, seed=3)}
    tables = {
        "plain": two,
        "young": two | {"MKT": np.concatenate((np.full(150, np.nan), two["MKT"][150:]))},
        "crash": two | {"AAA": np.concatenate((two["AAA"][:20], two["AAA"][20:] * 0.6))},
        "soar": two | {"AAA": np.concatenate((two["AAA"][:100], two["AAA"][100:] * 9.0))},
        "many": {f"S{at:04d}": walk(60, seed=at) for at in range(3000)} | {"MKT": walk(60, seed=1)},
        "long": {name: walk(10_080, seed=at) for at, name in enumerate(("AAA", "BBB", "MKT"))},
    }
    firsts = {"long": "1985-01-02"}
    return {
        name: write_bundle(
            folder / name, closes, first=firsts.get(name, "2023-01-03"), kinds={"MKT": "etf"}
        )
        for name, closes in tables.items()
    }


def edge_configs(folder: Path) -> dict[str, Path]:
    """Configs of runs at the edge of what a page can show, by their names."""
    bundles = edge_bundles(folder)
    (folder / "cash.csv").write_text("session,AAA\n2023-01-03,0\n", "utf-8")
    (folder / "short.csv").write_text("session,AAA\n2023-01-04,-1\n", "utf-8")
    equal = {"strategy": {"name": "equal_weight"}, "universe": {"kind": ["stock"]}}
    hold = {"strategy": {"name": "buy_and_hold", "params": {"symbols": ["AAA"], "weights": [1.0]}}}
    cash = {"strategy": {"name": "from_file", "params": {"path": "cash.csv"}}}
    short = {"strategy": {"name": "from_file", "params": {"path": "short.csv"}}}
    market = {"benchmark": "MKT"}
    monthly = {"clock": {"rebalance": "month"}}
    contents: dict[str, tuple[str, dict[str, Any]]] = {
        "no-trade": ("plain", equal | market | {"universe": {"min_history": 9999}}),
        "one-day": (
            "plain",
            hold | market | {"data": {"start": "2023-06-01", "end": "2023-06-01"}},
        ),
        "all-cash": ("plain", cash | market),
        "loss-on-the-first-day": ("crash", hold | market | {"data": {"start": "2023-02-01"}}),
        "bankrupt": ("soar", short | market | {"portfolio": {"short": True, "margin": 0.1}}),
        "no-benchmark": ("plain", equal),
        "young-benchmark": ("young", equal | market),
        "forty-years": ("long", equal | market | monthly),
        "three-thousand-names": ("many", equal | market | monthly),
        "after-the-close": (
            "plain",
            hold | market | {"clock": {"decide": "after_close"}, "execution": {"fill": "close"}},
        ),
    }
    return {
        name: write_config(
            folder, name, content | {"data": {"bundle": bundles[bundle], **content.get("data", {})}}
        )
        for name, (bundle, content) in contents.items()
    }


def hostile_config(folder: Path) -> Path:
    """A config over a bundle whose symbols, names, sectors and description are hostile."""
    symbols = [*HOSTILE, "PLAIN"]
    info = {"name": HOSTILE[0], "prices": "raw", "description": f"{HOSTILE[2]} {HOSTILE[3]}"}
    bundle = write_bundle(
        folder / "hostile",
        {symbol: walk(300, seed=at) for at, symbol in enumerate(symbols)},
        kinds={"PLAIN": "etf"},
        names=dict(zip(symbols, symbols[1:] + symbols[:1], strict=True)),
        sectors=dict(zip(symbols, symbols[2:] + symbols[:2], strict=True)),
        info=json.dumps(info, ensure_ascii=False),
    )
    content = {
        "description": HOSTILE[1],
        "data": {"bundle": bundle},
        "universe": {"kind": ["stock"]},
        "strategy": {"name": "equal_weight"},
        "benchmark": HOSTILE[1],
        "clock": {"rebalance": "month"},
        "tearsheet": {"title": f"{HOSTILE[0]} {HOSTILE[3]}"},
    }
    return write_config(folder, "hostile", content)


def make_reports(folder: Path) -> None:
    """Run all of it below ``folder``; ``reports`` gets runs, comparisons and their index."""
    reports = folder / "reports"
    configs = [ROOT / "configs" / f"{name}.yaml" for name in SAMPLE]
    for config in (*configs, *edge_configs(folder).values(), hostile_config(folder)):
        run_to_folder(load_config(config), out=reports)
    if REAL.is_dir():
        for name, bundle in REAL_BUNDLES.items():
            overrides = [f"data.bundle={REAL / bundle}"]
            config = load_config(ROOT / "configs" / "real" / f"{name}.yaml", overrides=overrides)
            run_to_folder(config, out=reports)
    # Half and foreign folders are part of what the page of all runs must bear.
    (reports / "half" / "run").mkdir(parents=True)
    (reports / "half" / "run" / "manifest.json").write_text("{", "utf-8")
    (reports / HOSTILE[1].replace("/", "")).mkdir()
    for page, names in COMPARED.items():
        compare(reports, f"{page}.html", *names)
    make_research(folder)


def make_research(folder: Path) -> None:
    """Pages of a search: a hostile bundle stressed, and walked through; below ``research``."""
    hostile = folder / "hostile.yaml"
    out = folder / "searched"
    command("stress", str(hostile), "--out", str(out), "--draws", "2", "--names", "3", "-q")
    walk = ROOT / "configs" / "walk_forward" / "spillover_dip.yaml"
    short = ["data.start=2022-01-03", "sweep.grid={strategy.params.hold: [5, 10]}"]
    short += ["executor.workers=1"]
    words = [word for value in short for word in ("--set", value)]
    command("walk-forward", str(walk), *words, "--out", str(out), "-q")
    sweep = ROOT / "configs" / "sweep" / "spillover_dip.yaml"
    keys = "strategy.params.hold: [5, 10, 20], strategy.params.drop: [0.04, 0.05, 0.06, 0.08]"
    few = f"sweep.grid={{{keys}}}"
    words = ["--set", "data.start=2022-01-03", "--set", few, "--workers", "1"]
    command("sweep", str(sweep), *words, "--out", str(out), "-q")
    research = folder / "research"
    research.mkdir()
    for page, pattern in RESEARCH.items():
        [made] = out.glob(pattern)
        made.rename(research / f"{page}.html")


def compare(reports: Path, page: str, *names: str) -> None:
    command("compare", *names, "--reports", str(reports), "--out", str(reports / page), "-q")


def command(*words: str) -> None:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
