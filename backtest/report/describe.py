"""A run in words: its facts, badges and realism checks.

Everything is read from ``result.config``, ``result.manifest`` and ``result.metrics``; what an
older folder lacks is left out or said to be unknown, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from backtest.report import formats, series
from backtest.report.checked import failed_claims
from backtest.report.provenance import Fact, finding_list, listed, rows_dropped, rule_warnings
from backtest.report.series import section
from backtest.report.tables_dealing import participation_words

if TYPE_CHECKING:
    from backtest.result import Result


class Badge(NamedTuple):
    """A short label that a reader must not miss; ``bad`` ones are graver than ``note``."""

    text: str
    level: Literal["note", "bad", "plain"]


class Check(NamedTuple):
    """One line of the realism panel."""

    term: str
    text: str
    level: Literal["good", "open", "bad", "plain"]


_DECIDE = {"before_open": "before the open", "after_close": "after the close"}
_REBALANCE = {
    "session": "every session",
    "week": "weekly",
    "month": "monthly",
    "quarter": "quarterly",
}


def title_of(result: Result) -> str:
    """Heading: the config's title, else the run's name."""
    return str(section(result.config, "tearsheet").get("title") or name_of(result))


def name_of(result: Result) -> str:
    """Name of the run."""
    return str(result.manifest.get("name") or result.config.get("name") or "run")


def currency_of(result: Result) -> str:
    """Portfolio's currency."""
    stated = result.manifest.get("currency") or section(result.config, "portfolio").get("currency")
    return str(stated or "")


def benchmark_of(result: Result) -> str:
    """Benchmark's symbol; empty without one."""
    return str(result.config.get("benchmark") or "")


def facts(result: Result) -> list[Fact]:
    """Lines under the title: when, what, how decided, at what cost."""
    nav = series.by_session(result.nav).index
    period = (
        f"{formats.day(nav[0])} to {formats.day(nav[-1])}, {formats.counted(len(nav), 'session')}"
    )
    cash = formats.number(section(result.metrics, "conventions").get("initial_cash"), 0)
    found = [
        Fact("Period", period),
        Fact("Universe", universe_words(section(result.config, "universe"))),
        Fact("Decisions", decision_words(result)),
        Fact("Costs", cost_words(result)),
        Fact("Capital", f"{cash} {currency_of(result)}".strip()),
    ]
    if benchmark_of(result):
        found.append(Fact("Benchmark", benchmark_of(result)))
    return found


def universe_words(universe: Mapping[str, object]) -> str:
    """Words for the filters that are set: ``XHKG, stock, at least 252 sessions of history``."""
    words = [listed(universe[key]) for key in ("exchange", "kind", "sector") if universe.get(key)]
    symbols, left_out = universe.get("symbols"), universe.get("exclude")
    if symbols:
        words.append(listed(symbols))
    if left_out:
        words.append(f"without {listed(left_out)}")
    for key, form in (
        ("min_history", "at least {} sessions of history"),
        ("min_turnover", "turnover of at least {}"),
        ("listed_at_least", "listed for at least {} sessions"),
        ("listed_at_most", "listed for at most {} sessions"),
    ):
        if universe.get(key):
            words.append(form.format(_quantity(universe[key])))
    return ", ".join(words) or "every tradable instrument"


def decision_words(result: Result) -> str:
    """When weights are made and orders filled."""
    clock = section(result.config, "clock")
    execution = section(result.config, "execution")
    base = result.manifest.get("base") or clock.get("base") or ""
    rebalance = clock.get("rebalance", "session")
    often = _REBALANCE.get(str(rebalance), f"every {rebalance} sessions")
    when = _DECIDE.get(str(clock.get("decide")), "")
    fill = execution.get("fill", "open")
    return f"{often} {when} of {base}, filled at the {fill}"


def cost_words(result: Result) -> str:
    """Which costs were on: fees by market, slippage, fx; or that there were none."""
    rules = section(result.manifest, "rules")
    dealt = traded_exchanges(result) or set(rules)
    markets = sorted({str(section(rules, name).get("market")) for name in rules if name in dealt})
    charged = [market for market in markets if market != "frictionless"]
    slippage = section(result.config, "execution", "slippage")
    words = [f"fees of {', '.join(charged)}"] if charged else ["no fees"]
    parts = [
        f"{formats.number(slippage[key], 1)} {unit}"
        for key, unit in (("bps", "bps"), ("ticks", "ticks"), ("impact", "x root impact"))
        if slippage.get(key)
    ]
    words.append(f"slippage {' + '.join(parts)}" if parts else "no slippage")
    fx = section(result.config, "execution").get("fx_cost_bps")
    if fx:
        words.append(f"fx {formats.number(fx, 1)} bps")
    return ("on: " if charged or parts else "off: ") + ", ".join(words)


def traded_exchanges(result: Result) -> set[str]:
    """Exchanges with a fill; empty where none was filled or the run does not say where."""
    known = result.context.get("instruments")
    if known is None or result.fills.empty:
        return set()
    return set(known.loc[known["symbol"].isin(result.fills["symbol"]), "exchange"].tolist())


def has_costs(result: Result) -> bool:
    """Whether any fee or slippage was on."""
    return cost_words(result).startswith("on")


def badges(result: Result) -> list[Badge]:
    """Labels that a reader must know before believing a number."""
    bundle = section(result.manifest, "bundle")
    said = " ".join([*sentences(result, "warnings"), *sentences(result, "optimistic")]).lower()
    found = []
    if bool((result.nav["nav"] <= 0.0).any()):
        found.append(Badge("Bankrupt", "bad"))
    checked = look_ahead(result)
    if checked.level == "bad":
        about = " ".join(_claims_that_failed(result))
        ahead = not about or "look-ahead" in about
        found.append(Badge("Look-ahead found" if ahead else "Strategy check failed", "bad"))
    if bundle.get("simulated"):
        found.append(Badge("Simulated market", "note"))
    if bundle.get("survivors_only") or "survivor" in said:
        found.append(Badge("Survivors only", "note"))
    if bundle.get("prices") == "adjusted":
        found.append(Badge("Adjusted prices", "note"))
    if benchmark_of(result) and "price index" in said:
        found.append(Badge("Price index benchmark", "note"))
    found.append(Badge("Costs on", "plain") if has_costs(result) else Badge("No costs", "note"))
    stated = section(result.metrics, "conventions")
    if stated.get("short") is not None:
        count = formats.counted(len(result.nav), "session")
        found.append(Badge(f"Less than a year: {count}", "note"))
    if stated.get("idle") is not None:
        found.append(Badge("Nothing was ever held", "note"))
    if result.orders.empty and result.fills.empty:
        found.append(Badge("No order was sent", "note"))
    if checked.level == "open":
        found.append(Badge("Look-ahead not checked", "plain"))
    return found


def checks(result: Result) -> list[Check]:
    """Realism panel's lines; each says what it is and whether it is fine."""
    trading = section(result.metrics, "trading")
    mean, worst = (trading.get(f"{name}_stale_share") for name in ("average", "largest"))
    findings = finding_list(result)
    dropped = formats.show(sum(rows_dropped(item) for item in findings), "count")
    warned = sum(1 for item in findings if item.get("action") == "warn")
    here, elsewhere = rule_doubts(result)
    doubts = f"{len(here):,} where it traded" if here else ""
    if elsewhere:
        doubts += f"{', ' if here else ''}{len(elsewhere):,} where it might have"
    return [
        look_ahead(result),
        Check(
            "Stale prices",
            f"{formats.percent(mean)} of NAV on average, {formats.percent(worst)} at most",
            "plain",
        ),
        unfilled(result),
        Check(
            "Share of bar volume",
            participation_words(section(result.metrics, "dealing", "participation")),
            "plain",
        ),
        Check("Data findings", f"{warned:,} warned, {dropped} rows dropped", "plain"),
        Check("Rules not verified", doubts or "none", "plain"),
        Check("Costs", cost_line(result), "plain" if has_costs(result) else "open"),
    ]


def rule_doubts(result: Result) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Exchange and sentence of each rule that is not verified: where it traded, and elsewhere."""
    dealt = traded_exchanges(result)
    found = [(name, text) for name, texts in rule_warnings(result) for text in texts]
    here = [item for item in found if not dealt or item[0] in dealt]
    return here, [item for item in found if item not in here]


def look_ahead(result: Result) -> Check:
    """Whether the look-ahead proof was run on this config, and how it ended."""
    outcome = result.manifest.get("look_ahead")
    passed = outcome.get("passed") if isinstance(outcome, Mapping) else outcome
    if passed is None and result.manifest.get("look_ahead_elsewhere"):
        return Check("Look-ahead check", "not run; failed under other settings", "bad")
    if passed is None:
        return Check("Look-ahead check", "not run", "open")
    if passed is True or str(passed).lower() == "passed":
        asked = outcome.get("decisions") if isinstance(outcome, Mapping) else None
        where = (
            f", asked again at {formats.counted(len(asked), 'decision')}"
            if isinstance(asked, list)
            else ""
        )
        return Check("Look-ahead check", f"passed{where}", "good")
    claims = "; ".join(_claims_that_failed(result))
    return Check("Look-ahead check", f"failed: {claims}" if claims else "failed", "bad")


def _claims_that_failed(result: Result) -> list[str]:
    record = result.manifest.get("look_ahead")
    return failed_claims(record) if isinstance(record, Mapping) else []


def unfilled(result: Result) -> Check:
    """Orders that were not filled in full, in words."""
    fates = series.order_fates(result)
    total = int(fates["count"].sum())
    if total == 0:
        return Check("Orders not filled", "no orders", "plain")
    missed = fates[~fates["status"].isin(["filled", "replaced"])]
    count = int(missed["count"].sum())
    parts = ", ".join(
        f"{formats.label_of(str(status)).lower()} {number:,}"
        for status, number in zip(missed["status"], missed["count"], strict=True)
    )
    share = formats.percent(count / total, 1)
    text = f"{count:,} of {total:,} ({share})" + (f": {parts}" if parts else "")
    return Check("Orders not filled in full", text, "plain")


def cost_line(result: Result) -> str:
    """All costs over the value traded."""
    paid = section(result.metrics, "costs", "total").get("bps_of_traded_value")
    return f"{formats.bps(paid)} of traded value" if paid is not None else "nothing was traded"


def sentences(result: Result, key: str) -> list[str]:
    """Sentences under ``optimistic`` or ``warnings``."""
    found = result.manifest.get(key)
    return [str(item) for item in found] if isinstance(found, list | tuple) else []


def warnings(result: Result) -> list[str]:
    """Warnings, those about the whole run before the findings in single rows of the data."""
    found = sentences(result, "warnings")
    in_rows = {str(item.get("message")) for item in finding_list(result)}
    return sorted(found, key=lambda text: text in in_rows)


def _quantity(value: object) -> str:
    if isinstance(value, Mapping):
        amount = formats.number(value.get("amount"), 0)
        return f"{amount} {value.get('currency') or ''}".strip()
    return str(value)
