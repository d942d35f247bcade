"""The check of config.environments: start each environment as a user who may read its settings and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from workshop_kit.checks import config_tasks
from workshop_kit.checks.config_tasks import DESK, LONGEST_REASON, TaskDefinition
from workshop_kit.engine import parameter_store
from workshop_kit.engine.parameter_store import Settings, Store
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import check
from workshop_kit.trials.check_context import Context
from workshop_kit.trials.expect import Observation, expect
from workshop_kit.trials.service import Service
from workshop_kit.trials.task_process import TaskError

AT_ONCE = 2
"""How many environments start at the same time: a third container would slow down all of them."""
READY_SECONDS = 20.0
IMAGE = "${IMAGE}"
LONGEST_NAME = 80
REFUSED = re.compile(r"AccessDenied.*parameter(/\S+)")


@dataclass(frozen=True)
class Start:
    """How the start of an environment went; ``error`` is that of ``run_task``, which started nothing."""

    is_ready: bool = False
    level: str = ""
    error: str = ""


@check("config.environments")
def environments(service: Service) -> None:
    """One image runs in three environments, and each of them can read only its own settings."""
    context = service.context
    definitions = config_tasks.read(context.text)
    service_trial.ensure_up(context.stack, context.report)
    settings = parameter_store.settings_by_environment(context.stack)
    store = config_tasks.fill_store(context, settings)
    context.report_step(f"starting {', '.join(settings)}")

    def start(name: str) -> Start | None:
        if name not in definitions:
            return None
        return start_environment(context, name, definitions[name], store, settings[name])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        starts = list(pool.map(start, settings))

    for name, started in zip(settings, starts, strict=True):
        expect_ready_and_logging(name, str(settings[name]["log/level"]), started)
    have_the_same_image(definitions)


def start_environment(
    context: Context, name: str, definition: TaskDefinition, store: Store, settings: Settings
) -> Start:
    """Run an environment until it is ready, or its time is up."""
    try:
        with config_tasks.run(context, name, definition, store, settings) as trial:
            pairs = trial.running.inspect()["Config"]["Env"]
            variables = dict(pair.split("=", 1) for pair in pairs)
            is_ready = trial.wait_answer("/readyz", within_seconds=READY_SECONDS)
    except TaskError as error:
        return Start(error=str(error))
    return Start(is_ready, variables.get("LOG_LEVEL", "info"))


def expect_ready_and_logging(name: str, level: str, start: Start | None) -> None:
    """Expect an environment to be ready, and to log from the level that the store has for it."""
    if start is None:
        got = f"no {name}"
        means = f"tasks.yaml has no environment {name}."
        look = "Compare the names at the beginning of the lines with those that the store has."
    elif start.error:
        got = start.error[-LONGEST_REASON:]
        means = f"{name} does not start: {got}"
        look = "Which of its entries is this about? Compare it with the environments that start."
        refused = REFUSED.search(start.error)
        if refused:
            means = f"{name} asked for {refused[1]}, which is not its own. It was refused, so it does not start."
            look = f"Which paths of the store does {name} ask for?"
    elif not start.is_ready:
        got = f"not ready, logging from {start.level}"
        means = f"{name} was started, but it is not ready on port 8080."
        look = f"Which settings does {name} get? Compare them with those of an environment that starts."
    else:
        got = f"ready, logging from {start.level}"
        means = f"{name} logs from {start.level}, but its setting in the store says {level}."
        look = f"Where does {name} get LOG_LEVEL from?"

    expect(
        start == Start(is_ready=True, level=level),  # what an error says may look like this
        seen=Observation(
            f"Call run_task for {name}, as a user who may read /workshop/{name} and nothing else", got, 0.0
        ),
        expected=f"ready, logging from {level}",
        means=means,
        look=look,
    )


def have_the_same_image(definitions: Mapping[str, TaskDefinition]) -> None:
    """Expect the variable for all environments, but not for the desk."""
    other_images = []
    for name, definition in definitions.items():
        if name != DESK and definition.image != IMAGE:
            other_images.append(f"{name}: {definition.image[:LONGEST_NAME]}")

    expect(
        not other_images,
        seen=Observation(
            f"Look which of them have another image than {IMAGE}, the same digest",
            ", ".join(other_images) or "none",
            0.0,
        ),
        expected="none",
        means="One of them has an image of its own. What is tested there is not what runs in production.",
        look="An image is built once. What may still differ between environments?",
    )
