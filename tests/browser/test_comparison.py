"""A comparison's numbers are those of its runs' metrics.json, in the order the runs were given."""

from __future__ import annotations

import json

import pytest

from backtest.report.catalogue import GROUPS, look_up
from tests.browser.conftest import COMPARISONS
from tests.browser.numbers import says
from tests.browser.worlds import COMPARED

# Rows of the table of all measures: a group's title alone, or a label and a text for each run.
MEASURES = """() => [...document.querySelector("#all table").tBodies].flatMap((body) =>
  [...body.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim())))"""

YEARS = """() => [...document.querySelectorAll("#years table")].at(-1).innerText"""


@pytest.fixture(scope="module", params=COMPARISONS)
def compared(browser, path_of, request):
    """Each comparison in the browser, with the metrics of its runs."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(path_of(request.param).as_uri())
    sheets = [path_of(name) for name in COMPARED[request.param]]
    yield page, [json.loads(s.with_name("metrics.json").read_text("utf-8")) for s in sheets]
    context.close()


def test_every_measure_equals_metrics_json(compared):
    page, metrics = compared
    labels = {
        (group.title, measure.label): measure for group in GROUPS for measure in group.measures
    }
    rows = page.evaluate(MEASURES)
    title, counted = "", 0
    for label, *texts in rows:
        if not any(texts):
            title = label
            continue
        measure = labels[title, label]
        for text, own in zip(texts, metrics, strict=True):
            value = look_up(own, measure.path)
            value = value["return"] if isinstance(value, dict) else value
            assert says(text, value), (title, label, text, value)
            counted += 1
    assert counted > 50 * len(metrics)


def test_inputs_come_before_outcomes_and_unlike_runs_are_said_to_be_so(compared):
    page, metrics = compared
    ids = page.evaluate("() => [...document.querySelectorAll('main section')].map((s) => s.id)")
    assert ids[:2] == ["inputs", "outcome"]
    periods = {
        (own["conventions"]["first_session"], own["conventions"]["sessions"]) for own in metrics
    }
    is_warned = page.locator("#inputs .notice").count() == 1
    assert is_warned or len(periods) == 1
    assert page.locator("td.best").count() == 0 or not is_warned


def test_every_run_leads_to_its_tearsheet(compared):
    page, metrics = compared
    links = page.evaluate(
        "() => [...document.querySelectorAll('#all .runs a')].map((link) => link.href)"
    )
    assert len(set(links)) == len(metrics)
    for link in set(links):
        page.goto(link)
        assert page.locator("#returns").count() == 1
        page.go_back()
