"""All widgets on one page: in both themes, without their kernel, opened again, and exported."""

from __future__ import annotations

import re

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Locator, expect

from tests.browser.lab_page import SCREENSHOTS, LabPage, brightness

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("session")]

SETUP = r"""import json
from workshop_kit.lessons.lesson import lesson
from tests.workshop_kit.observe.log_frames import read_lines
from workshop_kit.search.explorer import Explorer
from tests.workshop_kit.display.recorded import recorded_now
from workshop_kit.display.live_figure import LiveFigure
from workshop_kit.display.live import LiveOutputs
w = lesson("01_container")
w.up()
screens = LiveOutputs()
HOSTILE = "<img src=x onerror='window.__pwned=1'><script>window.__pwned=2</script>"
line = {"ts": "2026-11-24T21:00:00.000Z", "level": "error", "msg": "lost " + HOSTILE, "service": "web"}
frame = read_lines((json.dumps(line) + "\n").encode())"""
SHOWN = {
    "map": 'w.map("service")',
    "prediction": 'guess = w.predict("memory-limit")',
    "exercise": 'w.exercise("container.graceful");',
    "board": "w.board()",
    "explorer": "Explorer(frame).show(screens)",
    "live": "LiveFigure('Live', recorded_now).show();",
    "chart": 'import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([1, 2], label="a")\nax.legend();',
}
PAPERS = ("prediction", "exercise", "explorer")
BARE = """image => {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const opaqueness = context.getImageData(0, 0, canvas.width, canvas.height).data.filter((_, at) => at % 4 === 3);
    return opaqueness.filter((value) => value === 0).length / opaqueness.length;
}"""
"""The share of a chart's pixels through which the page is seen."""
ASLEEP = "run the first cell to wake the buttons"


def position(name: str) -> int:
    """Return the position of a widget's cell; the first cell is the set-up."""
    return 1 + [*SHOWN].index(name)


def widget(page: LabPage, name: str) -> Locator:
    """The live widget of a name."""
    return page.widget(position(name))


def press(page: LabPage, name: str, label: str) -> None:
    """Click a button of a widget."""
    widget(page, name).get_by_role("button", name=label).click()


@pytest.fixture
def widgets(lab: LabPage) -> LabPage:
    """The page, all cells run."""
    lab.show("widgets", [SETUP, *SHOWN.values()])
    return lab


def test_widgets_in_both_themes_and_without_their_kernel(widgets: LabPage) -> None:
    """They follow the theme; without a kernel each says so; after a reload each is text and pictures."""
    follow_the_theme(widgets)
    use(widgets)
    lose_the_kernel(widgets)
    widgets.reload()
    for name in PAPERS:
        expect(widgets.output(position(name)).locator(".wk-static").first).to_be_visible()
        expect(widgets.output(position(name)).get_by_text("Error displaying widget")).to_be_hidden()
        reads(widgets.output(position(name)), name)
    assert widgets.page.evaluate("window.__pwned") is None
    assert widgets.errors == []
    exported(widgets)


def follow_the_theme(widgets: LabPage) -> None:
    """Assert that papers are dark in the dark theme; pictures made for light paper are inverted."""
    drawing = widgets.output(position("map")).get_by_role("img", name=re.compile("Map of the whole system"))
    for dark in (True, False):
        widgets.theme(dark=dark)
        papers = [drawing.locator("rect").nth(1), *(widget(widgets, name) for name in PAPERS)]
        assert [(brightness(paper) < 128) == dark for paper in papers] == [True] * len(papers)
        picture = widget(widgets, "live").locator("img")
        expect(picture).to_have_css("filter", re.compile("invert") if dark else "none")
        chart = widgets.output(position("chart")).locator("img")
        expect(chart).to_have_css("filter", re.compile("invert") if dark else "none")
        expect(chart).to_have_css("background-color", "rgba(0, 0, 0, 0)")
        assert chart.evaluate(BARE) > 0.9
        for name in SHOWN:
            widgets.screenshot(f"widget-{name}-{'dark' if dark else 'light'}", widgets.cell(position(name)))


def use(widgets: LabPage) -> None:
    """Guess and check; a reload keeps both."""
    press(widgets, "prediction", "It stops growing")
    expect(widget(widgets, "prediction").get_by_role("status")).to_contain_text("Locked: It stops growing")
    press(widgets, "exercise", "Hint 1 of 3")
    press(widgets, "exercise", "Check")
    expect(widget(widgets, "exercise")).to_contain_text("Not started")
    widgets.save()
    widgets.reload()
    expect(widget(widgets, "exercise")).to_contain_text("Not started")
    widgets.save()


def lose_the_kernel(widgets: LabPage) -> None:
    """Restart the kernel and assert that each widget shows the missing connection."""
    widgets.restart_kernel()
    expect(widget(widgets, "exercise")).to_contain_text(ASLEEP)
    press(widgets, "explorer", "Search")
    for name, sentence in (
        ("exercise", ASLEEP),
        ("explorer", "run this cell again"),
        ("live", "(kernel stopped?)"),
    ):
        status = widget(widgets, name).get_by_role("status").first
        expect(status).to_contain_text(sentence)
        expect(status).to_contain_text(re.compile(r"(No kernel has answered|No data) for \d+ (s|min)\b"))
        widgets.screenshot(f"widget-{name}-no-kernel", widgets.cell(position(name)))


def reads(place: Locator, name: str) -> None:
    """Assert that a widget's static twin has the widget's text."""
    twin = place.locator(".wk-static").first
    for text in {
        "prediction": ("Its memory reaches the limit", "It stops growing"),
        "exercise": ("Not started", "Two things can hold up a stop"),
        "explorer": ("lost <img src=x",),
    }[name]:
        expect(twin).to_contain_text(text)


def exported(widgets: LabPage) -> None:
    """Assert the same of exported HTML, in which no script of a line runs and no widget is missing."""
    notebook = widgets.workspace.notebooks / "widgets.ipynb"
    html, _ = HTMLExporter().from_filename(str(notebook))  # type: ignore[no-untyped-call]
    page = widgets.page.context.new_page()
    page.set_content(html, wait_until="domcontentloaded")
    for name in PAPERS:
        reads(page.locator(".jp-Cell").nth(position(name)), name)
    expect(page.get_by_text("Error displaying widget")).to_have_count(0)
    assert page.evaluate("window.__pwned") is None
    page.screenshot(path=SCREENSHOTS / "widgets-exported.png", full_page=True)
    page.close()
