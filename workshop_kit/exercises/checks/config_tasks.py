"""The checks of config.environments and config.store: tasks.yaml run from the parameter store, as ECS would."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from workshop_kit.engine import store as stores
from workshop_kit.engine import tasks
from workshop_kit.engine.store import PREFIX, NotAllowed, Settings, Store
from workshop_kit.engine.tasks import ContainerDefinition, Delivery, parse
from workshop_kit.errors import WorkshopError, first_problem
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckEnded, Context, check
from workshop_kit.exercises.checks import config
from workshop_kit.exercises.result import Finding, Result, conclude, equals, has_none, has_status
from workshop_kit.exercises.trial import PORT, Trial

AT_ONCE = 2
"""The environments that start at a time: a third container would slow down all of them."""
DESK = "desk"
READY_SECONDS = 20.0
IMAGE = "${IMAGE}"
NOT_SHARED = ("HTTP_PORT", "LOG_LEVEL", "HTTP_DRAIN_SECONDS")
"""Variables that each environment sets itself, or leaves to the service's default."""


class Definition(BaseModel, extra="forbid"):
    """What an environment has of its own. The entries are validated as those of a task definition."""

    image: str = "none"
    environment: list[dict[str, Any]] = []
    secrets: list[dict[str, Any]] = []


TASKS = TypeAdapter(dict[str, Definition])


@check("config.environments")
def environments(context: Context) -> Result:
    """Start all three, each with a user who may read its own settings only; compare their settings and images."""
    fragment = read(context.text)
    service_trial.ensure_up(context.stack, context.report)
    settings = stores.settings_by_environment(context.stack)
    store = _fill_store(context, settings)
    context.report_step(f"starting {', '.join(settings)}")

    def start(name: str) -> Finding:
        return _start(context, name, settings[name], store, fragment.get(name, Definition()))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        started = list(pool.map(start, settings))
    findings = (*started, _one_image(fragment))
    shown = "One image runs as three environments, and each could read its own settings only."
    return conclude(shown, findings, lucky=all(finding.passed for finding in started))


def _start(context: Context, name: str, own: Settings, store: Store, definition: Definition) -> Finding:
    """Find whether an environment starts from its definition, is ready on its port, and logs from its level."""
    port, level = str(own[stores.PORT]), str(own["log/level"])
    expected = f"ready on port {port}, logging from {level}"
    try:
        with _run(context, definition, store.reader(name), own, int(port)) as trial:
            logs_from = _environment(trial).get("LOG_LEVEL", "info")
            ready = trial.wait_answer("/readyz", within_seconds=READY_SECONDS)
        got = f"{'ready' if ready else 'not ready'} on port {port}, logging from {logs_from}"
        means = f"{name} is {got}; its settings in the store say: {expected}."
    except WorkshopError as error:
        got, means = error.what, f"{name} does not start: {error.what}"
        paths = [str(entry.get("valueFrom")) for entry in definition.secrets]
        foreign = [path for path in paths if not path.startswith(f"{PREFIX}/{name}/")]
        if foreign and isinstance(error, NotAllowed):
            means = f"{name} asked for {foreign[0]}, which is not its own, and was refused: it does not start."
    return equals(
        f"Start {name}, as a user who may read /workshop/{name} and nothing else",
        got,
        expected,
        means,
        f"Which paths of the store does {name} ask for?",
    )


def _one_image(fragment: Mapping[str, Definition]) -> Finding:
    return has_none(
        [f"{name}: {one.image[:80]}" for name, one in fragment.items() if name != DESK and one.image != IMAGE],
        f"Read which of them names another image than {IMAGE}, the same digest",
        "One of them names an image of its own: what is tested there is not what runs in production.",
        "An image is built once. What is left to differ, then?",
    )


def _no_passwords(one: Definition) -> Finding:
    return has_none(
        [name for entry in one.environment if (name := str(entry.get("name"))).endswith("PASSWORD")],
        "Read tasks.yaml as a colleague would: passwords as text",
        "Everybody who may read this file, or any of its old versions, knows the password.",
        "Which key takes a path in the store in place of a value?",
    )


@check("config.store")
def store(context: Context) -> Result:
    """Start the desk's service from its definition and the store, place an order, and look for passwords."""
    definition = read(context.text).get(DESK, Definition())
    service_trial.ensure_up(context.stack, context.report)
    own = stores.settings_of(context.stack)
    filled = _fill_store(context, {DESK: own})
    context.report_step("starting the service of your desk")
    written = _no_passwords(definition)
    try:
        with _run(context, definition, filled.reader(DESK), own, PORT, "files") as trial:
            service_trial.wait_started(trial)
            return _desk(trial, own, written)
    except WorkshopError as refused:
        look = "Which parameters are there under /workshop/desk?"
        finding = Finding(False, "Start it", refused.what, "it runs", refused.what, look)
        return Result.did_not_start(refused.what, written, finding)


def _desk(trial: Trial, own: Settings, written: Finding) -> Result:
    order = config.place_order(trial)
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
    return dict(pair.split("=", 1) for pair in trial.running.inspect()["Config"]["Env"])


def _fill_store(context: Context, settings: Mapping[str, Settings]) -> Store:
    store = stores.start(context.stack, context.report)
    stores.seed(store, settings)
    return store


def _complete(one: Definition, image: str, own: Settings) -> ContainerDefinition:
    """Return the definition with its image and those of the service's other settings that environments share."""
    named = {*NOT_SHARED, *(str(entry.get("name")) for entry in (*one.environment, *one.secrets))}
    texts = {stores.variable(name): value for name, value in own.items() if isinstance(value, str)}
    shared = [{"name": name, "value": text} for name, text in texts.items() if name not in named]
    return parse({"image": image, "environment": [*one.environment, *shared], "secrets": one.secrets})


@contextlib.contextmanager
def _run(
    context: Context, one: Definition, reader: Store, own: Settings, port: int, delivery: Delivery = "environment"
) -> Iterator[Trial]:
    """Run a definition as a trial, with the store as ``reader`` may read it. Raises WorkshopError as `tasks.run`."""
    image, network = context.stack.container("service").attrs["Image"], f"{context.stack.project}_default"
    task = _complete(one, image, own)
    hidden = tuple(value.get_secret_value() for value in own.values() if isinstance(value, SecretStr))
    with tasks.run(context.stack.session, task, reader, network=network, port=port, delivery=delivery) as running:
        yield Trial(running, secrets=hidden, port=port, superseded=context.superseded, waits=context.waits)


def read(text: str) -> dict[str, Definition]:
    """Return the definition of each environment, by name. Raises CheckEnded with one sentence."""
    try:
        return TASKS.validate_python(yaml.safe_load(text))
    except ValidationError as invalid:
        why = f"tasks.yaml holds environments with image, environment and secrets; {first_problem(invalid)[:200]}."
        look = "Compare it with the other environments, or reset it."
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        why = f"This is no YAML{where}."
        look = "Look at the colons and the indentation."
    finding = Finding(False, "Read tasks.yaml", why, "it can be read", why, look)
    raise CheckEnded(Result.not_readable(why, finding))
