"""What holds for every page: tearsheets, comparisons, the page of all runs."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from tests.browser.conftest import ALL_SHEETS, DESK, PHONE, SHEETS

# Every chart with the number of its marks that take room, and its height.
MARKS = """() => {
  const marks = ["trace path", "trace image", "trace rect", "hm image"].map((of) => `svg .${of}`);
  const sizeOf = (node) => node.getBoundingClientRect();
  const isSeen = (mark) => sizeOf(mark).width + sizeOf(mark).height > 0;
  return [...document.querySelectorAll("[data-figure]")].map((node) => [
    node.dataset.figure,
    [...node.querySelectorAll(marks.join(","))].filter(isSeen).length,
    sizeOf(node).height,
  ]);
}"""

WITHOUT_TABLE = """() => [...document.querySelectorAll("[data-figure]")]
  .filter((node) => !node.closest("figure")?.querySelector("table tbody tr"))
  .map((node) => node.dataset.figure)"""

# With all that is folded open: by how much the page is wider than the window, what sticks out.
WIDTH = """() => {
  const folded = [...document.querySelectorAll("details:not([open])")];
  for (const node of folded) node.open = true;
  const inside = ".scroll, svg, .plot, .hidden, .skip";
  const sticking = [...document.querySelectorAll("main *, header *, footer *")].filter((node) => {
    const box = node.getBoundingClientRect();
    return box.right > innerWidth + 1 && box.width > 0 && !node.closest(inside);
  });
  const excess = document.documentElement.scrollWidth - innerWidth;
  for (const node of folded) node.open = false;
  return [excess, sticking.slice(0, 5).map((node) => node.outerHTML.slice(0, 120))];
}"""

COLOURS = """() => {
  const style = getComputedStyle(document.body);
  const parts = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  return [parts(style.backgroundColor), parts(style.color)];
}"""

INJECTED = """() => [
  window.injected,
  document.querySelectorAll("body :is(img, iframe, object, embed, link, base, form)").length,
  document.querySelectorAll("[onerror], [onload], [onclick]").length,
]"""

LOOKED_AT_CLOSELY = ("spillover-dip", "ipo-day-one", "compare-strategies", "index")


def test_it_opens_without_a_word_of_the_console(opened):
    assert opened.look().said == []
    assert opened.popped == []


def test_it_asks_for_nothing_but_itself(opened):
    asked = [url for url in opened.asked if not url.startswith(("data:", "blob:"))]
    own = [opened.path.as_uri()]
    if opened.name == "index":
        own.append(f"{opened.path.with_name('index-data.js').as_uri()}?")
    assert len(asked) == len(own)
    assert all(url.startswith(start) for url, start in zip(asked, own, strict=True))


def test_its_file_is_below_7_mb(opened):
    assert opened.path.stat().st_size < 7_000_000


def test_every_chart_has_marks_and_a_table(opened):
    charts = opened.look().measure(MARKS)
    assert charts or opened.name == "index"
    assert [chart for chart in charts if chart[1] == 0 or chart[2] < 50] == []
    assert opened.measure(WITHOUT_TABLE) == []


def test_on_a_phone_nothing_is_wider_than_the_window(opened):
    excess, sticking = opened.look(size=PHONE).measure(WIDTH)
    assert excess <= 0, sticking


def test_dark_mode_is_dark_paper_with_light_ink(opened):
    colours = {}
    for theme in ("light", "dark"):
        colours[theme] = opened.look(theme=theme).measure(COLOURS)
        assert contrast(*colours[theme]) >= 7.0
    assert luminance(colours["light"][0]) > 0.8
    assert luminance(colours["dark"][0]) < 0.05


def test_nothing_that_a_name_says_is_done(opened):
    assert opened.look().measure(INJECTED) == [None, 0, 0]
    text = opened.measure("() => document.body.innerText")
    assert "49 49" not in text  # a template's {{ 7 * 7 }} ${7*7}
    if opened.name in ("hostile", "compare-hostile", "index"):
        assert "<script>window.injected" in text or "<img src=x onerror" in text


@pytest.mark.parametrize(
    ("size", "theme"), [(DESK, "light"), (DESK, "dark"), (PHONE, "light")], ids=str
)
def test_axe_finds_nothing_serious(opened, size, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    if opened.name not in LOOKED_AT_CLOSELY:
        return  # the same templates as the others
    found = axe.Axe().run(opened.look(size=size, theme=theme).page).response["violations"]
    grave = [item for item in found if item["impact"] in ("serious", "critical")]
    assert [(item["id"], len(item["nodes"]), item["nodes"][0]["html"]) for item in grave] == []


def test_a_tearsheet_prints_on_eight_pages_of_a4_at_most(opened):
    opened.look()
    paper = opened.page.pdf(format="A4", print_background=True, prefer_css_page_size=True)
    pages = len(re.findall(rb"/Type\s*/Page\b", paper))
    assert pages >= 1
    if opened.name in ALL_SHEETS:
        assert pages <= 8


def test_after_printing_it_is_as_before(opened):
    if opened.name not in LOOKED_AT_CLOSELY:
        return
    before = opened.look(theme="dark").measure(COLOURS)
    opened.page.pdf(format="A4")
    assert opened.measure(COLOURS) == before
    assert opened.measure("() => document.documentElement.scrollWidth <= innerWidth")
    assert opened.said == []


@pytest.mark.parametrize("name", [SHEETS[0], "compare-strategies", "index"])
def test_the_keyboard_reaches_the_content_and_the_theme(visit, name):
    opened = visit(name)
    opened.page.keyboard.press("Tab")
    assert opened.measure("() => document.activeElement.textContent") == "Skip to the content"
    opened.page.keyboard.press("Enter")
    assert opened.measure("() => location.hash") == "#top"
    opened.page.locator("#theme").focus()
    for theme in ("light", "dark", "auto"):
        opened.page.keyboard.press("Enter")
        assert opened.measure("() => document.documentElement.dataset.choice") == theme
    assert opened.said == []


def luminance(colour: Sequence[float]) -> float:
    """Relative luminance of an sRGB colour, WCAG 2.2."""
    parts = [value / 255.0 for value in colour]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Sequence[float], other: Sequence[float]) -> float:
    """Contrast ratio, WCAG 2.2: 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
