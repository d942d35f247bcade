"""The handle a notebook holds: `lesson("00_start")` in its first cell gives it all a lesson needs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from workshop_kit.audit.notebook import Audit, audit
from workshop_kit.display import dataframes
from workshop_kit.display.live import Screens
from workshop_kit.display.map import system_map
from workshop_kit.display.notebook_progress import NotebookReport
from workshop_kit.display.rendered import Shown
from workshop_kit.engine import containers, images, monitoring, reach, reaper, store
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.containers import Running
from workshop_kit.engine.monitoring import Monitoring
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.exercises.board_widget import BoardView
from workshop_kit.exercises.exercise_service import Actions, Desk
from workshop_kit.exercises.panel import Panel as ExercisePanel
from workshop_kit.exercises.progress import Progress
from workshop_kit.exercises.task import Task
from workshop_kit.faults import injection
from workshop_kit.faults.injection import Disturbance
from workshop_kit.lessons import authorship, leak_hunt, questions, take_home
from workshop_kit.lessons.log_tools import LogTools
from workshop_kit.lessons.policies import compare
from workshop_kit.lessons.predictions import Prediction, predict
from workshop_kit.lessons.settings_form import SettingsForm
from workshop_kit.lessons.watch import Watch, watch
from workshop_kit.workspace import content, file_cell, provision, service_files
from workshop_kit.workspace.course import MY_SERVICE
from workshop_kit.workspace.folder import Workspace, find_workspace

HEADLESS = "WORKSHOP_HEADLESS"
"""Set to 1 where nobody sits in front of the notebook: the tour, tests."""
SOLVED = "WORKSHOP_SOLVED"
"""Set to 1 where the solutions are in place: an exercise that does not pass is an error then."""


@dataclass(frozen=True)
class Lesson:
    """One lesson as its notebook uses it."""

    name: str
    workspace: Workspace
    progress: Progress
    stack: Stack
    desk: Desk = field(repr=False)
    headless: bool = False
    screens: Screens = field(default_factory=Screens, repr=False)

    @property
    def engine(self) -> Engine:
        """The engine that everything here runs on."""
        return self.stack.session.engine

    @cached_property
    def client(self) -> WorkspaceClient:
        """The Docker SDK's client for this workspace. See `engine.client` for its four habits."""
        return WorkspaceClient(self.stack.session, NotebookReport)

    @cached_property
    def folder(self) -> Path:
        """``my_service``, the folder of the participant's own service; made if absent."""
        return self.workspace.service_folder()

    def colleague_files(self) -> pd.DataFrame:
        """Bring this lesson's files of the colleague into ``my_service``; return ``file``, ``lines``, ``what it is``.

        Files that came before stay as they are. What stood in a new file's place goes to ``kept/``.
        """
        files = service_files.colleague_files(self.desk.root, self.name)
        content.bring_in(self.workspace, {f"{MY_SERVICE}/{name}": text for name, text in files.items()})
        rows = [(name, len(text.splitlines()), service_files.first_sentence(text)) for name, text in files.items()]
        return pd.DataFrame(rows, columns=["file", "lines", "what it is"]).set_index("file")

    def leak_hunt(self, secret: str, container: Any) -> pd.DataFrame:
        """Return where a secret shows: in a running container (the SDK's), its image, its log. See `leak_hunt.hunt`."""
        return leak_hunt.hunt(self.engine, secret, container)

    @property
    def logs(self) -> LogTools:
        """What this lesson does with logs: ``tail``, ``explore``, ``collected``, ``jq``."""
        return LogTools(self.stack, self.screens, self.workspace.folder / ".workshop" / "logs")

    def image(self, name: str) -> str:
        """Return the tag of one of the workshop's images: ``base``, ``app``, ``mariadb``, ``redis`` …"""
        return images.tags(self.stack.root)[name]

    def watch(self, *what: Any) -> Watch:
        """Watch services of the stack by name, or containers (the SDK's): ``w.watch("service", container)``.

        It begins at once; without any, the stack's service. A new one ends the one before. See `Watch`.
        """
        return watch(self.stack, self.screens, *what)

    def fault(self, name: str, service: str, **parameters: Any) -> AbstractContextManager[Disturbance]:
        """Put a fault on a service of the stack in force for a block: ``with w.fault("latency", "redis"):``.

        ``name`` and ``parameters`` are those of `catalog.FAULTS`. See `faults.fault`.
        """
        return injection.fault(name, self.stack, service, **parameters)

    def up(self, *services: str) -> None:
        """Bring the stack up (or the services named, with what they need) and wait until it is healthy."""
        self.stack.up(*services, report=NotebookReport())

    def aws(self, reader: str = "") -> dict[str, Any]:
        """Start the emulator of AWS, unless it runs; return the arguments of ``boto3.client`` that reach it.

        As its administrator, or as the ``reader`` of one environment's parameters (``staging``).
        """
        known = store.start(self.stack, NotebookReport())
        known.find_key()  # creates the key with the alias alias/workshop
        return (known.reader(reader) if reader else known).access.arguments()

    def monitoring(self) -> Monitoring:
        """Start the stack's monitoring, unless it runs, and return it: ``load`` gives its Prometheus a file."""
        return monitoring.start(self.stack, NotebookReport())

    def policy(self, mine: Mapping[str, str], reference: Mapping[str, str]) -> Shown:
        """Return the participant's policy beside a reference, once it is written. See `policies.compare`."""
        return compare(self.name, mine, reference, progress=self.progress, headless=self.headless)

    def exercise(self, identifier: str) -> Task:
        """Show an exercise with its buttons, and return it. Raises WrongUsage for an unknown id."""
        exercise = self.desk.find(identifier)
        done = self.progress.exercise(exercise.id)
        panel = ExercisePanel(
            exercise,
            Actions(self.desk, exercise.id),
            self.headless,
            hints=self.desk.hints_shown(exercise.id),
            passed=done.passed_at is not None,
        )
        self.screens.replace(f"exercise {exercise.id}", panel)
        task = Task(exercise, self.desk, panel, must_pass=os.environ.get(SOLVED) == "1")
        task.show()
        return task

    def board(self) -> None:
        """Show how all exercises stand, with the way to the next lesson and to the start of any."""
        BoardView(self.desk, self.stack, self.name, self.headless, leave=self.screens.stop).show()

    def settings_form(self, image: Any, settings: Mapping[str, Any]) -> None:
        """Show a form that starts an image (the SDK's) with what is typed, and how it refuses. See `SettingsForm`."""
        network = f"{self.stack.project}_default"

        def start(environment: Mapping[str, str], port: int) -> Running:
            spec = Spec(image=image.id, environment=environment, ports=(port,), network=network)
            return containers.run(self.stack.session, spec)

        told = {name: str(value) for name, value in settings.items()}
        SettingsForm(start, told, headless=self.headless).show()

    def audit(self, target: Any, *, only: str | Sequence[str] = (), backing: str | None = None) -> Audit:
        """Ask an image or a container (by name, or in your hands) what ``./workshop audit`` asks. See `audit.audit`.

        Of an image of ``my_service/`` the report says what of it you have not passed.
        """
        found = audit(target, only=only, backing=backing, session=self.stack.session)
        return Audit(authorship.mark(found.report, self.engine, self.desk))

    def take_home(self, found: Audit) -> Shown:
        """Write workspace/take-home.md and return it: your policies, your predictions, and what an audit found.

        The first time, ``my_service/`` gets its README.md; one that stood there before goes to ``kept/``.
        """
        self.colleague_files()
        return take_home.write(self.workspace, self.progress, found.report)

    def map(self, *lit: str) -> Shown:
        """Return the map of the whole system with ``lit`` (node ids) as today's protagonists."""
        return system_map(set(lit))

    def predict(self, name: str) -> Prediction:
        """Ask one of this lesson's predictions (see `questions`) before an experiment. See `predictions.predict`."""
        question = questions.find(name, self.name, self.desk.root / "notebooks")
        return predict(f"{self.name}.{name}", question, progress=self.progress, headless=self.headless)


def lesson(name: str) -> Lesson:
    """Return the handle of lesson ``name``, with what earlier kernels left behind swept away.

    From here on a reaper stands beside this kernel: what it makes for itself goes when it ends, even by ``kill -9``.
    Raises NotReady outside a workspace and without an engine.
    """
    workspace = find_workspace(Path.cwd(), dict(os.environ))
    stack = provision.stack_of(workspace, provision.session_of(workspace, reach.connect()))
    reaper.watch(stack.session, provision.UNDO_FAULTS)
    provision.sweep(stack.session)
    file_cell.register(workspace)
    dataframes.show_as_text()
    headless = os.environ.get(HEADLESS) == "1"
    desk = Desk.of(workspace, lambda: stack)
    return Lesson(name, workspace, desk.progress, stack, desk, headless, Screens(headless=headless))
