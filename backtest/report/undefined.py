"""Measures that an account without risk, or shorter than a year, does not have."""

from __future__ import annotations

from collections.abc import Mapping

from backtest.report import formats
from backtest.report.account import Account, Section
from backtest.report.catalogue import Path

_FEW = 21  # sessions, about a month
_BOUNDS = ("inference", "intervals", "measures")

OF_RISK: tuple[Path, ...] = (
    *(("risk", name) for name in ("sharpe", "sortino", "skew", "kurtosis", "excess_kurtosis")),
    ("risk", "tail_ratio"),
    ("drawdowns", "calmar"),
    ("drawdowns", "recovery_factor"),
    ("benchmark", "correlation"),
    ("benchmark", "information_ratio"),
    *(
        ("benchmark", f"{way}_capture_{unit}")
        for way in ("up", "down")
        for unit in ("session", "month")
    ),
    ("inference", "sharpe_per_session"),
    ("inference", "sharpe_annual"),
    ("inference", "sharpe_autocorrelation_adjusted"),
    *(("inference", f"sharpe_error_{kind}") for kind in ("iid", "mertens", "hac")),
    ("inference", "probabilistic_sharpe"),
    ("inference", "min_track_record_sessions"),
    ("inference", "min_track_record_years"),
    *((*_BOUNDS, name) for name in ("sharpe", "sortino", "calmar", "information_ratio")),
)
"""Ratios, and shapes, of risk: of an account that never held anything they tell of interest."""

OF_A_YEAR: tuple[Path, ...] = (
    ("return", "cagr"),
    ("drawdowns", "calmar"),
    ("benchmark", "cagr"),
    ("benchmark", "excess_cagr"),
    *((*_BOUNDS, name) for name in ("cagr", "calmar", "excess_cagr")),
)
"""Growth as a year's rate: below a year it would be a forecast (GIPS 2020)."""


def idle_words(account: Account) -> str | None:
    """Why an account has no ratios of return to risk; None where it has."""
    if not account.is_idle:
        return None
    return "nothing was ever held or traded: there is no risk that a return could be related to"


def short_words(account: Account) -> str | None:
    """What to know of annual figures made from less than a year; None where there is a year."""
    if account.has_a_year:
        return None
    count = formats.counted(account.sessions.size, "session")
    few = ", too few to say anything" if account.sessions.size < _FEW else ""
    return (
        f"less than a year: growth is not annualised (no CAGR, no Calmar); whatever else is a "
        f"year's is annualised from {count}{few}"
    )


def defined(content: Mapping[str, Section], account: Account) -> dict[str, Section]:
    """``content`` with None for what the account does not have; ``content`` itself is kept."""
    paths = (OF_RISK if account.is_idle else ()) + (() if account.has_a_year else OF_A_YEAR)
    found = dict(content)
    for name, *rest in paths:
        found[name] = _without(found[name], tuple(rest))
    return found


def _without(tree: Mapping[str, object], path: Path) -> dict[str, object]:
    """Copy of ``tree`` with None at ``path``, and for both bounds of an interval."""
    key, rest = path[0], path[1:]
    if key not in tree:
        return dict(tree)
    value = tree[key]
    if rest and isinstance(value, Mapping):
        return {**tree, key: _without(value, rest)}
    return {**tree, key: [None, None] if isinstance(value, list) else None}
