"""A page object for JupyterLab: open, click, type, read. Every wait is for something visible on the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Error, Locator, Page, expect

from tests.conftest import write_notebook
from workshop_kit.lessons.lab import LabServer
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace.folder import Workspace

SCREENSHOTS = CHECKOUT / "build" / "screenshots"
WAIT_MS = 60_000


def brightness(target: Locator) -> float:
    """Return the brightness (0 to 255) of an element's background."""
    color = target.evaluate(
        "e => { const s = getComputedStyle(e); return e instanceof SVGElement ? s.fill : s.backgroundColor }"
    )
    numbers = [float(number) for number in re.findall(r"[\d.]+", color)[:3]]
    if color.startswith("color("):
        numbers = [255 * number for number in numbers]
    return sum(numbers) / 3


def button(within: Page | Locator, name: str) -> Locator:
    """Return a button, by its whole name."""
    return within.get_by_role("button", name=name, exact=True)


@dataclass
class LabPage:
    """One browser page on one JupyterLab. Cells are counted from 0, text cells included."""

    page: Page
    server: LabServer
    workspace: Workspace
    errors: list[str] = field(default_factory=list)  # uncaught errors of the page's scripts
    failed_requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("requestfailed", lambda request: self.failed_requests.append(f"{request.url}: {request.failure}"))
        self.page.on("pageerror", self._note_error)

    def _note_error(self, error: Error) -> None:
        """Keep an uncaught error with its stack and the last requests that failed: "Failed to fetch" names none."""
        self.errors.append(f"{error}\n{error.stack}\nFailed before it: {self.failed_requests[-3:]}")

    def show(self, name: str, sources: Sequence[str], run: int | None = None) -> None:
        """Write a notebook, open it, and run its first ``run`` cells, or all of them."""
        write_notebook(self.workspace, name, sources)
        self.open(name)
        for number in range(len(sources) if run is None else run):
            self.run_cell(number)

    def open(self, notebook: str, folder: str = "notebooks") -> None:
        """Open a notebook of the workspace in a clean layout and wait until its kernel is idle."""
        self.page.goto(f"{self.server.url(f'{folder}/{notebook}.ipynb')}&reset")
        try:
            self.wait_until_idle()
        except AssertionError:  # JupyterLab sometimes fails on a session that has just ended: press F5
            self.errors.clear()
            self.reload()
        self.theme(dark=False)

    def reload(self) -> None:
        """Reload the page."""
        self.page.reload()
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Wait for the status bar: the indicator beside the kernel's name is "idle" without a kernel, too."""
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=WAIT_MS)

    def cell(self, number: int) -> Locator:
        """Return a cell and scroll to it: JupyterLab draws only visible cells."""
        cell = self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{number}"]')
        cell.scroll_into_view_if_needed()
        return cell

    def output(self, number: int) -> Locator:
        """Return the output of a code cell."""
        return self.cell(number).locator(".jp-OutputArea").first

    def widget(self, number: int) -> Locator:
        """Return the live widget below a code cell: not its static twin."""
        return self.output(number).locator(".wk-live, .wk-live-figure")

    def prompt(self, number: int) -> Locator:
        """Return the prompt beside a code cell: ``[*]:`` while it runs."""
        return self.cell(number).locator(".jp-InputPrompt").first

    def run_cell(self, number: int, *, wait: bool = True) -> None:
        """Click into a code cell and press Ctrl+Enter; with ``wait``, wait until it has run."""
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        if wait:
            self.wait_until_run(number)

    def wait_until_run(self, number: int) -> None:
        """Wait until the prompt beside a code cell reads ``[n]:``."""
        expect(self.prompt(number)).to_have_text(re.compile(r"\[\d+\]:"), timeout=WAIT_MS)

    def restart_kernel(self) -> None:
        """Choose Kernel > Restart Kernel… in the menu, confirm, and wait until the new kernel is idle."""
        self.menu("Kernel", "Restart Kernel…")
        with self.page.expect_response(re.compile(r"/api/kernels/[^/]+/restart")):
            self.page.get_by_role("button", name="Confirm Kernel Restart").click()
        self.wait_until_idle()

    def menu(self, menu: str, item: str) -> None:
        """Click an item of the menu bar."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(item)}$")).click()

    def cell_count(self) -> int:
        """Return the number of drawn cells: all of a short notebook."""
        return self.page.locator(".jp-Notebook .jp-Cell").count()

    def theme(self, *, dark: bool) -> None:
        """Switch JupyterLab's theme by its menu and wait until the page has it."""
        if (self.page.locator("body").get_attribute("data-jp-theme-light") == "false") == dark:
            return
        self.page.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Settings$")).click()
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile("^Theme$")).hover()
        name = f"JupyterLab {'Dark' if dark else 'Light'}"
        self.page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{name}$")).click()
        wanted = "false" if dark else "true"
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", wanted, timeout=WAIT_MS)

    def save(self) -> None:
        """Save the notebook and wait until it is saved."""
        self.page.keyboard.press("Escape")
        self.menu("File", "Save Notebook")
        expect(self.page.locator(".lm-TabBar-tab.jp-mod-current.jp-mod-dirty")).to_have_count(0)

    def scroll_to_top(self, number: int) -> None:
        """Scroll until a cell stands at the top of the notebook."""
        cell = self.cell(number).element_handle()
        self.page.wait_for_function(
            "cell => { cell.scrollIntoView({block: 'start'}); return cell.getBoundingClientRect().top < 200 }", arg=cell
        )

    def screenshot(self, name: str, target: Locator | None = None) -> Path:
        """Keep a picture of the page (or of ``target``) in build/screenshots and return its path."""
        path = SCREENSHOTS / f"{name}.png"
        (target or self.page).screenshot(path=path)
        return path
