"""The store as the checks of lesson 02 need it: running, with every environment's settings, and a reader for each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pydantic import SecretStr

from workshop_kit.engine import store as stores
from workshop_kit.engine.stack import Stack
from workshop_kit.engine.store import Settings, Store
from workshop_kit.engine.tasks import environments, run
from workshop_kit.engine.tasks.definition import TaskDefinition
from workshop_kit.engine.tasks.run import Delivery
from workshop_kit.exercises import trial
from workshop_kit.exercises.checks import config_fragment
from workshop_kit.exercises.trial import Trial
from workshop_kit.progress import Report, Step


def filled(stack: Stack, settings: Mapping[str, Settings], report: Report) -> Store:
    """Return the stack's store, started if need be, with these settings in it."""
    running = stack.containers().get(stores.SERVICE)
    if running is None or running.status != "running":
        report(Step("Check", None, "the check needs the parameter store: bringing it up"))
        store = stores.start(stack, report)
    else:
        store = stores.connect(stack)
    stores.seed(store, settings)
    return store


def shared(settings: Settings) -> dict[str, str]:
    """Return the variables that all environments have alike, and that are no secret."""
    pairs = {environments.variable(name): value for name, value in settings.items() if isinstance(value, str)}
    return {name: value for name, value in pairs.items() if name not in config_fragment.OWN}


@contextmanager
def running(
    stack: Stack, task: TaskDefinition, reader: Store, secrets: Settings, *, delivery: Delivery = "environment"
) -> Iterator[Trial]:
    """Run a task as a trial, read from the store by ``reader``. Raises WorkshopError, as the runner does."""
    network = f"{stack.project}_default"
    hidden = tuple(value.get_secret_value() for value in secrets.values() if isinstance(value, SecretStr))
    with run.run(stack.session, task, reader, network=network, delivery=delivery) as started:
        (service,), (first,) = task.containers, started.values()
        yield Trial(first, time.monotonic() + trial.DEADLINE_SECONDS, hidden, service.ports[0])
