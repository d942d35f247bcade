"""The demo: it can be played, what does not hold is noticed, and its page says what the script says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workshop_kit.instructor.room_pages import Pages
from workshop_kit.errors import Exit
from workshop_kit.faults.injection import Journal
from workshop_kit.instructor.demo import PICTURES, Click, Expectation, as_page, load_script, rehearse


@pytest.mark.engine
@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_demo_can_be_played(root: Path, environment: dict[str, str]) -> None:
    """``./workshop tour --demo --json`` as it is typed: every step is seen, with its seconds."""
    command = [sys.executable, "-m", "workshop_kit.cli", "tour", "--demo", "--json", "--no-install"]
    said = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == Exit.GOOD, said.stdout + said.stderr
    results = json.loads(said.stdout)
    assert [result["id"] for result in results] == [step.id for step in load_script().steps]
    assert [result["problem"] for result in results] == [""] * len(results)
    assert all(result["seconds"] > 0 for result in results)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_expectation_that_does_not_hold_fails_its_step_alone(pages: Pages, tmp_path: Path) -> None:
    """The problem says the value found; the step's old picture stays, others are drawn."""
    script = load_script()
    first = script.steps[0].model_copy(update={"look_seconds": 0.0})
    never = Expectation(table="health", column="state", where={"what": "/livez"}, holds="is fail")
    quiet = first.model_copy(
        update={"number": 2, "id": "never", "clicks": (), "expectations": (never,), "within_seconds": 3.0}
    )
    gone = Click(action="fault", fault="pause", target="nobody")
    broken = first.model_copy(update={"number": 3, "id": "broken", "clicks": (gone,), "expectations": ()})
    (tmp_path / "02-never.svg").write_text("recorded")
    shortened = script.model_copy(update={"steps": (first, quiet, broken)})
    results = rehearse(shortened, pages.controller, pages.desk.play, pictures=tmp_path)
    assert [bool(result.problem) for result in results] == [False, True, True]
    assert "health /livez: state is fail (it is pass)" in results[1].problem
    assert "no container 'nobody'" in results[2].problem
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01-well.svg", "02-never.svg", "README.md"]
    assert (tmp_path / "02-never.svg").read_text() == "recorded"
    assert Journal(pages.controller.stack.session).entries() == []


def test_the_page_says_what_the_script_says() -> None:
    """docs/demo/README.md is what a rehearsal writes."""
    assert (PICTURES / "README.md").read_text() == as_page(load_script())
