"""The simulated market that ships with the project: an ordinary bundle, made from a seed.

Nothing in it ever traded. ``docs/sample-market.md`` says what it holds and what is planted in it.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_SEED = 20160701
SAMPLE_VERSION = 3
"""Raised whenever the same seed gives other numbers; part of the folder's name."""

FIRST, LAST = date(2016, 7, 1), date(2026, 6, 30)

_BUNDLE_YAML = """\
name: {name}
description: >-
  Simulated market: 60 Hong Kong technology stocks, 60 listings, ETFs and indices, US technology,
  market ETFs, mainland technology, two coins, {first} to {last},
  generated from seed {seed}{effects}.
  Every symbol is fictitious; nothing here ever traded.
prices: raw
simulated: true
per_share: [eps_ttm]
forward: [capex_guidance]
"""


def sample_folder(*, seed: int = SAMPLE_SEED, effects: bool = True) -> Path:
    """Folder of the sample market as a bundle, generated on first use (a few seconds) and kept.

    Parameters
    ----------
    seed
        Another seed is another market of the same kind.
    effects
        False for the market without the planted effects, in which nothing can be found.

    Notes
    -----
    The folder lies in the user's cache directory. It is written under a temporary name and renamed,
    so that it is complete whenever it exists, with any number of processes at work.
    """
    from platformdirs import user_cache_dir

    suffix = "" if effects else "-null"
    home = Path(user_cache_dir("portfolio-backtest"))
    folder = home / f"sample-{SAMPLE_VERSION}-{seed}{suffix}"
    if folder.is_dir():
        return folder
    home.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=home))
    try:
        _write(draft, seed, effects=effects)
        draft.rename(folder)
    except OSError:
        # Another process was first: its folder has the same content.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def sample_frames(*, seed: int = SAMPLE_SEED, effects: bool = True) -> dict[str, pd.DataFrame]:
    """Tables of the sample market: instruments, bars, actions, facts, fx, rates.

    The same seed gives the same numbers on every machine: see ``sample_draws.py``.

    Parameters
    ----------
    seed, effects
        As in :func:`sample_folder`.
    """
    from backtest.calendars import sessions
    from backtest.data.sample_abroad import mainland_returns, new_returns, united_states
    from backtest.data.sample_capex import capex_facts, capex_stocks
    from backtest.data.sample_effects import NO_EFFECTS, PLANTED
    from backtest.data.sample_facts import earnings_facts, flow_facts
    from backtest.data.sample_funds import market_funds
    from backtest.data.sample_hongkong import hong_kong
    from backtest.data.sample_mainland import mainland_stocks
    from backtest.data.sample_money import fx_frame, rates_frame
    from backtest.data.sample_tables import (
        Market,
        actions,
        bars,
        fx_days,
        instruments,
        sorted_facts,
    )
    from backtest.data.sample_top_ten import top_ten_facts

    planted = PLANTED if effects else NO_EFFECTS
    hours = {name: sessions(name, FIRST, LAST) for name in ("XHKG", "XNYS", "XSHG", "24/7")}
    us = united_states(seed, hours["XNYS"].dates)
    night = new_returns(us.level, us.dates, hours["XHKG"].dates)
    hk = hong_kong(seed, hours["XHKG"].dates, night, planted)
    star = mainland_returns(seed, hours["XSHG"].dates, hk.dates, hk.factor_gap, hk.factor_intra)
    capex, accounts = capex_stocks(seed, us, planted)
    groups = (
        mainland_stocks(seed, hours["XSHG"].dates, star, planted),
        market_funds(seed, us, planted),
        capex,
    )
    market = Market(seed, hk, us, hours["XSHG"].dates, hours["24/7"].dates, groups, planted)
    facts = [
        earnings_facts(seed, hk.plan, hk.path, hk.reports, close=hours["XHKG"].close),
        earnings_facts(seed, us, us.path, us.reports, close=hours["XNYS"].close),
        flow_facts(seed, hk, hours["XSHG"].dates, planted),
        top_ten_facts(seed, hk, hours["XSHG"].dates, planted),
        capex_facts(capex, accounts, close=hours["XNYS"].close),
    ]
    for group in groups:
        close = hours[group.exchange].close
        facts.append(earnings_facts(seed, group, group.path, group.reports, close=close))
    return {
        "instruments": instruments(market),
        "bars": bars(market),
        "actions": actions(market),
        "facts": sorted_facts(facts),
        "fx": fx_frame(seed, fx_days(market)),
        "rates": rates_frame(),
    }


def _write(folder: Path, seed: int, *, effects: bool) -> None:
    for name, frame in sample_frames(seed=seed, effects=effects).items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    text = _BUNDLE_YAML.format(
        name="sample" if effects else "sample-null",
        first=FIRST,
        last=LAST,
        seed=seed,
        effects="" if effects else ", without the planted effects",
    )
    (folder / "bundle.yaml").write_text(text, encoding="utf-8")
