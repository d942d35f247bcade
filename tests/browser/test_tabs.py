"""Open files: a change on the disk reaches the tab, typing stays, and a request that Chromium drops is repeated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.lab_page import LabPage

FILE = "my_service/typed.py"


@pytest.fixture
def file(lab: LabPage) -> Iterator[Path]:
    """A file that is open in a tab of JupyterLab; it is gone afterwards."""
    file = lab.workspace.service_folder() / "typed.py"
    file.write_text("import this\n")
    lab.page.goto(f"{lab.server.url(FILE)}&reset")
    expect(editor(lab)).to_contain_text("import")
    yield file
    file.unlink()


def editor(lab: LabPage) -> Locator:
    """The text in the editor of the open file."""
    return lab.page.locator(".jp-FileEditor .cm-content")


def write_line(lab: LabPage, line: str) -> None:
    """Type a first line into the file."""
    editor(lab).click()
    lab.page.keyboard.press("Control+Home")
    lab.page.keyboard.insert_text(f"{line}\n")


def test_a_tab_shows_the_file_and_keeps_what_was_typed(lab: LabPage, file: Path) -> None:
    """A message names a file that was changed while its tab has typing that is not saved."""
    file.write_text("# a cell wrote this\n")
    expect(editor(lab)).to_have_text("# a cell wrote this")

    write_line(lab, "# typed")
    file.write_text("# a command wrote this\n")
    expect(lab.page.locator(".jp-Notification-List, .Toastify")).to_contain_text(f"{FILE} was changed on the disk")
    expect(editor(lab)).to_contain_text("# typed")
    assert file.read_text() == "# a command wrote this\n"


def test_a_save_that_chromium_drops_is_repeated(lab: LabPage, file: Path) -> None:
    """Nothing of it is seen, and the file is written."""
    dropped: list[str] = []

    def drop_first(route: Route) -> None:
        if route.request.method == "PUT" and not dropped:
            dropped.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    lab.page.route(f"**/api/contents/{FILE}*", drop_first)
    write_line(lab, "# typed")
    lab.page.keyboard.press("Control+s")
    expect(lab.page.locator(".lm-TabBar-tab.jp-mod-current.jp-mod-dirty")).to_have_count(0)
    assert dropped
    assert file.read_text().startswith("# typed\n")
    assert lab.page.locator(".jp-Dialog").count() == 0


def test_a_file_cell_is_known_by_its_id(lab: LabPage) -> None:
    """JupyterLab sends it with each run, also of a cell that was edited."""
    shown = "from workshop_kit.workspace import file_cell\nprint(file_cell.running_cell(get_ipython()))"
    lab.show("lesson", [shown])
    expect(lab.output(0)).to_contain_text("cell-0")
