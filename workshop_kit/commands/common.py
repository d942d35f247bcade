"""The stack and the exercises that several commands work on."""

from __future__ import annotations

import atexit
import functools
from functools import partial
from typing import TYPE_CHECKING

from docker.errors import DockerException
from requests.exceptions import RequestException

from workshop_kit import provision
from workshop_kit.engine import pauses, reach, reaper
from workshop_kit.engine.pauses import PausedContainer
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.workspace.folder import Workspace

if TYPE_CHECKING:
    from workshop_kit.exercises.exercise_service import ExerciseService

ENGINE_SECONDS = 5
"""How long a command that can do without an engine waits for one."""


def connected_stack(workspace: Workspace) -> Stack:
    """Return the workspace's stack on the engine that answers. Raises NotReady if none does.

    What the command made for itself is removed when it ends; if it is killed, the reaper does that.
    """
    session = provision.session_of(workspace, reach.connect())
    reaper.watch(session, provision.REVERT_FAULTS)
    atexit.register(reaper.finish, session)

    return provision.stack_of(workspace, session)


def paused_containers(workspace: Workspace) -> list[PausedContainer]:
    """Return the paused containers of a workspace; none without an engine that answers."""
    try:
        engine = reach.connect(timeout_seconds=ENGINE_SECONDS)
        return pauses.find(provision.session_of(workspace, engine))
    except (WorkshopError, DockerException, RequestException):
        return []


def exercise_service(workspace: Workspace, copy: Workspace | None = None) -> ExerciseService:
    """Return the workspace's exercises, or those of a ``copy`` of another one, which its stack will check.

    They connect to the engine when a check needs it.
    """
    from workshop_kit.exercises.exercise_service import ExerciseService  # lazily: checks bring pandas

    return ExerciseService.of(copy or workspace, functools.cache(partial(connected_stack, workspace)))
