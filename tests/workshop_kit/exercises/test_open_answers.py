"""A tour answers an open definition after the cell that brings it, and replaces nothing that somebody wrote."""

from __future__ import annotations

from workshop_kit.exercises import open_answers
from workshop_kit.exercises.exercise_service import ExerciseService
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import file_cell
from workshop_kit.workspace.course import notebook_cells

LESSON = "01b_orders"


def run_cell(service: ExerciseService, cell: str) -> None:
    """Run a file cell of the lesson."""
    cells = {item["id"]: item["source"] for item in notebook_cells(CHECKOUT / "notebooks" / f"{LESSON}.ipynb")}
    line, _, body = cells[cell].partition("\n")
    file_cell.write(service.workspace, LESSON, line.removeprefix("%%file "), body)


def test_what_somebody_wrote_stays(engineless: ExerciseService) -> None:
    """The definitions of one cell are answered together, or not at all."""
    orders = engineless.workspace.my_service / "orders.py"
    run_cell(engineless, "write-orders")
    orders.write_text(orders.read_text().replace("    item: str\n", "    item: str = Field(max_length=9)\n"))
    run_cell(engineless, "write-read")

    sentences = open_answers.put_in(engineless.workspace, CHECKOUT)
    assert sentences == ["my_service/orders.py has the answer: SELECT_ONE, find"]
    assert "Field(max_length=9)" in orders.read_text()
