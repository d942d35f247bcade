"""``w``, the notebook's handle: the first cell of a lesson calls ``w = lesson("00_start")``.

It loads what every lesson needs. A method imports the part of the kit that it alone is about: a kernel loads the rest
when it is called.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from workshop_kit import provision
from workshop_kit.display import diff_card
from workshop_kit.display.figure_text import describe_figures
from workshop_kit.display.live import LiveOutputs, NotebookReport
from workshop_kit.display.rendered import Rendered, escape_dataframes
from workshop_kit.engine import reach, reaper, recipes
from workshop_kit.engine.client import WorkspaceClient
from workshop_kit.engine.reach import Engine
from workshop_kit.engine.session import Session, is_dead
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage
from workshop_kit.faults import injection
from workshop_kit.faults.injection import InjectedFault
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import file_cell, repository
from workshop_kit.workspace.course import load_course
from workshop_kit.workspace.folder import Workspace, find_workspace
from workshop_kit.workspace.steps import FIRST

if TYPE_CHECKING:
    from workshop_kit.engine.monitoring import Monitoring
    from workshop_kit.exercises.exercise_service import ExerciseService
    from workshop_kit.exercises.panel import ExercisePanel
    from workshop_kit.lessons.predictions import Prediction
    from workshop_kit.lessons.tools import LogTools, Watch

NOTEBOOKS = CHECKOUT / "notebooks"
HEADLESS = "WORKSHOP_HEADLESS"
"""Set to 1 for a run without a browser: the tour, tests."""
SOLVED = "WORKSHOP_SOLVED"
"""Set to 1 where the solutions are in place: an exercise that does not pass is an error then."""


@dataclass(frozen=True)
class Lesson:
    """The handle of one lesson. Notebooks use its methods and properties; its fields serve the kit."""

    name: str
    workspace: Workspace
    stack: Stack
    headless: bool = False
    live_outputs: LiveOutputs = field(default_factory=LiveOutputs, repr=False)

    @property
    def engine(self) -> Engine:
        """The connected Docker engine."""
        return self.stack.session.engine

    @cached_property
    def client(self) -> WorkspaceClient:
        """The Docker SDK's client for this workspace. `engine.client` describes its six additions."""
        return WorkspaceClient(self.stack.session, NotebookReport)

    @cached_property
    def exercise_service(self) -> ExerciseService:
        """The exercises of this workspace, and what the participant did."""
        from workshop_kit.exercises.exercise_service import ExerciseService

        return ExerciseService.of(self.workspace, lambda: self.stack)

    @cached_property
    def folder(self) -> Path:
        """``my_service``, the folder of the participant's service; created if absent."""
        return self.workspace.service_folder()

    def leak_hunt(self, secret: str, container: Any) -> pd.DataFrame:
        """Return where a secret shows: a running container (the SDK's), its image, its log. See `tools.leak_hunt`."""
        from workshop_kit.lessons import tools

        return tools.leak_hunt(self.engine, secret, container)

    @property
    def logs(self) -> LogTools:
        """The log tools: ``tail``, ``explore``, ``bucket``, ``collected``."""
        from workshop_kit.lessons.tools import LogTools

        return LogTools(self.stack, self.live_outputs)

    def image(self, name: str) -> str:
        """Return the tag of one of the workshop's images: ``base``, ``app``, ``mariadb``, ``redis`` …

        Raises WrongUsage for another name.
        """
        tags = recipes.tags(self.stack.root)
        if name not in tags:
            raise WrongUsage(f"The workshop has no image {name!r}.", f"Choose from: {', '.join(tags)}.")
        return tags[name]

    def watch(self, container: Any) -> Watch:
        """Start to measure a container (the SDK's). A new watch ends the previous one."""
        from workshop_kit.lessons import tools

        return tools.start_watch(self.stack, self.live_outputs, container)

    def fault(self, name: str, service: str, **parameters: Any) -> AbstractContextManager[InjectedFault]:
        """Inject a fault into a service of the stack for a ``with`` block: ``with w.fault("latency", "redis"):``.

        `catalog.FAULTS` lists names and parameters. See `injection.fault`.
        """
        return injection.fault(name, self.stack, service, **parameters)

    def up(self, *services: str) -> None:
        """Start the stack (or the named services and their dependencies) and wait until it is healthy.

        What was paused goes on, and faults of killed kernels are reverted. See `Stack.up`.
        """
        injection.revert_all(self.stack.session, is_dead, NotebookReport())
        self.stack.up(*services, report=NotebookReport())

    def aws(self, reader: str = "") -> dict[str, Any]:
        """Start the AWS emulator unless it runs; return the arguments for ``boto3.client``.

        The credentials are the administrator's, or the ``reader``'s of one environment's parameters (``staging``).
        """
        from workshop_kit.engine import parameter_store

        store = parameter_store.start(self.stack, NotebookReport())
        store.find_key()  # creates the key with the alias alias/workshop
        if reader:
            store = store.reader(reader)
        return store.access.arguments()

    def monitoring(self) -> Monitoring:
        """Start the stack's monitoring unless it runs, and return it; its ``load`` gives Prometheus a file."""
        from workshop_kit.engine import monitoring

        return monitoring.start(self.stack, NotebookReport())

    def policy(self, mine: Mapping[str, str]) -> Rendered:
        """Return the participant's policy with the lesson's reference beside it, and store the participant's.

        ``mine`` maps each question to a sentence. The reference is shown once every question has one, or in a headless
        run. Raises WrongUsage for other questions than the lesson's.
        """
        from workshop_kit.lessons import policies

        reference = policies.load_reference(self.name, NOTEBOOKS)
        sentences = policies.answers(mine, reference)
        if self.headless:
            return policies.comparison_card(sentences, reference)

        is_finished = all(sentences.values())
        if not is_finished:
            return policies.unfinished_card(sentences)

        lines = [f"{question}: {sentence}" for question, sentence in sentences.items()]
        self.exercise_service.progress.keep_policy(self.name, lines)
        return policies.comparison_card(sentences, reference)

    def exercise(self, identifier: str) -> ExercisePanel:
        """Show an exercise with its buttons, and return it. Raises WrongUsage for an unknown id."""
        from workshop_kit.exercises.panel import ExercisePanel

        exercise = self.exercise_service.find(identifier)
        must_pass = os.environ.get(SOLVED) == "1"
        panel = ExercisePanel(exercise, self.exercise_service, self.headless, must_pass)
        self.live_outputs.replace(f"exercise {exercise.id}", panel.stop)
        panel.show()
        return panel

    def catch_up(self, before: str) -> None:
        """Bring the files that the cells before a place make, and say which: some of these cells were skipped.

        ``before`` is a heading of this notebook, the name of a lesson, or the id of an exercise. See
        `checkpoint.catch_up`.
        """
        from workshop_kit.exercises import checkpoint

        for sentence in checkpoint.catch_up(self.exercise_service, self.name, before):
            print(sentence)  # noqa: T201 - it is the cell's output

    def board(self) -> Rendered:
        """Return the state of all exercises, with a link to the next lesson."""
        from workshop_kit.exercises import cards

        names = load_course(CHECKOUT).names("full")
        next_lesson = next((name for name in names if name > self.name), "")
        return cards.board_with_link(self.exercise_service.board(self.name), next_lesson)

    def take_home(self, audit: object) -> Rendered:
        """Write workspace/take-home.md and return it: policies, predictions, passes, and the findings of an audit.

        ``my_service/`` becomes a project: see `project`.
        """
        from workshop_kit.lessons import take_home
        from workshop_kit.lessons.project import Project

        project = Project(self.workspace, CHECKOUT)
        for sentence in project.make():
            print(sentence)  # noqa: T201 - it is the cell's output
        return take_home.write(self.workspace, self.exercise_service, audit)

    def map(self, *lit: str) -> Rendered:
        """Return the map of the system with the nodes ``lit`` (ids) highlighted."""
        from workshop_kit.display.map import system_map

        return system_map(set(lit))

    def predict(self, name: str) -> Prediction:
        """Ask a prediction of the lessons before an experiment. The experiment calls its ``reveal``."""
        from workshop_kit.lessons.predictions import Prediction, find_question

        identifier, question = find_question(name, self.name, NOTEBOOKS)
        prediction = Prediction(identifier, question, self.exercise_service.progress, self.headless)
        return prediction.show()


def lesson(name: str) -> Lesson:
    """Return the handle of lesson ``name``, after the leftovers of dead kernels are removed.

    It starts a reaper, which removes this kernel's containers when the kernel ends, even by ``kill -9``. The kernel's
    environment names the workshop's images. From lesson 01b on, ``my_service/`` is a git repository. Raises NotReady
    outside a workspace and without an engine.
    """
    workspace = find_workspace(Path.cwd(), dict(os.environ))
    session = provision.session_of(workspace, reach.connect())
    stack = provision.stack_of(workspace, session)
    _remove_leftovers(session)

    os.environ.update(recipes.VARIABLES)
    headless = os.environ.get(HEADLESS) == "1"
    file_cell.register(workspace, name, diff_card.show)
    if name > FIRST:
        repository.begin(workspace)
    escape_dataframes()
    describe_figures()

    return Lesson(name, workspace, stack, headless, LiveOutputs(headless=headless))


def _remove_leftovers(session: Session) -> None:
    """Remove what dead kernels left, and start the reaper for what this one will leave."""
    if not session.engine.dialect.has_buildkit:
        os.environ.setdefault("DOCKER_BUILDKIT", "0")  # for `docker compose up --build`

    reaper.watch(session, provision.REVERT_FAULTS)
    provision.sweep(session, NotebookReport())
