"""What differs in the inputs of several runs, and why they may not be alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from backtest.report import describe, formats
from backtest.report.compare_defaults import defaults_of
from backtest.report.series import by_session, section

if TYPE_CHECKING:
    from backtest.result import Result

NOT_SET = "not set"
DRESS = frozenset(
    {"name", "description", "extends"}
    | {f"tearsheet.{key}" for key in ("title", "theme", "top", "quantstats")}
)
"""Keys that name or dress a run and move no number."""

_MONEY = {"amount", "currency"}
_LONG = 48  # letters of a name in a sentence
_END = 13  # of those, a fingerprint's start with the mark of a copy
_MOST = 6  # items of a list that are named
_MARK = 12  # digits of a hash that are shown


class Difference(NamedTuple):
    """One input that differs: its key, each run's value as text, and whether it is the default."""

    key: str
    texts: tuple[str, ...]
    is_default: tuple[bool, ...]


def settings_of(configs: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """Values of each config by dotted key, in the configs' own order.

    Money is one value, and so is whatever is a map in one config and none in another: they have no
    keys in common.
    """
    found: list[dict[str, object]] = [{} for _ in configs]
    _flatten([{**config, "market": _market(config.get("market"))} for config in configs], (), found)
    return found


def differing_keys(settings: Sequence[Mapping[str, object]]) -> list[str]:
    """Dotted keys whose values are not the same everywhere; not set is a value, too."""
    keys = dict.fromkeys(key for one in settings for key in one)
    differing = [key for key in keys if any(_differ(one, settings[0], key) for one in settings[1:])]
    # A key that only a later config has stands with its section, not at the end.
    sections = list(dict.fromkeys(_section(key) for key in keys))
    return sorted(differing, key=lambda key: sections.index(_section(key)))


def config_differences(results: Sequence[Result]) -> list[Difference]:
    """Config keys whose values differ, dotted, in the order of the configs."""
    settings = settings_of([result.config for result in results])
    keys = [key for key in differing_keys(settings) if key not in DRESS]
    if not keys:
        return []
    defaults = [defaults_of(result) for result in results]
    rows = []
    for key in keys:
        values = [one.get(key) for one in settings]
        are_default = tuple(
            key in one and key in known and _plain(one[key]) == _plain(known[key])
            for one, known in zip(settings, defaults, strict=True)
        )
        rows.append(Difference(key, _told_all(values), are_default))
    return rows


def source_differences(results: Sequence[Result]) -> list[Difference]:
    """Like :func:`config_differences`, of data, code, rules and versions, by hash or number."""
    sources = [_sources(result) for result in results]
    for exchange in {name for r in results for name in section(r.manifest, "rules")}:
        markets = {section(r.manifest, "rules", exchange).get("market") for r in results}
        if len(markets) > 1:  # another market by config, which is listed: no news of its own
            for found in sources:
                found.pop(f"rules of {exchange} (hash)", None)
    keys = dict.fromkeys(key for found in sources for key in found)
    rows = [
        Difference(
            key, tuple(found.get(key, NOT_SET) for found in sources), (False,) * len(sources)
        )
        for key in keys
    ]
    return [row for row in rows if len(set(row.texts)) > 1]


def unlike_reasons(results: Sequence[Result], names: Sequence[str]) -> list[str]:
    """Why the runs cannot be compared plainly, a sentence for each reason."""
    reasons = []
    for what, values in (
        ("other dates", [_period(result) for result in results]),
        ("other data", [_bundle_words(result) for result in results]),
        ("other currencies", [describe.currency_of(result) for result in results]),
        ("other base exchanges", [str(result.manifest.get("base")) for result in results]),
        ("other kinds of prices", [str(_bundle(r).get("prices", "")) for r in results]),
    ):
        if len(set(values)) > 1:
            reasons.append(f"The runs have {what}: {told(names, values)}.")
    reasons += [*_partial(names, results)]
    for what, key in (("risk-free rates", "risk_free"), ("years of sessions", "sessions_per_year")):
        stated = [str(section(result.metrics, "conventions").get(key)) for result in results]
        if len(set(stated)) > 1:
            reasons.append(f"Measures stand on other {what}: {told(names, stated)}.")
    benchmarks = [describe.benchmark_of(result) or "none" for result in results]
    if len(set(benchmarks)) > 1:
        reasons.append(
            "Alpha, beta and all measures against the benchmark stand on other benchmarks: "
            f"{told(names, benchmarks)}."
        )
    return reasons


def told(names: Sequence[str], values: Sequence[str]) -> str:
    """``2016 to 2020 (a, b), 2017 to 2020 (c)``: values with the runs that have them."""
    parts = []
    for value in dict.fromkeys(values):
        having = [name for name, own in zip(names, values, strict=True) if own == value]
        parts.append(f"{value or 'unknown'} ({some(having)})")
    return ", ".join(parts)


def short(name: str) -> str:
    """``name``, or both its ends where it is too long for a sentence: the last tells runs apart."""
    return name if len(name) <= _LONG else f"{name[: _LONG - 1 - _END]}…{name[-_END:]}"


def some(names: Sequence[str]) -> str:
    """Up to six names, then how many more."""
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(map(short, names[:_MOST])) + more


def told_value(value: object) -> str:
    """A setting as it would be written, on one line.

    >>> told_value({"amount": 5e6, "currency": "HKD"}), told_value(5.0), told_value([])
    ('5,000,000 HKD', '5', 'not set')
    """
    if value is None or value in ([], {}, ()):
        return NOT_SET
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, Mapping):
        if set(value) == _MONEY:
            amount = formats.as_float(value["amount"])
            return f"{amount:,.15g} {value['currency'] or ''}".rstrip()
        return ", ".join(
            _told_item(key, item)
            for key, item in value.items()
            if item not in (None, 0, 0.0, [], {})
        )
    if isinstance(value, list | tuple):
        return ", ".join(told_value(item) for item in value)
    return str(value)


def _told_item(key: str, item: object) -> str:
    if key == "use":  # which market: the word says nothing
        return told_value(item)
    text = told_value(item)
    return f"{key} ({text})" if isinstance(item, Mapping) else f"{key} {text}"


def _told_all(values: Sequence[object]) -> tuple[str, ...]:
    """Texts of one key's values; of long lists what not all of them have."""
    lists = [value if isinstance(value, list) else [] for value in values]
    if max(len(items) for items in lists) <= _MOST:
        return tuple(told_value(value) for value in values)
    shared = set.intersection(*({str(item) for item in items} for items in lists))
    texts = []
    for items in lists:
        own = [str(item) for item in items if str(item) not in shared]
        beside = f", here only: {some(own)}" if own and shared else f": {some(own)}" if own else ""
        texts.append(f"{len(items):,} items{beside}" if items else NOT_SET)
    return tuple(texts)


def _flatten(
    nodes: Sequence[Mapping[str, object] | None],
    at: tuple[str, ...],
    found: Sequence[dict[str, object]],
) -> None:
    """Put the values below ``nodes`` into ``found`` by dotted key; None stands for no node."""
    for key in dict.fromkeys(key for node in nodes if node is not None for key in node):
        path = (*at, key)
        values = {i: node[key] for i, node in enumerate(nodes) if node is not None and key in node}
        if all(_is_branch(value) for value in values.values()) and not _is_mixed_market(
            path, values.values()
        ):
            below = [values.get(i) for i in range(len(nodes))]
            _flatten([v if isinstance(v, Mapping) else None for v in below], path, found)
        else:
            for i, value in values.items():
                found[i][".".join(path)] = value


def _is_branch(value: object) -> bool:
    """Whether a map's keys can stand in dotted ones; money is one value, symbols hold dots."""
    if not isinstance(value, Mapping) or set(value) == _MONEY:
        return False
    return not any("." in str(key) for key in value)


def _is_mixed_market(path: tuple[str, ...], values: Iterable[object]) -> bool:
    """Whether one market is a choice (``use``, ``brokerage``) and another a map of exchanges."""
    if path != ("market",):
        return False
    return len({isinstance(value, Mapping) and "use" in value for value in values}) > 1


def _market(value: object) -> object:
    """``market`` without a brokerage that is none, so that ``{use: hk}`` is ``hk``."""
    if isinstance(value, Mapping) and set(value) <= {"use", "brokerage"}:
        return value if value.get("brokerage") else value.get("use", "auto")
    return value


def _differ(one: Mapping[str, object], other: Mapping[str, object], key: str) -> bool:
    # Not set and none are the same: an older config may lack a key that a newer one has as none.
    return _plain(one.get(key)) != _plain(other.get(key))


def _section(key: str) -> str:
    return key.partition(".")[0]


def _plain(value: object) -> object:
    """``value`` with whatever means "not set" as None."""
    return None if value in ([], {}, ()) else value


def _sources(result: Result) -> dict[str, str]:
    manifest = result.manifest
    bundle, strategy = _bundle(result), section(manifest, "strategy")
    found = {
        "data (hash)": str(bundle.get("hash", NOT_SET))[:_MARK],
        "data (prices)": str(bundle.get("prices", NOT_SET)),
        "strategy (source hash)": str(strategy.get("sha256", NOT_SET))[:_MARK],
        "engine (source hash)": str(manifest.get("engine", NOT_SET))[:_MARK],
    }
    for name, mark in sorted(section(strategy, "inputs").items()):
        found[f"{name} (hash)"] = str(mark)[:_MARK]
    rules = section(manifest, "rules")
    for exchange in sorted(rules):
        rule = section(rules, exchange)
        found[f"rules of {exchange} (hash)"] = str(rule.get("sha256", NOT_SET))[:_MARK]
    for name, version in sorted(section(manifest, "versions").items()):
        found[f"version of {name}"] = str(version)
    return found


def _partial(names: Sequence[str], results: Sequence[Result]) -> Iterator[str]:
    """What is so in some of the runs and not in others."""
    words = [describe.cost_words(result) for result in results]
    both = [("no fees" not in told, "no slippage" not in told) for told in words]
    for text, holds in (
        ("Costs are off in {} and on in the others.", [not any(one) for one in both]),
        ("Fees are off in {} and on in others.", [s and not f for f, s in both]),
        ("Slippage is off in {} and on in others.", [f and not s for f, s in both]),
        (
            "The market is simulated in {} and real in the others.",
            [bool(_bundle(result).get("simulated")) for result in results],
        ),
        (
            "{} went bankrupt and the others did not.",
            [bool((result.nav["nav"] <= 0.0).any()) for result in results],
        ),
    ):
        those = [name for name, is_so in zip(names, holds, strict=True) if is_so]
        if those and len(those) < len(names):
            yield text.format(some(those))


def _bundle(result: Result) -> Mapping[str, object]:
    return section(result.manifest, "bundle")


def _bundle_words(result: Result) -> str:
    bundle = _bundle(result)
    return f"{bundle.get('name', '')} {str(bundle.get('hash', ''))[:_MARK]}".strip()


def _period(result: Result) -> str:
    sessions = by_session(result.nav).index
    return f"{formats.day(sessions[0])} to {formats.day(sessions[-1])}"
