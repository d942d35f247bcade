"""The handle a notebook holds: `lesson("00_start")` in its first cell gives it all a lesson needs."""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from docker.errors import APIError

from workshop_kit.audit.notebook import Audit, audit
from workshop_kit.engine import containers, images, making, monitoring, reach, reaper, store
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import SERVICE
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.spec import Spec, like
from workshop_kit.engine.stack import Stack
from workshop_kit.engine.store import Store
from workshop_kit.engine.tasks.definition import TaskDefinition
from workshop_kit.engine.tasks.resolve import Delivery
from workshop_kit.engine.tasks.run import Task as RunningTask
from workshop_kit.engine.tasks.run import run as run_task
from workshop_kit.errors import WorkshopError
from workshop_kit.learn import authorship, content, file_cell, leak_hunt, questions, ready, take_home
from workshop_kit.learn.exercise import service_files
from workshop_kit.learn.exercise.board_widget import BoardView
from workshop_kit.learn.exercise.course import MY_SERVICE
from workshop_kit.learn.exercise.desk import Actions, Desk
from workshop_kit.learn.exercise.panel import Panel as ExercisePanel
from workshop_kit.learn.exercise.task import Task
from workshop_kit.learn.log_tools import LogTools
from workshop_kit.learn.metric_tools import MetricTools
from workshop_kit.learn.policies import compare
from workshop_kit.learn.predictions import Prediction, predict
from workshop_kit.learn.progress import Progress
from workshop_kit.learn.settings_form import SettingsForm
from workshop_kit.learn.watching import Watch, watch
from workshop_kit.learn.workspace import Workspace, find_workspace
from workshop_kit.progress import Step
from workshop_kit.screen import in_lines
from workshop_kit.show import dataframes
from workshop_kit.show.live import LiveChart, Screens
from workshop_kit.show.live_data import Panel
from workshop_kit.show.map import system_map
from workshop_kit.show.shown import Shown
from workshop_kit.show.working import NotebookReport

Made = TypeVar("Made", Running, RunningTask)

HEADLESS = "WORKSHOP_HEADLESS"
"""Set to 1 where nobody sits in front of the notebook: the tour, tests."""
SOLVED = "WORKSHOP_SOLVED"
"""Set to 1 where the solutions are in place: an exercise that does not pass is an error then."""
REMOVED_AT_ONCE = 4
"""How many containers `Lesson.tidy` removes at a time."""
BEFORE_SWEEPS = ("workshop_kit.disturb.faults:undo_all",)
"""What the reaper calls first: a dead kernel's faults are healed while its proxies still stand."""


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
    _built: dict[str, str] = field(default_factory=dict, repr=False)
    _made: dict[str, Running | RunningTask] = field(default_factory=dict, repr=False)

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

    def live(
        self,
        title: str,
        source: Callable[[], pd.DataFrame],
        panels: Sequence[Panel],
        *,
        seconds: float = 60,
        stop_after_seconds: float = 120,
    ) -> LiveChart:
        """Show a live chart below the cell, in place of the one shown before under this title. See `LiveChart`."""
        chart = LiveChart(source, panels, title, seconds=seconds, stop_after_seconds=stop_after_seconds)
        return chart.show(self.screens)

    def watch(self, *what: str | Running, **named: Running) -> Watch:
        """Watch services of the stack, or containers that this notebook runs: ``w.watch("service", mine)``.

        It begins at once; without anything named, the service. A new one ends the one before. See `Watch`.
        """
        return watch(self.stack, self.screens, *what, **named)

    def docker(self, *words: str) -> None:
        """Run a docker command as one would at the terminal; print it and what it answers, fit to be shown."""
        said = subprocess.run(["docker", *words], capture_output=True, check=False)
        answer = in_lines((said.stdout + said.stderr).decode(errors="replace"))
        print(f"$ {shlex.join(['docker', *words])}\n{answer}")  # noqa: T201 - it is a cell's output

    def tidy(self) -> None:
        """Remove the containers that this notebook made for itself; the stack stays up."""
        self.screens.stop()
        made = [self._made.popitem()[1] for _ in list(self._made)]
        with ThreadPoolExecutor(REMOVED_AT_ONCE) as pool:  # a task is stopped first, which takes it a second or two
            for removal in [pool.submit(one.remove) for one in made]:
                removal.result()

    def up(self, *services: str) -> None:
        """Bring the stack up (or the services named, with what they need) and wait until it is healthy."""
        self.stack.up(*services, report=NotebookReport())

    def lay_over(self, name: str, modules: Mapping[str, str]) -> Running:
        """Run the service once more with ``modules`` (path to text) in place of its own.

        A cell that is run again replaces the container that it started before under the same ``name``.
        """
        self._require_service()
        return self._replace(name, lambda: self.stack.lay_over(modules))

    def run(self, name: str, spec: Spec) -> Running:
        """Run a container of this kernel's own; run again, it replaces the one before under the same ``name``.

        That is also the service's name by which its logs are collected.
        """
        named = replace(spec, labels={**spec.labels, SERVICE: name})
        return self._replace(name, lambda: containers.run(self.stack.session, named))

    def build(self, name: str, files: Mapping[str, str]) -> str:
        """Build an image of this kernel's own from ``files`` (path to text, a Dockerfile among them); return its tag.

        Run again, it replaces the image that it built before under the same ``name``.
        """
        if name in self._built:
            with contextlib.suppress(APIError):  # a container may still be made from it: the sweep gets it
                self.engine.client.images.remove(self._built.pop(name))
        tag = f"container-workshop/{name}:{self.workspace.id}-{secrets.token_hex(4)}"
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                target = Path(folder, path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
            report = NotebookReport()
            making.image(self.stack.session, Path(folder), tag, on_line=lambda line: report(Step(name, None, line)))
            report(Step(name, 1.0, "built", done=True))
        self._built[name] = tag
        return tag

    def parameter_store(self) -> Store:
        """Start the stack's parameter store, unless it runs, and return it as its administrator sees it."""
        return store.start(self.stack, NotebookReport())

    def aws(self, reader: str = "") -> dict[str, Any]:
        """Start the emulator of AWS, unless it runs; return the arguments of ``boto3.client`` that reach it.

        As its administrator, or as the ``reader`` of one environment's parameters (``staging``).
        """
        known = store.start(self.stack, NotebookReport())
        _ = known.key_arn  # the key with the alias alias/workshop is made at first use
        return (known.reader(reader) if reader else known).access.arguments()

    def monitoring(self) -> MetricTools:
        """Start the stack's monitoring, unless it runs, and return what a lesson does with metrics."""
        return MetricTools(monitoring.start(self.stack, NotebookReport()))

    def task(
        self, name: str, definition: TaskDefinition, parameters: Store, *, delivery: Delivery = "environment"
    ) -> RunningTask:
        """Run a task on the stack's network; run again, it replaces the one before under the same ``name``.

        See `engine.tasks.run.run`.
        """
        network = f"{self.stack.project}_default"
        session = self.stack.session
        return self._replace(
            name, lambda: run_task(session, definition, parameters, network=network, delivery=delivery)
        )

    def service_spec(self, modules: Mapping[str, str] | None = None, **changes: Any) -> Spec:
        """Return what the stack's service was started from, with ``changes`` (see `engine.spec.Spec`).

        ``modules`` (path to text) take the place of the service's own, as with `lay_over`.
        """
        self._require_service()
        laid = containers.laid_over(modules) if modules else {}
        return like(self.stack.container("service"), **laid, **changes)

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

    def my_modules(self, *lessons: str) -> Mapping[str, str]:
        """Return modules of the service for `lay_over`: yours where you passed, else the reference.

        Those of this lesson, or of the ``lessons`` named; ``all`` names every lesson.
        """
        return self._modules(self.desk.modules, lessons)

    def starters(self, *lessons: str) -> Mapping[str, str]:
        """Return the same modules as they are before anybody has done an exercise."""
        return self._modules(self.desk.starters, lessons)

    def audit(self, target: Any, *, only: str | Sequence[str] = (), backing: str | None = None) -> Audit:
        """Ask an image or a container (by name, or in your hands) what ``./workshop audit`` asks. See `audit.audit`.

        Of an image of ``my_service/`` the report says what of it you have not passed.
        """
        found = audit(target, only=only, backing=backing, session=self.stack.session)
        return Audit(authorship.mark(found.report, self.engine, self.desk))

    def take_home(self, found: Audit) -> Shown:
        """Write workspace/take-home.md and return it: your policies, your predictions, and what an audit found."""
        return take_home.write(self.workspace, self.progress, found.report)

    def map(self, *lit: str) -> Shown:
        """Return the map of the whole system with ``lit`` (node ids) as today's protagonists."""
        return system_map(set(lit))

    def predict(self, name: str) -> Prediction:
        """Ask one of this lesson's predictions (see `questions`) before an experiment. See `predictions.predict`."""
        question = questions.find(name, self.name, self.desk.root / "notebooks")
        return predict(f"{self.name}.{name}", question, progress=self.progress, headless=self.headless)

    def _require_service(self) -> None:
        """Raise WorkshopError where the stack's service does not run: a copy of it would look for its database."""
        status = self.stack.container("service").status
        if status != "running":
            raise WorkshopError(
                f"The stack does not run: its service is {status}.", "Run the set-up cell (the first one) again."
            )

    def _modules(self, of: Callable[[str], Mapping[str, str]], lessons: Sequence[str]) -> Mapping[str, str]:
        named = {one.lesson for one in self.desk.exercises} if "all" in lessons else lessons or (self.name,)
        return {path: text for lesson in sorted(named) for path, text in of(lesson).items()}

    def _replace(self, name: str, make: Callable[[], Made]) -> Made:
        if name in self._made:
            self._made.pop(name).remove()
        made = make()
        self._made[name] = made
        return made


def lesson(name: str) -> Lesson:
    """Return the handle of lesson ``name``, with what earlier kernels left behind swept away.

    From here on a reaper stands beside this kernel: what it makes for itself goes when it ends, even by ``kill -9``.
    Raises NotReady outside a workspace and without an engine.
    """
    workspace = find_workspace(Path.cwd(), dict(os.environ))
    stack = ready.stack_of(workspace, ready.session_of(workspace, reach.connect()))
    reaper.watch(stack.session, BEFORE_SWEEPS)
    ready.sweep(stack.session)
    file_cell.register(workspace)
    dataframes.show_as_text()
    headless = os.environ.get(HEADLESS) == "1"
    desk = Desk.of(workspace, lambda: stack)
    return Lesson(name, workspace, desk.progress, stack, desk, headless, Screens(headless=headless))
