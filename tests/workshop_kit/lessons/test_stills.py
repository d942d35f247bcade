"""Stills of a lesson's charts: large, light and dark, and without a trace in the lesson."""

from __future__ import annotations

from pathlib import Path

import nbformat
import numpy as np
from PIL import Image

from tests.workshop_kit.conftest import WriteNotebook
from workshop_kit.lessons import stills
from workshop_kit.lessons.tour import Tour
from workshop_kit.workspace.folder import Workspace

CHART = "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(8, 2))\nax.plot([1, 3, 2]);"


def test_a_chart_becomes_two_pictures_and_the_lesson_stays_as_it_is(
    empty_workspace: Workspace, write_notebook: WriteNotebook, tmp_path: Path
) -> None:
    """Each chart has a light and a dark still of 1920 × 1080; the executed lesson shows what it shows without them.

    Old stills of the lesson go.
    """
    write_notebook(empty_workspace, "01_container", ["x = 1", CHART])
    folder = tmp_path / "stills" / "01_container"
    folder.mkdir(parents=True)
    (folder / "07.light.png").touch()
    (folder / "mine.png").touch()
    (result,) = Tour(empty_workspace, output=tmp_path / "with", stills=folder.parent).run()
    assert result.error is None
    assert {path.name for path in folder.iterdir()} == {"mine.png", "01.light.png", "01.dark.png"}
    light, dark = (Image.open(folder / f"01.{scheme}.png") for scheme in stills.SCHEMES)
    assert light.size == dark.size == (1920, 1080)
    assert light.getpixel((0, 0)) == (255, 255, 255)
    assert np.asarray(dark)[0, 0].max() < 40
    Tour(empty_workspace, output=tmp_path / "without").run(["01"])
    assert shown(tmp_path / "with") == shown(tmp_path / "without")


def shown(folder: Path) -> list[dict[str, object]]:
    """Return the outputs of the lesson with the chart."""
    notebook = nbformat.read(folder / "01_container.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    return [dict(output.get("data", {})) for cell in notebook.cells for output in cell.outputs]
