"""What differs in the inputs, key by key, and what makes runs unlike."""

from __future__ import annotations

import copy

import pytest

from backtest.report.compare import compare_results
from backtest.report.compare_inputs import differing_keys, settings_of, short, told_value
from backtest.strategy import strategy_hash


def keys(*configs):
    return differing_keys(settings_of(configs))


def put(result, changed, path, value, **manifest):
    config = copy.deepcopy(result.config)
    *branch, leaf = path.split(".")
    node = config
    for key in branch:
        node = node.setdefault(key, {})
    node[leaf] = value
    return changed(result, config=config, manifest=result.manifest | manifest)


def test_money_is_one_value_with_its_currency():
    one = {"cash": {"amount": 5e6, "currency": "HKD"}}
    two = {"cash": {"amount": 5e6, "currency": "USD"}}
    assert keys(one, two) == ["cash"]
    assert told_value(one["cash"]) == "5,000,000 HKD"


def test_a_market_by_name_and_a_market_with_a_broker_are_one_difference():
    broker = {"market": {"use": "auto", "brokerage": {"rate": 0.0003, "min": 3.0, "fixed": 0.0}}}
    assert keys(broker, {"market": "frictionless"}) == ["market"]
    assert told_value(broker["market"]) == "auto, brokerage (rate 0.0003, min 3)"


def test_two_brokers_differ_key_by_key():
    dear = {"market": {"use": "hk", "brokerage": {"rate": 0.003, "min": 3.0}}}
    cheap = {"market": {"use": "hk", "brokerage": {"rate": 0.0003, "min": 3.0}}}
    assert keys(dear, cheap) == ["market.brokerage.rate"]


def test_a_market_without_a_broker_is_its_name():
    assert keys({"market": {"use": "hk", "brokerage": None}}, {"market": "hk"}) == []


def test_a_map_of_exchanges_and_a_choice_have_no_keys_in_common():
    assert keys(
        {"market": {"XHKG": "hk"}}, {"market": {"use": "hk", "brokerage": {"rate": 0.1}}}
    ) == ["market"]


def test_a_map_whose_keys_hold_dots_is_one_value():
    one = {"strategy": {"params": {"weights": {"0700.HK": 0.5}}}}
    two = {"strategy": {"params": {"weights": {"0700.HK": 0.6}}}}
    assert keys(one, two) == ["strategy.params.weights"]


def test_not_set_and_none_are_the_same():
    assert keys({"exits": {"stop_loss": None}}, {"exits": {}}) == []
    assert keys({"universe": {"symbols": []}}, {"universe": {"symbols": None}}) == []


def test_a_key_that_only_a_later_run_has_stands_with_its_section():
    one = {"strategy": {"params": {"a": 1}}, "portfolio": {"band": 0.1}}
    two = {"strategy": {"params": {"b": 1}}, "portfolio": {"band": 0.2}}
    assert keys(one, two) == ["strategy.params.a", "strategy.params.b", "portfolio.band"]


def test_of_long_lists_only_what_not_all_have_is_named(result, changed):
    many = [f"S{number:03d}" for number in range(100)]
    one = put(result, changed, "universe.symbols", many)
    two = put(result, changed, "universe.symbols", [*many[1:], "X"])
    [row] = compare_results([one, two]).differences
    assert row.texts == ("100 items, here only: S000", "100 items, here only: X")


def test_a_value_that_is_the_default_is_marked(result, changed):
    [row] = compare_results(
        [result, put(result, changed, "execution.max_participation", 0.2)]
    ).differences
    assert (row.texts, row.is_default) == (("0.1", "0.2"), (True, False))


def test_a_strategys_defaults_are_known_only_while_its_source_is_the_one_that_ran(
    make_result, changed
):
    def window(value, mark):
        made = make_result(60, name="spillover_dip")
        strategy = made.manifest["strategy"] | {"sha256": mark}
        return put(made, changed, "strategy.params.window", value, strategy=strategy)

    now = strategy_hash("spillover_dip")
    [row, *_] = compare_results([window(5, now), window(7, now)]).differences
    assert (row.key, row.is_default) == ("strategy.params.window", (True, False))
    [row, *_] = compare_results([window(5, "other"), window(7, "other")]).differences
    assert row.is_default == (False, False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bundle": {"simulated": False}}, "The market is simulated in a and real in the others."),
        (
            {"bundle": {"prices": "adjusted"}},
            "The runs have other kinds of prices: raw (a), ",
        ),
        ({"rules": {"XHKG": {"market": "frictionless"}}}, "Fees are off in b and on in others."),
    ],
)
def test_runs_on_other_terms_are_called_unlike(make_result, changed, change, words):
    first, second = make_result(60, name="a"), make_result(60, name="b")
    manifest = dict(second.manifest)
    for key, value in change.items():
        manifest[key] = manifest[key] | value
    second = changed(second, manifest=manifest)
    assert any(words in reason for reason in compare_results([first, second]).unlike)


def test_slippage_off_in_one_run_is_said(make_result, changed):
    first, second = make_result(60, name="a"), make_result(60, name="b")
    second = put(second, changed, "execution.slippage.bps", 0.0)
    assert "Slippage is off in b and on in others." in compare_results([first, second]).unlike


def test_a_bankrupt_run_is_unlike_the_others(make_result, changed):
    first, second = make_result(60, name="a"), make_result(60, name="b")
    second = changed(second, nav=second.nav.assign(nav=0.0))
    assert "b went bankrupt and the others did not." in compare_results([first, second]).unlike


def test_another_market_by_config_is_not_said_again_by_the_hashes_of_its_rules(
    make_result, changed
):
    first, second = make_result(60, name="a"), make_result(60, name="a")
    free = {"XHKG": {"market": "frictionless", "sha256": "f00d" * 16}}
    second = changed(put(second, changed, "market", "frictionless"))
    second = changed(second, manifest=second.manifest | {"rules": free})
    assert [row.key for row in compare_results([first, second]).differences] == ["market"]


def test_a_changed_market_file_is_an_input_that_differs(make_result, changed):
    first, second = make_result(60, name="a"), make_result(60, name="a")
    rules = {"XHKG": {"market": "hk", "sha256": "f00d" * 16}}
    second = changed(second, manifest=second.manifest | {"rules": rules})
    [row] = compare_results([first, second]).differences
    assert (row.key, row.texts) == ("rules of XHKG (hash)", ("c0dec0dec0de", "f00df00df00d"))


def test_a_long_name_keeps_the_fingerprint_that_tells_it_from_its_namesake():
    assert short("a" * 60 + " 3f9a1c7e") == "a" * 34 + "…" + "aaaa 3f9a1c7e"
    assert len(short("a" * 60)) == len(short("a" * 48)) == 48
