"""Both simulators in turn, for tests whose numbers were worked by hand."""

from __future__ import annotations

import pytest

from tests.oracles import by_hand


@pytest.fixture(params=by_hand.SIMULATORS)
def simulator(request, monkeypatch):
    """Ask the oracle, then the engine."""
    monkeypatch.setattr(by_hand, "simulate", by_hand.SIMULATORS[request.param])
