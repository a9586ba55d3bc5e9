from typing import NamedTuple

import numpy as np

from backtest.features import FeatureStore, by_source, feature, remembered


class Source:
    """Compared by identity, as a panel is."""

    def __init__(self, values):
        self.values = np.array(values, dtype=float)


class Both(NamedTuple):
    once: np.ndarray
    twice: np.ndarray


def scaled(values, factor):
    return values * factor


def made():
    """A feature of a source that counts how often it is computed."""
    calls = []

    @by_source
    def both(source, *, factor):
        calls.append(factor)
        (twice,) = feature(scaled, (source.values,), 2.0)
        return Both(source.values * factor, twice * factor)

    return both, calls


def test_without_a_store_nothing_is_remembered():
    both, calls = made()
    one = Source([1.0, 2.0])
    assert both(one, factor=3.0).twice.tolist() == [6.0, 12.0]
    both(one, factor=3.0)
    assert calls == [3.0, 3.0]


def test_the_same_source_with_the_same_settings_is_computed_once():
    both, calls = made()
    one, same_values = Source([1.0, 2.0]), Source([1.0, 2.0])
    with remembered(FeatureStore()):
        first = both(one, factor=3.0)
        assert both(one, factor=3.0) is first
        assert both(one, factor=4.0).once.tolist() == [4.0, 8.0]
        assert both(same_values, factor=3.0) is not first
    assert calls == [3.0, 4.0, 3.0]
    assert not first.once.flags.writeable


def test_what_it_is_made_of_takes_no_room():
    """Two arrays of 16 bytes each fit; a third, of the feature inside, would not."""
    both, calls = made()
    one = Source([1.0, 2.0])
    with remembered(FeatureStore(most=64)):
        both(one, factor=3.0)
        both(one, factor=4.0)
        both(one, factor=3.0)
        assert calls == [3.0, 4.0]
        both(one, factor=5.0)
        both(one, factor=4.0)  # let go for the one before
    assert calls == [3.0, 4.0, 5.0, 4.0]


def test_an_array_comes_back_as_an_array():
    @by_source
    def doubled(source):
        return source.values * 2.0

    one = Source([1.0])
    with remembered(FeatureStore()):
        assert doubled(one).tolist() == doubled(one).tolist() == [2.0]


def test_a_source_that_is_gone_is_let_go():
    from weakref import ref

    both, _ = made()
    one = Source([1.0])
    gone = ref(one)
    with remembered(FeatureStore()):
        both(one, factor=1.0)
        del one
        assert gone() is None
