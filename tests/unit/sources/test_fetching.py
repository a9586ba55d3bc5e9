"""Bundles fetched and updated: what fails, what is kept, what a run in the past sees."""

import json
from datetime import date

import pandas as pd
import pytest

from backtest.data.bundle import load_bundle
from backtest.data.files import content_hash
from backtest.data.settings import DataSettings
from backtest.errors import DataError, RunError
from backtest.sources.fetching import Terms, fetch_bundle, update_bundle
from backtest.sources.protocol import Answer, Pace, SourceError, Unavailable

START = date(2024, 1, 1)
MONDAY, LATER = pd.Timestamp("2024-03-04T12:00Z"), pd.Timestamp("2024-03-08T12:00Z")


class Scripted:
    """A source that answers from a table, or raises what is put there; it counts its calls."""

    name = "scripted"
    prices = "raw"
    pace = Pace(pause=1.0, retries=2, backoff=3.0)
    caveats = ("Only what was scripted.",)

    def __init__(self, **answers):
        self.answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.asked = []

    def fetch(self, symbol, start):
        self.asked.append(symbol)
        answer = self.answers[symbol]
        answer = answer.pop(0) if isinstance(answer, list) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(symbol, closes, *, first="2024-02-28", actions=(), **columns):
    """Bars on the weekdays from ``first``, some actions (day, kind, value)."""
    sessions = pd.bdate_range(first, periods=len(closes))
    close = [float(one) for one in closes]
    bars = pd.DataFrame({"symbol": symbol, "session": sessions, "close": close})
    bars = bars.assign(open=close, high=close, low=close, volume=100.0, **columns)
    row = {"symbol": symbol, "name": "", "exchange": "XHKG", "currency": "HKD", "kind": "stock"}
    done = pd.DataFrame(list(actions), columns=["ex_session", "kind", "value"])
    done = done.assign(symbol=symbol, ex_session=pd.to_datetime(done["ex_session"]))
    return Answer({"instruments": pd.DataFrame([row]), "bars": bars, "actions": done})


@pytest.fixture
def at():
    """Terms of a given instant; waits and remarks are noted."""

    class Noted(list):
        def terms(self, now):
            return Terms(now=lambda: now, sleep=self.append, tell=self.append)

    return Noted()


@pytest.fixture
def load(tmp_path):
    def of(folder, **settings):
        chosen = DataSettings(bundle=str(folder), **settings)
        return load_bundle(chosen, cache=tmp_path / "cache")

    return of


def test_the_session_that_goes_on_is_left_out(at, tmp_path, load):
    # 4 March is a Monday; at 07:59 UTC Hong Kong still trades, at 08:00 it has closed.
    source = Scripted(A_HK=answer("A.HK", [1, 2, 3, 4, 5]))
    for minute, last in (("07:59", "2024-03-01"), ("08:00", "2024-03-04")):
        folder = tmp_path / minute
        terms = at.terms(pd.Timestamp(f"2024-03-04T{minute}Z"))
        fetch_bundle(source, ["A.HK"], folder, start=START, terms=terms)
        bundle = load(folder)
        assert str(bundle.last) == last
    assert bundle.caveats == ("Only what was scripted.",)
    assert not list(tmp_path.glob(".*-fetch"))


def test_a_failed_call_is_repeated_after_twice_as_long(at, tmp_path):
    tries = [Unavailable("busy"), SourceError("half a page", retry=True), answer("A.HK", [1])]
    source = Scripted(A_HK=tries, B_HK=answer("B.HK", [1]))
    fetch_bundle(source, ["A.HK", "B.HK"], tmp_path / "b", start=START, terms=at.terms(MONDAY))
    assert [wait for wait in at if not isinstance(wait, str)] == [3.0, 6.0, 1.0]
    assert at[0] == "A.HK: busy; again in 3 s"


def test_a_symbol_that_fails_is_told_and_the_others_are_there(at, tmp_path, load):
    source = Scripted(A_HK=answer("A.HK", [1]), B_HK=SourceError("the answer is empty"))
    wanted = ["A.HK", "B.HK"]
    found = fetch_bundle(source, wanted, tmp_path / "b", start=START, terms=at.terms(MONDAY))
    assert found.failed == {"B.HK": "the answer is empty"}
    assert load(tmp_path / "b").instruments["symbol"].tolist() == ["A.HK"]
    assert source.asked == ["A.HK", "B.HK"]  # what cannot be mended is asked once


def test_where_nothing_comes_nothing_is_written(at, tmp_path):
    source = Scripted(A_HK=SourceError("the answer is empty"))
    with pytest.raises(RunError, match=r"as it was\n  A\.HK: the answer is empty"):
        fetch_bundle(source, ["A.HK"], tmp_path / "b", start=START, terms=at.terms(MONDAY))
    assert not (tmp_path / "b").exists()


def test_a_fetch_that_was_stopped_goes_on_behind_what_it_has(at, tmp_path, load):
    source = Scripted(A_HK=answer("A.HK", [1]), B_HK=Unavailable("the network is down"))
    with pytest.raises(Unavailable, match="1 of 2 symbols are kept: the same command"):
        fetch_bundle(source, ["A.HK", "B.HK"], tmp_path / "b", start=START, terms=at.terms(MONDAY))
    assert not (tmp_path / "b").exists()
    source = Scripted(B_HK=answer("B.HK", [1]))
    fetch_bundle(source, ["A.HK", "B.HK"], tmp_path / "b", start=START, terms=at.terms(MONDAY))
    assert source.asked == ["B.HK"]
    assert load(tmp_path / "b").instruments["symbol"].tolist() == ["A.HK", "B.HK"]


def test_an_update_without_a_network_leaves_the_bundle_as_it_was(at, tmp_path):
    folder = tmp_path / "b"
    first = Scripted(A_HK=answer("A.HK", [1]))
    fetch_bundle(first, ["A.HK"], folder, start=START, terms=at.terms(MONDAY))
    before = content_hash(folder)
    dead = Scripted(A_HK=Unavailable("the network is down"))
    with pytest.raises(Unavailable, match="network is down"):
        update_bundle(folder, find=lambda _: dead, terms=at.terms(LATER))
    assert content_hash(folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b"]


@pytest.fixture
def updated(at, tmp_path):
    """A bundle of one symbol, fetched on Monday and updated later with another answer."""

    def of(first, second):
        folder = tmp_path / "b"
        old, new = Scripted(A_HK=first), Scripted(A_HK=second)
        fetch_bundle(old, ["A.HK"], folder, start=START, terms=at.terms(MONDAY))
        update_bundle(folder, find=lambda _: new, terms=at.terms(LATER))
        return folder

    return of


def closes(bundle):
    return bundle.bars["close"].tolist()


def test_new_sessions_are_added_and_the_past_sees_what_it_saw(updated, load):
    folder = updated(answer("A.HK", [1, 2, 3, 4]), answer("A.HK", [1, 2, 3, 4, 5, 6]))
    assert closes(load(folder)) == [1, 2, 3, 4, 5, 6]
    assert closes(load(folder, as_of="2024-03-04")) == [1, 2, 3, 4]


def test_a_restated_close_is_seen_from_the_update_on(updated, load):
    folder = updated(answer("A.HK", [1, 2, 3, 4]), answer("A.HK", [1, 2.5, 3, 4, 5]))
    assert closes(load(folder)) == [1, 2.5, 3, 4, 5]
    assert closes(load(folder, as_of="2024-03-07")) == [1, 2, 3, 4, 5]
    assert closes(load(folder, as_of="2024-03-08")) == [1, 2.5, 3, 4, 5]


def test_a_bar_that_was_missing_is_seen_from_the_update_on(updated, load):
    hole = answer("A.HK", [1, 2, 3, 4])
    bars = hole.tables["bars"]
    hole.tables["bars"] = bars[bars["close"] != 2].reset_index(drop=True)
    folder = updated(hole, answer("A.HK", [1, 2, 3, 4]))
    assert closes(load(folder)) == [1, 2, 3, 4]
    assert closes(load(folder, as_of="2024-03-07")) == [1, 3, 4]


def test_a_split_that_was_entered_twice_and_is_taken_back_holds_until_then(updated, load):
    twice = [("2024-02-29", "split", 2.0), ("2024-03-01", "split", 3.0)]
    folder = updated(
        answer("A.HK", [6, 3, 1, 1], actions=twice), answer("A.HK", [6, 3, 3, 1], actions=twice[:1])
    )
    assert load(folder).actions["value"].tolist() == [2.0]
    assert load(folder, as_of="2024-03-07").actions["value"].tolist() == [2.0, 3.0]


def test_what_is_rounded_elsewhere_is_no_restatement(updated, load):
    folder = updated(answer("A.HK", [1, 2, 3, 4]), answer("A.HK", [1, 2.0000001, 3, 4]))
    assert "known_at" not in pd.read_parquet(folder / "bars.parquet")


def test_half_an_answer_changes_nothing_of_its_symbol(at, tmp_path, load):
    folder = tmp_path / "b"
    whole = range(1, 41)
    source = Scripted(A_HK=answer("A.HK", whole, first="2024-01-02"), B_HK=answer("B.HK", [1, 2]))
    fetch_bundle(source, ["A.HK", "B.HK"], folder, start=START, terms=at.terms(MONDAY))
    half = Scripted(
        A_HK=answer("A.HK", range(5, 15), first="2024-01-02"), B_HK=answer("B.HK", [1, 2, 3])
    )
    found = update_bundle(folder, find=lambda _: half, terms=at.terms(LATER))
    assert found.failed == {"A.HK": "the answer lacks 30 of the 40 bars that are there"}
    bars = load(folder, checks={"not_a_session": "warn"}).bars
    assert bars["close"][bars["symbol"] == "A.HK"].tolist() == list(whole)
    assert bars["close"][bars["symbol"] == "B.HK"].tolist() == [1, 2, 3]


def test_a_run_in_the_past_gives_the_same_bytes_after_an_update(at, tmp_path, monkeypatch):
    from backtest import load_config, run

    folder = tmp_path / "b"
    first = answer("A.HK", [10, 11, 12, 13], actions=[("2024-03-01", "dividend", 0.5)])
    second = answer("A.HK", [10, 99, 12, 13, 14], actions=[("2024-03-01", "dividend", 0.7)])
    config = tmp_path / "past.yaml"
    config.write_text(
        f"name: past\ndata: {{bundle: {folder}, as_of: 2024-03-04}}\n"
        "strategy: {name: equal_weight}\nportfolio: {cash: 100k HKD}\n"
    )

    def outcome(name):
        run(load_config(config)).save(tmp_path / name)
        made = tmp_path / name
        files = {}
        for path in sorted(made.rglob("*")):
            if path.name == "manifest.json":
                manifest = json.loads(path.read_text())
                manifest.pop("environment", None)
                files[path.name] = json.dumps(manifest)
            elif path.is_file():
                files[path.name] = path.read_bytes()
        return files

    fetch_bundle(Scripted(A_HK=first), ["A.HK"], folder, start=START, terms=at.terms(MONDAY))
    before = outcome("before")
    update_bundle(folder, find=lambda _: Scripted(A_HK=second), terms=at.terms(LATER))
    assert outcome("after") == before


def test_the_same_updates_give_the_same_bytes(at, tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name / "b"
        first, second = answer("A.HK", [1, 2, 3]), answer("A.HK", [1, 7, 3, 4])
        source = Scripted(A_HK=[first, second])
        fetch_bundle(source, ["A.HK"], folder, start=START, terms=at.terms(MONDAY))
        update_bundle(folder, find={"scripted": source}.get, terms=at.terms(LATER))
    assert content_hash(tmp_path / "one" / "b") == content_hash(tmp_path / "two" / "b")


def test_a_bundle_that_was_not_fetched_cannot_be_updated(tmp_path, at):
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "bundle.yaml").write_text("name: b\nprices: raw\n")
    with pytest.raises(DataError, match="nothing says where it is from"):
        update_bundle(folder, terms=at.terms(MONDAY))


def weights(day, **of):
    rows = [(name.replace("_", "."), weight) for name, weight in of.items()]
    table = pd.DataFrame(rows, columns=["symbol", "value"])
    known = pd.Timestamp(day, tz="UTC") + pd.Timedelta(days=1)
    table = table.assign(field="weight_in_X", period=pd.Timestamp(day), known_at=known)
    return Answer({"facts": table})


def test_a_member_that_leaves_an_index_weighs_nothing_from_then_on(at, tmp_path, load):
    pair = {name: answer(name.replace("_", "."), [1, 2, 3]) for name in ("A_HK", "B_HK")}
    source = Scripted(**pair, list=weights("2024-02-29", A_HK=0.4, B_HK=0.4, C_HK=0.2))
    to = tmp_path / "index"
    found = fetch_bundle(source, ["A.HK", "B.HK", "list"], to, start=START, terms=at.terms(MONDAY))
    assert found.notes == ("facts of 1 symbols without bars here: C.HK",)
    source.answers["list"] = weights("2024-03-06", A_HK=1.0)
    update_bundle(to, find=lambda _: source, terms=at.terms(LATER))
    facts = load(to).facts.set_index(["symbol", "period"])["value"]
    assert facts[("B.HK", pd.Timestamp("2024-03-06"))] == 0.0
    assert facts[("A.HK", pd.Timestamp("2024-03-06"))] == 1.0
    assert len(facts) == 4


def test_what_two_answers_say_of_one_instrument_is_put_together(at, tmp_path, load):
    more = pd.DataFrame([{"symbol": "A.HK", "name": "Able", "exchange": "XHKG", "currency": "HKD"}])
    more = more.assign(kind="stock", lot_size=400.0, listed=pd.Timestamp("2001-01-02"))
    source = Scripted(A_HK=answer("A.HK", [1, 2, 3]), about=Answer({"instruments": more}))
    to = tmp_path / "both"
    fetch_bundle(source, ["A.HK", "about"], to, start=START, terms=at.terms(MONDAY))
    row = load(to).instruments.iloc[0]
    assert (row["name"], row["lot_size"], row["listed"].year) == ("Able", 400.0, 2001)


def test_facts_are_known_when_they_were_fetched_and_a_day_that_goes_on_has_none(at, tmp_path, load):
    # Monday noon UTC: an annual figure assumed for April is here already; Monday's own flow is due
    # at 18:00 and unfinished, Friday's was known on its evening.
    rows = [
        ("annual_roe", "2023-12-31", "2024-04-30T16:00Z", 0.1),
        ("southbound_buy", "2024-03-01", "2024-03-01T10:00Z", 1.0),
        ("southbound_buy", "2024-03-04", "2024-03-04T18:00Z", 2.0),
    ]
    table = pd.DataFrame(rows, columns=["field", "period", "known_at", "value"]).assign(symbol="")
    table["period"] = pd.to_datetime(table["period"])
    table["known_at"] = pd.to_datetime(table["known_at"], utc=True)
    source = Scripted(A_HK=answer("A.HK", [1, 2, 3]), more=Answer({"facts": table}))
    to = tmp_path / "facts"
    fetch_bundle(source, ["A.HK", "more"], to, start=START, terms=at.terms(MONDAY))
    known = load(to).facts.set_index("field")["known_at"].to_dict()
    assert known == {"annual_roe": MONDAY, "southbound_buy": pd.Timestamp("2024-03-01T10:00Z")}
    update_bundle(to, find=lambda _: source, terms=at.terms(LATER))
    facts = load(to).facts
    assert facts.loc[facts["value"] == 2.0, "known_at"].tolist() == [
        pd.Timestamp("2024-03-04T18:00Z")
    ]
    assert len(facts) == 3
