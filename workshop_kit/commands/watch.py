"""``./workshop watch``: say what to do next, and check an exercise each time its file is saved."""

from __future__ import annotations

import contextlib
import queue
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from dataclasses import dataclass, field

from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import cards
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.exercises.registry import Exercise
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace.files import saves

KEYS = "h hint · s solution · q quit"


@dataclass
class Watch:
    """One sitting at the terminal. ``events`` holds sets of saved files, and keys."""

    exercise_service: ExerciseService
    events: queue.SimpleQueue[frozenset[str] | str] = field(default_factory=queue.SimpleQueue)
    current: Exercise | None = None
    _checking: threading.Thread | None = None
    _asked_for_solution: bool = False

    def run(self) -> None:
        """Answer saves and keys until ``q``; a check that still runs then is ended."""
        self.show_next()
        while (event := self.events.get()) != "q":
            try:
                if isinstance(event, frozenset):
                    self.saved(event)
                elif event == "h":
                    self.hint()
                elif event == "s":
                    self.solution()
            except WorkshopError as error:
                say(str(error))
        self._end_check()

    def show_next(self) -> None:
        """Say what to do next: the first exercise in a file that is not passed."""
        self.current = next(
            (one for one in self.exercise_service.exercises if one.file and not self._passed(one)), None
        )
        if self.current is None:
            say("Every exercise is passed.")
            return
        exercise = self.exercise_service.find(self.current.id)
        say(f"\nNext: {exercise.title} ({exercise.id})\n{exercise.task.strip()}")
        say(f"Edit {self.exercise_service.place(exercise.id)}, and save it: the check runs by itself. {KEYS}")

    def saved(self, names: frozenset[str]) -> None:
        """Check the first exercise of the saved files that is not passed; a running check ends first."""
        mine = [
            one for one in self.exercise_service.exercises if one.file and names & {part.path for part in one.parts}
        ]
        found = next((one for one in mine if not self._passed(one)), None)
        if found is None:
            return
        self._end_check()
        self.current, self._asked_for_solution = found, False
        self._checking = threading.Thread(target=self._check, args=(found.id,), name=f"check {found.id}")
        self._checking.start()

    def hint(self) -> None:
        """Show one more hint of the current exercise."""
        if self.current is not None:
            hints = self.exercise_service.hint(self.current.id)
            answer(f"{len(hints)}. {hints[-1]}")

    def solution(self) -> None:
        """Show the solution of the current exercise; before it is passed, only when asked for twice."""
        if self.current is None:
            return
        text = self.exercise_service.solution(self.current.id, anyway=self._asked_for_solution)
        self._asked_for_solution = text is None
        answer(text.rstrip() if text else f"{self.current.id} is not passed yet. Press s again to see it all the same.")

    def _check(self, identifier: str) -> None:
        try:
            with TerminalReport() as report:
                result = self.exercise_service.check(identifier, report)
        except Superseded:
            return
        except WorkshopError as error:
            say(str(error))
            return
        answer(cards.as_text(result, () if result.passed else self.exercise_service.hints_shown(identifier)))
        if result.passed:
            self.show_next()
        else:
            say(KEYS)

    def _end_check(self) -> None:
        while self._checking is not None and self._checking.is_alive():
            self.exercise_service.stop_checks()  # again and again: it may just have begun
            self._checking.join(0.1)

    def _passed(self, exercise: Exercise) -> bool:
        return self.exercise_service.progress.exercise(exercise.id).passed_at is not None


def run(exercise_service: ExerciseService) -> None:
    """Watch the participant's files and the keyboard until ``q``."""
    watch, stop, workspace = Watch(exercise_service), threading.Event(), exercise_service.workspace

    def hear_saves() -> None:
        import workshop_kit.exercises.checks  # noqa: F401 - so that the first check need not wait for it

        for names in saves(workspace.folder, workspace.my_service, workspace.exercises, stop=stop):
            watch.events.put(names)

    def hear_keys() -> None:
        while character := sys.stdin.read(1):
            watch.events.put(character)
        watch.events.put("q")

    for hear in (hear_saves, hear_keys):
        threading.Thread(target=hear, daemon=True).start()
    try:
        with _single_keys():
            watch.run()
    finally:
        stop.set()
        exercise_service.stop_checks()


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    """Hand over each key at once, not line by line, where there is a keyboard."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
