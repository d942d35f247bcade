"""A desk with one exercise, for the panel's tests: a program that must hear SIGTERM, tried in a real container."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from workshop_kit.engine import containers, images, reach
from workshop_kit.engine.spec import Spec
from workshop_kit.learn import ready
from workshop_kit.learn.exercise.panel import Panel
from workshop_kit.learn.exercise.registry import Exercise
from workshop_kit.learn.exercise.result import Finding, Result, Verdict
from workshop_kit.learn.workspace import CHECKOUT, Workspace
from workshop_kit.progress import Report, Step
from workshop_kit.show.shown import Shown
from workshop_kit.show.tables import table

EXERCISE = Exercise(
    id="container.graceful",
    title="Make it stop gracefully, and in time",
    lesson="01_container",
    weight="core",
    task="The worker takes the whole grace period to stop, and then it is killed: whatever it was doing is cut off.\n"
    "Make it end by itself within a second of SIGTERM, and say bye.",
    minutes=8,
    debrief_minutes=3,
    tracks=("half-day", "full"),
    guidelines=("factor 9", "Process Disposability"),
    hints=(
        "Compare the exit code with the one you would expect of a program that ended by itself.",
        "PID 1 ignores every signal for which it has installed no handler.",
        "Look at signal.signal in Python's documentation; the handler may call sys.exit.",
    ),
    file="worker.py",
)


@dataclass
class Desk:
    """Checks the worker of one workspace."""

    workspace: Workspace
    starter: str
    shown: int = 0
    passed: bool = False

    @property
    def file(self) -> Path:
        """What the participant edits."""
        return self.workspace.folder / "exercises" / EXERCISE.lesson / (EXERCISE.file or "")

    def check(self, report: Report) -> Result:
        """Start the worker in a container, stop it, and judge how it ended."""
        began = time.monotonic()
        text = self.file.read_text()
        session = ready.session_of(self.workspace, reach.connect())
        report(Step("Starting", 0.2, "a container with your worker"))
        command = ("python3", "-I", "-S", "-c", text)
        with containers.run(session, Spec(image=images.tags(CHECKOUT)["base"], command=command)) as running:
            running.wait_until(lambda: "working" in running.log_tail())
            report(Step("Stopping", 0.6, "docker stop, with 2 s of grace"))
            running.stop(2)
            code, output = running.inspect()["State"]["ExitCode"], running.log_tail()
        findings = (
            Finding(True, "docker run, then wait for its first line", "working", "working"),
            Finding(
                code == 0,
                "docker stop --timeout 2",
                f"exit code {code}",
                "exit code 0, within the time",
                "It was killed in the middle of its work." if code else "It ended by itself.",
                "What does PID 1 do with a signal that it has no handler for?",
            ),
        )
        self.passed = code == 0
        verdict = Verdict.PASSED if self.passed else Verdict.NOT_STARTED if text == self.starter else Verdict.WRONG
        summary = "It says bye and ends by itself." if self.passed else "It was killed after the whole grace period."
        return Result(EXERCISE.id, verdict, summary, findings, time.monotonic() - began, output)

    def hint(self) -> tuple[str, ...]:
        """One more of three."""
        self.shown = min(self.shown + 1, len(EXERCISE.hints))
        return EXERCISE.hints[: self.shown]

    def solution(self, *, anyway: bool) -> str | None:
        """The handler, once it passed."""
        return "signal.signal(signal.SIGTERM, lambda *_: sys.exit())" if anyway or self.passed else None

    def reset(self) -> str:
        """The starter again; the text is kept beside it."""
        kept = self.file.with_suffix(".mine.py")
        kept.write_text(self.file.read_text())
        self.file.write_text(self.starter)
        return f"{self.file.name} is as it was given; yours is kept as {kept.name}."

    def board(self) -> Shown:
        """One line."""
        return table(
            "Where you are", ("exercise", "min", "state"), [(EXERCISE.id, "8", "✓ passed" if self.passed else "– open")]
        )


def _panel() -> Panel:
    workspace = Workspace.open(Path(os.environ["WORKSHOP_WORKSPACE"]))
    desk = Desk(workspace, "")
    desk.starter = desk.file.read_text()
    return Panel(EXERCISE, desk)


panel = _panel()
