"""The rough market as a folder and as frames in any order, with a config that uses most of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from backtest.config import RunConfig
from backtest.data.bundle import Bundle
from backtest.testing.rough import rough_market

BUNDLE_YAML = "name: rough\nprices: raw\nsimulated: true\nper_share: [eps_ttm]\n"


def config_on(bundle: Path | str) -> RunConfig:
    """Two exchanges, two currencies, stops, caps, costs and a benchmark."""
    return RunConfig.model_validate(
        {
            "name": "rough",
            "data": {"bundle": str(bundle), "start": "2022-03-01"},
            "universe": {"kind": ["stock", "etf"]},
            "clock": {"rebalance": "week"},
            "strategy": {"name": "equal_weight"},
            "market": {"use": "auto", "brokerage": {"rate": "0.03%", "min": 3}},
            "execution": {
                "slippage": {"bps": 5, "impact": 0.5},
                "max_participation": "5%",
                "unfilled": "carry",
                "fx_cost_bps": 5,
            },
            "portfolio": {"cash": "50m HKD", "rate_spread": "0.5%", "withholding": "10%"},
            "exits": {"trailing_stop": "15%"},
            "benchmark": "HSI",
        }
    )


def shuffled(frame: pd.DataFrame, rng: np.random.Generator, *, rows: bool = True) -> pd.DataFrame:
    """The same table with its columns, and its rows unless told not to, in another order."""
    order = rng.permutation(len(frame)) if rows else np.arange(len(frame))
    return frame.iloc[order][list(rng.permutation(frame.columns))].reset_index(drop=True)


def restatements_in_order(facts: pd.DataFrame) -> pd.DataFrame:
    """Facts by the instant they became known: what a file may not mix up."""
    return facts.sort_values("known_at", kind="stable", ignore_index=True)


def reordered(seed: int) -> Bundle:
    """The rough market from tables in a random order; facts stay in the order they came out."""
    rng = np.random.default_rng(seed)
    tables = rough_market().tables
    mixed = {name: shuffled(frame, rng) for name, frame in tables.items() if name != "facts"}
    facts = restatements_in_order(shuffled(tables["facts"], rng))
    return Bundle.from_frames(
        name="rough",
        description=rough_market().description,
        prices="raw",
        simulated=True,
        per_share=("eps_ttm",),
        facts=facts,
        **mixed,
    )


def write_bundle(folder: Path, seed: int | None = None) -> Path:
    """The rough market's tables as files of ``folder``; mixed where a seed is given."""
    bundle = rough_market() if seed is None else reordered(seed)
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    (folder / "bundle.yaml").write_text(BUNDLE_YAML, encoding="utf-8")
    for name, frame in bundle.tables.items():
        table = frame
        if seed is not None:
            table = shuffled(frame, rng, rows=name != "facts")
            table = restatements_in_order(table) if name == "facts" else table
        table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder
