"""What the tests as a whole are asked for on the command line."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--bless",
        action="store_true",
        help="write the golden numbers anew instead of comparing with them; say why in CHANGELOG",
    )


@pytest.fixture
def blesses(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--bless"))
