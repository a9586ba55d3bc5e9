from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from backtest.trial_ledger import TrialRecord, family, record_trials

ONE = TrialRecord(
    fingerprint="a",
    name="dip",
    strategy="spillover_dip",
    source="run",
    data="d1",
    engine="e",
    first="2020-01-02",
    last="2020-12-31",
    sessions=250,
    sharpe=0.05,
    mean=0.001,
    deviation=0.02,
    skewness=-0.1,
    kurtosis=4.0,
)


def test_what_goes_in_comes_out(tmp_path):
    record_trials(tmp_path, [ONE])
    assert list(family(tmp_path, strategy="spillover_dip", data="d1")) == [ONE]


def test_the_same_trial_counts_once_and_stays_as_it_was(tmp_path):
    record_trials(tmp_path, [ONE])
    record_trials(tmp_path, [replace(ONE, name="again", sharpe=9.0)])
    assert list(family(tmp_path, strategy="spillover_dip", data="d1")) == [ONE]


def test_other_data_and_other_strategies_are_other_families(tmp_path):
    others = [replace(ONE, fingerprint="b", data="d2"), replace(ONE, fingerprint="c", strategy="x")]
    record_trials(tmp_path, [ONE, *others])
    assert list(family(tmp_path, strategy="spillover_dip", data="d1")) == [ONE]


def test_nothing_known_is_nothing_and_makes_no_file(tmp_path):
    assert list(family(tmp_path, strategy="x", data="y")) == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_a_number_is_kept_as_unknown(tmp_path):
    record_trials(tmp_path, [replace(ONE, sharpe=float("nan"))])
    assert next(family(tmp_path, strategy="spillover_dip", data="d1")).sharpe is None


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from backtest.trial_ledger import TrialRecord, record_trials

one = TrialRecord(
    "", "dip", "spillover_dip", "run", "d1", "e", "", "", 250, 0.1, 0.1, 0.1, 0.0, 3.0
)
for number in range(25):
    record_trials(Path(sys.argv[1]), [replace(one, fingerprint=f"{sys.argv[2]}-{number}")])
"""


def test_four_writers_at_once_lose_nothing(tmp_path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(n)]) for n in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert len(list(family(tmp_path, strategy="spillover_dip", data="d1"))) == 100
