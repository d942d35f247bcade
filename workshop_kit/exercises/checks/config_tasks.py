"""The checks of config.environments and config.store: tasks.yaml run from the parameter store, as ECS would."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import yaml
from pydantic import SecretStr

from workshop_kit.engine import store as stores
from workshop_kit.engine.aws import NotAllowed
from workshop_kit.engine.stack import Stack
from workshop_kit.engine.store import PREFIX, Settings, Store
from workshop_kit.engine.tasks import environments as tasks
from workshop_kit.engine.tasks import run
from workshop_kit.engine.tasks.definition import TaskDefinition, parse
from workshop_kit.engine.tasks.run import Delivery
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises import service_trial
from workshop_kit.exercises.check_api import CheckEnded, CheckResult, Context, check, conclude, found
from workshop_kit.exercises.checks import config_trial
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.start_failure import wait_started
from workshop_kit.exercises.trial import DEADLINE_SECONDS, PORT, Trial
from workshop_kit.progress import Report, Step

PAIRS = (("production", "staging"), ("qa",))
"""The environments that start at a time: a third container would slow down all of them."""
DESK = "desk"
READY_SECONDS = 20.0
IMAGE = "${IMAGE}"
KEYS = ("image", "environment", "secrets")
NOT_SHARED = ("HTTP_PORT", "LOG_LEVEL", "HTTP_DRAIN_SECONDS")
"""Variables that each environment sets itself, or leaves to the service's default."""


@check("config.environments")
def environments(context: Context) -> CheckResult:
    """Start all three, each with a user who may read its own settings only; compare their settings and images."""
    fragment = _read(context)
    service_trial.ensure_up(context.stack, context.report)
    settings = tasks.three(context.stack)
    store = _fill_store(context.stack, settings, context.report)
    starts: list[Finding] = []
    for names in PAIRS:
        context.report(Step("Check", None, f"starting {' and '.join(names)}"))
        starts += _start(context, store, settings, {name: fragment.get(name) for name in names})
    findings = (*starts, one_image(fragment), no_passwords(fragment, *settings))
    lucky = Verdict.LUCKY if all(finding.passed for finding in starts) else None
    shown = "One image runs as three environments, and each could read its own settings only."
    return conclude(shown, findings, override=lucky)


def _read(context: Context) -> dict[str, dict[str, Any]]:
    try:
        return read(context.text)
    except WorkshopError as error:
        finding = Finding(False, "Read tasks.yaml", error.what, "it can be read", error.what, error.next_step)
        raise CheckEnded(CheckResult(error.what, (finding,), Verdict.NOT_READABLE)) from error


def _start(
    context: Context, store: Store, settings: Mapping[str, Settings], definitions: Mapping[str, dict[str, Any] | None]
) -> list[Finding]:
    """Start some environments at once; return a finding on each."""
    image = context.stack.container("service").attrs["Image"]
    with ExitStack() as stack:
        trials: dict[str, Trial | WorkshopError] = {}
        for name, one in definitions.items():
            own = settings[name]
            try:
                if one is None:
                    raise WorkshopError(f"tasks.yaml has no {name}.")
                task = definition_of(one, image, _shared(own), int(str(own[tasks.PORT])))
                trials[name] = stack.enter_context(_run(context.stack, task, store.reader(name), own))
            except WorkshopError as error:
                trials[name] = error
        return [starts(name, settings[name], definitions[name] or {}, trial) for name, trial in trials.items()]


def starts(name: str, own: Settings, definition: Mapping[str, Any], trial: Trial | WorkshopError) -> Finding:
    """Find whether an environment is ready on its port, and logs from its level."""
    port, level = str(own[tasks.PORT]), str(own["log/level"])
    called = f"Start {name}, as a user who may read /workshop/{name} and nothing else"
    expected = f"ready on port {port}, logging from {level}"
    look = f"Which paths of the store does {name} ask for?"
    if isinstance(trial, WorkshopError):
        means = f"{name} does not start: {trial.what}"
        paths = [str(entry.get("valueFrom")) for entry in _entries(definition, "secrets")]
        foreign = [path for path in paths if not path.startswith(f"{PREFIX}/{name}/")]
        if foreign and isinstance(trial, NotAllowed):
            means = f"{name} asked for {foreign[0]}, which is not its own, and was refused: it does not start."
        return Finding(False, called, trial.what, expected, means, look)
    logs_from = _environment(trial).get("LOG_LEVEL", "info")
    ready = trial.wait_answer("/readyz", within_seconds=READY_SECONDS)
    means = f"{name} runs, and is not ready on port {port}: its customers do not find it there."
    if ready:
        means = f"{name} logs from {logs_from}, and its settings in the store say {level}."
    got = f"{'ready' if ready else 'not ready'} on port {port}, logging from {logs_from}"
    return found(ready and logs_from == level, called, got, expected, means, look)


def one_image(fragment: Mapping[str, Mapping[str, Any]]) -> Finding:
    """Find whether all environments name the same digest."""
    images = {name: str(fragment.get(name, {}).get("image", "none"))[:80] for names in PAIRS for name in names}
    other = [f"{name}: {image}" for name, image in images.items() if image != IMAGE]
    first = other[0].partition(":")[0] if other else ""
    return found(
        not other,
        "Read which image each of them names",
        ", ".join(other) or "the same digest, three times",
        f"{IMAGE}, the same digest, in all three",
        f"{first} names an image of its own: what is tested there is not what runs in production.",
        "An image is built once. What is left to differ, then?",
    )


def no_passwords(fragment: Mapping[str, Mapping[str, Any]], *names: str) -> Finding:
    """Find whether the file has no password as text."""
    shown = [
        f"{name}: {variable}"
        for name in names
        for variable in sorted(str(entry.get("name")) for entry in _entries(fragment.get(name, {}), "environment"))
        if variable.endswith("PASSWORD")
    ]
    return found(
        not shown,
        "Read tasks.yaml as a colleague would",
        f"a password as text, in {', '.join(shown[:3])}" if shown else "paths, and no password",
        "paths, and no password",
        "Everybody who may read this file, or any of its old versions, knows the password.",
        "Which key takes a path in the store in place of a value?",
    )


@check("config.store")
def store(context: Context) -> CheckResult:
    """Start the desk's service from its definition and the store, place an order, and look for passwords."""
    fragment = _read(context)
    service_trial.ensure_up(context.stack, context.report)
    own = tasks.settings_of(context.stack)
    filled = _fill_store(context.stack, {DESK: own}, context.report)
    image = context.stack.container("service").attrs["Image"]
    context.report(Step("Check", None, "starting the service of your desk"))
    written = no_passwords(fragment, DESK)
    try:
        task = definition_of(fragment.get(DESK, {}), image, _shared(own), PORT)
        with _run(context.stack, task, filled.reader(DESK), own, delivery="files") as trial:
            wait_started(trial)
            return _desk(trial, own, written)
    except WorkshopError as refused:
        look = "Which parameters are there under /workshop/desk?"
        finding = Finding(False, "Start it", refused.what, "it runs", refused.what, look)
        return CheckResult(refused.what, (written, finding), Verdict.DID_NOT_START)


def _desk(trial: Trial, own: Settings, written: Finding) -> CheckResult:
    order = config_trial.place_order(trial, "config.store")
    placed = found(
        order.status == 201,
        "POST /orders",
        str(order),
        "201",
        "The passwords in the store are new; the service has others, and every order fails.",
        "Where does the service get its password, and when?",
    )
    secrets = {value.get_secret_value() for value in own.values() if isinstance(value, SecretStr)}
    variables = _environment(trial).items()
    leaked = sorted(name for name, value in variables if name.endswith("PASSWORD") or value in secrets)
    inspected = found(
        not leaked,
        "docker inspect, of the running container",
        f"a password in {', '.join(leaked)}" if leaked else "paths of files, no password",
        "no password",
        "Everybody who may inspect the container sees the password.",
        "What stands in secrets is delivered as files here; what stands in environment is for everybody to see.",
    )
    shown = "It got its passwords when it started, and no file and no inspect shows them."
    lucky = Verdict.LUCKY if placed.passed else None
    return conclude(shown, (written, placed, inspected), trial.lines(), lucky)


def _environment(trial: Trial) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in trial.inspect()["Config"]["Env"])


def _fill_store(stack: Stack, settings: Mapping[str, Settings], report: Report) -> Store:
    """Write these settings to the stack's parameter store, started if need be."""
    running = stack.containers().get(stores.SERVICE)
    if running is None or running.status != "running":
        report(Step("Check", None, "the check needs the parameter store: bringing it up"))
        store = stores.start(stack, report)
    else:
        store = stores.connect(stack)
    stores.seed(store, settings)
    return store


@contextlib.contextmanager
def _run(
    stack: Stack, task: TaskDefinition, reader: Store, own: Settings, *, delivery: Delivery = "environment"
) -> Iterator[Trial]:
    """Run a task as a trial, with the store as ``reader`` may read it. Raises WorkshopError as `tasks.run.run` does."""
    network = f"{stack.project}_default"
    hidden = tuple(value.get_secret_value() for value in own.values() if isinstance(value, SecretStr))
    with run.run(stack.session, task, reader, network=network, delivery=delivery) as started:
        (service,), (first,) = task.containers, started.values()
        yield Trial(first, time.monotonic() + DEADLINE_SECONDS, hidden, service.ports[0])


def _shared(settings: Settings) -> dict[str, str]:
    """Return the variables that all environments share, without secrets."""
    pairs = {tasks.variable(name): value for name, value in settings.items() if isinstance(value, str)}
    return {name: value for name, value in pairs.items() if name not in NOT_SHARED}


class _PlainLoader(yaml.SafeLoader):
    """YAML without anchors: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError
        return super().compose_node(parent, index)


def read(text: str) -> dict[str, dict[str, Any]]:
    """Return the definition of each environment, by name. Raises WrongUsage with one sentence."""
    try:
        document = yaml.load(text, _PlainLoader)  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise WrongUsage(
            f"This is no YAML{line}: {error.problem}.", "Look at the colons and the indentation."
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise WrongUsage(
            "This is no YAML that can be read here.", "Write plain keys, numbers and words, without anchors (&, *)."
        ) from None
    if not isinstance(document, dict) or not all(isinstance(one, dict) for one in document.values()):
        raise WrongUsage("It should hold environments, each with image:, environment: or secrets:.", "Reset it.")
    for name, one in document.items():
        if unknown := [str(key) for key in one if key not in KEYS]:
            raise WrongUsage(
                f"{str(name)[:40]}: {unknown[0][:40]!r} is none of the keys that a definition has here.",
                f"Use {', '.join(KEYS)}.",
            )
    return {str(name): one for name, one in document.items()}


def definition_of(one: Mapping[str, Any], image: str, shared: Mapping[str, str], port: int) -> TaskDefinition:
    """Return a complete task: a definition with ``image``, and with the shared variables that it does not set.

    Raises InvalidTask, a WrongUsage with all problems.
    """
    own = one.get("environment") or []
    named = {str(entry.get("name")) for key in ("environment", "secrets") for entry in _entries(one, key)}
    if isinstance(own, list):
        own = [*own, *({"name": name, "value": value} for name, value in shared.items() if name not in named)]
    container = {
        "name": "service",
        "image": image,
        "environment": own,
        "secrets": one.get("secrets") or [],
        "portMappings": [{"containerPort": port}],
        "stopTimeout": 0,
    }
    return parse({"family": "exercise", "containerDefinitions": [container]})


def _entries(one: Mapping[str, Any], key: str) -> list[dict[Any, Any]]:
    """Return the mappings in a list of a definition; the parser reports the other entries."""
    entries = one.get(key)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
