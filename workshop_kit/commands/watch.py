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

from workshop_kit.commands.options import Seed
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises import cards
from workshop_kit.exercises.exercise_service import ExerciseService, Superseded
from workshop_kit.files import saves
from workshop_kit.terminal import TerminalReport, answer, say, say_error
from workshop_kit.trials.result import Verdict
from workshop_kit.workspace.exercise_list import Exercise
from workshop_kit.workspace.folder import own_workspace

KEYS = "h hint · s solution · q quit"


@dataclass
class CheckOnSave:
    """The loop of the command.

    ``events`` has the sets of files that were saved, the keys that were pressed, and an error that ends the loop.
    """

    service: ExerciseService
    events: queue.SimpleQueue[frozenset[str] | str | WorkshopError] = field(default_factory=queue.SimpleQueue)
    current: Exercise | None = None
    _checking: threading.Thread | None = None
    _solution_requested: bool = False

    def run(self) -> None:
        """Handle saves and keys until ``q``, which ends a running check. Raises an error among the events."""
        self.show_next()
        while True:
            event = self.events.get()
            if event == "q":
                break
            if isinstance(event, WorkshopError):
                self._end_check()
                raise event

            try:
                self._handle_event(event)
            except WorkshopError as error:
                say_error(error)
        self._end_check()

    def _handle_event(self, event: frozenset[str] | str) -> None:
        """Check the saved files, or do what a key asks for; other keys do nothing."""
        if isinstance(event, frozenset):
            self.check_saved(event)
        elif event == "h":
            self.hint()
        elif event == "s":
            self.solution()

    def show_next(self) -> None:
        """Show the next exercise to solve in a file, and make it the current one."""
        self.current = next(filter(self._is_unsolved, self.service.exercises), None)
        if self.current is None:
            say("No exercise is left to check.")
            return

        exercise = self.service.find(self.current.id)
        say(f"\nNext: {exercise.title} ({exercise.id})\n{exercise.task.strip()}")
        say(f"Edit {self.service.place(exercise.id)}, and save it: the check runs by itself. {KEYS}")

    def check_saved(self, names: frozenset[str]) -> None:
        """Check the first exercise of the saved files that is not passed, in place of a running check."""
        exercise = self._first_saved(names)
        if exercise is None:
            return

        self._end_check()
        self.current = exercise
        self._solution_requested = False

        self._checking = threading.Thread(target=self._check, args=(exercise.id,), name=f"check {exercise.id}")
        self._checking.start()

    def _first_saved(self, names: frozenset[str]) -> Exercise | None:
        """Return the first exercise that is in one of these files and not passed."""
        for exercise in self.service.exercises:
            if not exercise.file:
                continue

            paths = set(self.service.exercise_files(exercise).solution)
            if names.isdisjoint(paths):
                continue
            if not self.service.progress.exercise(exercise.id).passed_at:
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
        if text:
            answer(text.rstrip())
        else:
            answer(f"{self.current.id} is not passed yet. Press s again to see it all the same.")

    def _check(self, identifier: str) -> None:
        """Check an exercise and print the result; print nothing if a newer check has ended this one."""
        try:
            with TerminalReport() as report:
                result = self.service.check(identifier, report)
        except Superseded:
            return
        except WorkshopError as error:
            say_error(error)
            return

        hints = () if result.passed else self.service.hints_shown(identifier)
        answer(cards.as_text(result, hints))
        if result.verdict in {Verdict.PASSED, Verdict.CANNOT_JUDGE}:
            self.show_next()
        else:
            say(KEYS)

    def _end_check(self) -> None:
        """Stop the running check, if there is one, and wait for its end."""
        while self._checking is not None and self._checking.is_alive():
            self.service.stop_checks()  # repeatedly: the check may just have begun
            self._checking.join(0.1)

    def _is_unsolved(self, exercise: Exercise) -> bool:
        """Return whether an exercise is in a file and not passed, and can be judged on this machine at this time."""
        if not exercise.file:
            return False
        record = self.service.progress.exercise(exercise.id)
        if record.passed_at or record.verdict == Verdict.CANNOT_JUDGE:
            return False
        return not self.service.is_too_late(exercise)


def watch(seed: Seed = None) -> None:
    """Check an exercise whenever its file is saved."""
    service = ExerciseService.on_demand(own_workspace(seed=seed))
    checks = CheckOnSave(service)
    stop = threading.Event()
    workspace = service.workspace

    def read_saves() -> None:
        try:
            for names in saves(workspace.folder, workspace.my_service, workspace.exercises, stop=stop):
                checks.events.put(names)
        except OSError as error:  # Linux watches so many files and no more
            sentence = f"Files that you save in {workspace.folder} are not seen: {error}."
            checks.events.put(WorkshopError(sentence, "Set WATCHFILES_FORCE_POLLING=true, then run the same again."))

    def read_keys() -> None:
        while True:
            character = sys.stdin.read(1)
            if not character:  # stdin is closed
                break
            checks.events.put(character)
        checks.events.put("q")

    threading.Thread(target=read_saves, daemon=True).start()
    threading.Thread(target=read_keys, daemon=True).start()

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
