"""The checks of config.environments and config.store: tasks.yaml run from the parameter store, as ECS would."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, SecretStr, TypeAdapter, ValidationError

from workshop_kit.engine import store as stores
from workshop_kit.engine import tasks
from workshop_kit.engine.aws import NotAllowed
from workshop_kit.engine.stack import Stack
from workshop_kit.engine.store import PREFIX, Settings, Store
from workshop_kit.engine.tasks import Delivery, TaskDefinition, parse
from workshop_kit.errors import WorkshopError, WrongUsage, first_problem
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckEnded, Context, check
from workshop_kit.exercises.checks import config
from workshop_kit.exercises.result import Finding, Result, conclude, found, has_none, has_status
from workshop_kit.exercises.trial import DEADLINE_SECONDS, PORT, Trial

AT_ONCE = 2
"""The environments that start at a time: a third container would slow down all of them."""
DESK = "desk"
READY_SECONDS = 20.0
IMAGE = "${IMAGE}"
NOT_SHARED = ("HTTP_PORT", "LOG_LEVEL", "HTTP_DRAIN_SECONDS")
"""Variables that each environment sets itself, or leaves to the service's default."""


class Definition(BaseModel):
    """What an environment has of its own. The entries are validated as those of a task definition."""

    model_config = ConfigDict(extra="forbid")

    image: str = "none"
    environment: list[dict[str, Any]] = []
    secrets: list[dict[str, Any]] = []


TASKS = TypeAdapter(dict[str, Definition])


@check("config.environments")
def environments(context: Context) -> Result:
    """Start all three, each with a user who may read its own settings only; compare their settings and images."""
    fragment = _read(context)
    service_trial.ensure_up(context.stack, context.report)
    settings = stores.settings_by_environment(context.stack)
    store = _fill_store(context, settings)
    context.report_step(f"starting {', '.join(settings)}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        starting = [
            pool.submit(_start, context, name, own, store, fragment.get(name)) for name, own in settings.items()
        ]
        started = [start.result() for start in starting]
    findings = (*started, one_image(fragment), no_passwords(fragment, *settings))
    shown = "One image runs as three environments, and each could read its own settings only."
    return conclude(shown, findings, lucky=all(finding.passed for finding in started))


def _read(context: Context) -> dict[str, Definition]:
    try:
        return read(context.text)
    except WorkshopError as error:
        why = error.what
        finding = Finding(False, "Read tasks.yaml", why, "it can be read", why, error.next_step)
        raise CheckEnded(Result.not_readable(why, finding)) from error


def _start(context: Context, name: str, own: Settings, store: Store, definition: Definition | None) -> Finding:
    """Start an environment from its definition; find whether it is ready, or why it does not start."""
    image = context.stack.container("service").attrs["Image"]
    try:
        if definition is None:
            raise WorkshopError(f"tasks.yaml has no {name}.")
        task = definition_of(definition, image, _shared(own), int(str(own[stores.PORT])))
        with _run(context.stack, task, store.reader(name), own) as trial:
            return starts(name, own, definition, trial)
    except WorkshopError as error:
        return starts(name, own, definition, error)


def starts(name: str, own: Settings, definition: Definition | None, trial: Trial | WorkshopError) -> Finding:
    """Find whether an environment is ready on its port, and logs from its level."""
    port, level = str(own[stores.PORT]), str(own["log/level"])
    logs_from, ready = "", False
    if isinstance(trial, WorkshopError):
        got, means = trial.what, f"{name} does not start: {trial.what}"
        paths = [str(entry.get("valueFrom")) for entry in definition.secrets] if definition else []
        foreign = [path for path in paths if not path.startswith(f"{PREFIX}/{name}/")]
        if foreign and isinstance(trial, NotAllowed):
            means = f"{name} asked for {foreign[0]}, which is not its own, and was refused: it does not start."
    else:
        logs_from = _environment(trial).get("LOG_LEVEL", "info")
        ready = trial.wait_answer("/readyz", within_seconds=READY_SECONDS)
        got = f"{'ready' if ready else 'not ready'} on port {port}, logging from {logs_from}"
        means = f"{name} runs, and is not ready on port {port}: its customers do not find it there."
        if ready:
            means = f"{name} logs from {logs_from}, and its settings in the store say {level}."
    return found(
        ready and logs_from == level,
        f"Start {name}, as a user who may read /workshop/{name} and nothing else",
        got,
        f"ready on port {port}, logging from {level}",
        means,
        f"Which paths of the store does {name} ask for?",
    )


def one_image(fragment: Mapping[str, Definition]) -> Finding:
    """Find whether all environments name the same digest."""
    other = [f"{name}: {one.image[:80]}" for name, one in fragment.items() if name != DESK and one.image != IMAGE]
    first = other[0].partition(":")[0] if other else ""
    return found(
        not other,
        "Read which image each of them names",
        ", ".join(other) or "the same digest, three times",
        f"{IMAGE}, the same digest, in all three",
        f"{first} names an image of its own: what is tested there is not what runs in production.",
        "An image is built once. What is left to differ, then?",
    )


def no_passwords(fragment: Mapping[str, Definition], *names: str) -> Finding:
    """Find whether the file has no password as text."""
    entries = [(name, entry) for name in names if name in fragment for entry in fragment[name].environment]
    shown = [f"{name}: {entry['name']}" for name, entry in entries if str(entry.get("name")).endswith("PASSWORD")]
    return has_none(
        shown,
        "Read tasks.yaml as a colleague would: passwords as text",
        "Everybody who may read this file, or any of its old versions, knows the password.",
        "Which key takes a path in the store in place of a value?",
    )


@check("config.store")
def store(context: Context) -> Result:
    """Start the desk's service from its definition and the store, place an order, and look for passwords."""
    fragment = _read(context)
    service_trial.ensure_up(context.stack, context.report)
    own = stores.settings_of(context.stack)
    filled = _fill_store(context, {DESK: own})
    image = context.stack.container("service").attrs["Image"]
    context.report_step("starting the service of your desk")
    written = no_passwords(fragment, DESK)
    try:
        task = definition_of(fragment.get(DESK, Definition()), image, _shared(own), PORT)
        with _run(context.stack, task, filled.reader(DESK), own, delivery="files") as trial:
            service_trial.wait_started(trial)
            return _desk(trial, own, written)
    except WorkshopError as refused:
        look = "Which parameters are there under /workshop/desk?"
        finding = Finding(False, "Start it", refused.what, "it runs", refused.what, look)
        return Result.did_not_start(refused.what, written, finding)


def _desk(trial: Trial, own: Settings, written: Finding) -> Result:
    order = config.place_order(trial, "config.store")
    placed = has_status(
        order,
        201,
        "POST /orders",
        "The passwords in the store are new; the service has others, and every order fails.",
        "Where does the service get its password, and when?",
    )
    secrets = {value.get_secret_value() for value in own.values() if isinstance(value, SecretStr)}
    variables = _environment(trial).items()
    leaked = sorted(name for name, value in variables if name.endswith("PASSWORD") or value in secrets)
    inspected = has_none(
        leaked,
        "docker inspect, of the running container: variables with a password",
        "Everybody who may inspect the container sees the password.",
        "What stands in secrets is delivered as files here; what stands in environment is for everybody to see.",
    )
    shown = "It got its passwords when it started, and no file and no inspect shows them."
    return conclude(shown, (written, placed, inspected), trial.lines(), lucky=placed.passed)


def _environment(trial: Trial) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in trial.inspect()["Config"]["Env"])


def _fill_store(context: Context, settings: Mapping[str, Settings]) -> Store:
    """Write these settings to the stack's parameter store, started if need be."""
    running = context.stack.containers().get(stores.SERVICE)
    if running is None or running.status != "running":
        context.report_step("the check needs the parameter store: bringing it up")
        store = stores.start(context.stack, context.report)
    else:
        store = stores.connect(context.stack)
    stores.seed(store, settings)
    return store


@contextlib.contextmanager
def _run(
    stack: Stack, task: TaskDefinition, reader: Store, own: Settings, *, delivery: Delivery = "environment"
) -> Iterator[Trial]:
    """Run a task as a trial, with the store as ``reader`` may read it. Raises WorkshopError as `tasks.run.run` does."""
    network = f"{stack.project}_default"
    hidden = tuple(value.get_secret_value() for value in own.values() if isinstance(value, SecretStr))
    with tasks.run(stack.session, task, reader, network=network, delivery=delivery) as started:
        (service,), (first,) = task.containers, started.values()
        yield Trial(first, time.monotonic() + DEADLINE_SECONDS, hidden, service.ports[0])


def _shared(settings: Settings) -> dict[str, str]:
    """Return the variables that all environments share, without secrets."""
    pairs = {stores.variable(name): value for name, value in settings.items() if isinstance(value, str)}
    return {name: value for name, value in pairs.items() if name not in NOT_SHARED}


class _PlainLoader(yaml.SafeLoader):
    """YAML without anchors: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError
        return super().compose_node(parent, index)


def read(text: str) -> dict[str, Definition]:
    """Return the definition of each environment, by name. Raises WrongUsage with one sentence."""
    try:
        return TASKS.validate_python(yaml.load(text, _PlainLoader))  # noqa: S506  # a SafeLoader
    except ValidationError as invalid:
        raise WrongUsage(
            f"tasks.yaml holds environments with image, environment and secrets; {first_problem(invalid)[:200]}.",
            "Compare it with the other environments, or reset it.",
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        where = f" in line {mark.line + 1}" if mark else ""
        why = problem or "it takes plain keys, numbers and words, without anchors (&, *)"
        raise WrongUsage(f"This is no YAML{where}: {why}.", "Look at the colons and the indentation.") from None


def definition_of(one: Definition, image: str, shared: Mapping[str, str], port: int) -> TaskDefinition:
    """Return a complete task: a definition with ``image``, and with the shared variables that it does not set.

    Raises InvalidTask, a WrongUsage with all problems.
    """
    named = {str(entry.get("name")) for entry in (*one.environment, *one.secrets)}
    container = {
        "name": "service",
        "image": image,
        "environment": [
            *one.environment,
            *({"name": name, "value": value} for name, value in shared.items() if name not in named),
        ],
        "secrets": one.secrets,
        "portMappings": [{"containerPort": port}],
        "stopTimeout": 0,
    }
    return parse({"family": "exercise", "containerDefinitions": [container]})
