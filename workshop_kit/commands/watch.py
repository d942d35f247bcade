"""``./workshop watch``: show the next exercise, and check an exercise each time its file is saved."""

from __future__ import annotations

import contextlib
import queue
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field

from workshop_kit.commands.common import exercise_service
from workshop_kit.commands.options import Seed
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import cards
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.files import saves
from workshop_kit.terminal import TerminalReport, answer, say, say_error
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace.folder import own_workspace
from workshop_kit.workspace.registry import Exercise

KEYS = "h hint · s solution · q quit"


@dataclass
class CheckOnSave:
    """A watch at the terminal. ``events`` holds sets of saved files, and keys."""

    service: ExerciseService
    events: queue.SimpleQueue[frozenset[str] | str] = field(default_factory=queue.SimpleQueue)
    current: Exercise | None = None
    _checking: threading.Thread | None = None
    _solution_requested: bool = False

    def run(self) -> None:
        """Handle saves and keys until ``q``, which ends a running check."""
        self.show_next()
        while (event := self.events.get()) != "q":
            try:
                if isinstance(event, frozenset):
                    self.check_saved(event)
                elif event == "h":
                    self.hint()
                elif event == "s":
                    self.solution()
            except WorkshopError as error:
                say_error(error)
        self._end_check()

    def show_next(self) -> None:
        """Show the first exercise in a file that is not passed."""
        self.current = next(filter(self._is_left, self.service.exercises), None)
        if self.current is None:
            say("No exercise is left to check.")
            return
        exercise = self.service.find(self.current.id)
        say(f"\nNext: {exercise.title} ({exercise.id})\n{exercise.task.strip()}")
        say(f"Edit {self.service.place(exercise.id)}, and save it: the check runs by itself. {KEYS}")

    def check_saved(self, names: frozenset[str]) -> None:
        """Check the first exercise of the saved files that is not passed, after ending a running check."""
        exercise = self._first_saved(names)
        if exercise is None:
            return

        self._end_check()
        self.current = exercise
        self._solution_requested = False
        self._checking = threading.Thread(target=self._check, args=(exercise.id,), name=f"check {exercise.id}")
        self._checking.start()

    def _first_saved(self, names: frozenset[str]) -> Exercise | None:
        for exercise in self.service.exercises:
            if not exercise.file:
                continue
            paths = {part.path for part in exercise.parts}
            if names & paths and not self.service.progress.exercise(exercise.id).passed_at:
                return exercise
        return None

    def hint(self) -> None:
        """Show one more hint of the current exercise."""
        if self.current is not None:
            hints = self.service.hint(self.current.id)
            answer(f"{len(hints)}. {hints[-1]}")

    def solution(self) -> None:
        """Show the solution of the current exercise; before it is passed, at the second request only."""
        if self.current is None:
            return

        text = self.service.solution(self.current.id, anyway=self._solution_requested)
        self._solution_requested = text is None
        answer(text.rstrip() if text else f"{self.current.id} is not passed yet. Press s again to see it all the same.")

    def _check(self, identifier: str) -> None:
        try:
            with TerminalReport() as report:
                result = self.service.check(identifier, report)
        except Superseded:
            return
        except WorkshopError as error:
            say_error(error)
            return

        answer(cards.as_text(result, () if result.passed else self.service.hints_shown(identifier)))
        if result.verdict in {Verdict.PASSED, Verdict.CANNOT_JUDGE}:
            self.show_next()
        else:
            say(KEYS)

    def _end_check(self) -> None:
        while self._checking is not None and self._checking.is_alive():
            self.service.stop_checks()  # repeatedly: the check may just have begun
            self._checking.join(0.1)

    def _is_left(self, exercise: Exercise) -> bool:
        """Return whether an exercise in a file is not passed, and can be judged here and now."""
        record = self.service.progress.exercise(exercise.id)
        is_open = exercise.file and not record.passed_at and record.verdict != Verdict.CANNOT_JUDGE
        return bool(is_open) and not self.service.is_too_late(exercise)


def watch(seed: Seed = None) -> None:
    """Check an exercise whenever its file is saved."""
    service = exercise_service(own_workspace(seed=seed))
    checks = CheckOnSave(service)
    stop = threading.Event()
    workspace = service.workspace

    def read_saves() -> None:
        import workshop_kit.checks  # noqa: F401 - loads before the first check

        for names in saves(workspace.folder, workspace.my_service, workspace.exercises, stop=stop):
            checks.events.put(names)

    def read_keys() -> None:
        while character := sys.stdin.read(1):
            checks.events.put(character)
        checks.events.put("q")

    for read in (read_saves, read_keys):
        threading.Thread(target=read, daemon=True).start()

    try:
        with _single_keys():
            checks.run()
    finally:
        stop.set()
        service.stop_checks()


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    """Read single keys instead of lines, if stdin is a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    former_settings = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, former_settings)
