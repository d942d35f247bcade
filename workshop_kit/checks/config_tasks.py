"""The checks of config.environments and config.store: tasks.yaml run from the parameter store, as ECS would."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from workshop_kit.checks import config
from workshop_kit.engine import parameter_store, tasks
from workshop_kit.engine.parameter_store import PREFIX, NotAllowed, Settings, Store
from workshop_kit.engine.tasks import ContainerDefinition, Delivery, parse
from workshop_kit.errors import NotInTime, WorkshopError, first_problem
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import CheckEnded, Context, check
from workshop_kit.trials.findings import START, findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.trial import PORT, Trial
from workshop_kit.trials.yaml_problem import yaml_finding

ENVIRONMENTS = findings("config.environments")
STORE = findings("config.store")
SHARED = findings(START)
FILE = "tasks.yaml"
LONGEST_NAME = 80
LONGEST_REASON = 200
AT_ONCE = 2
"""The environments that start at a time: a third container would slow down all of them."""
DESK = "desk"
READY_SECONDS = 20.0
IMAGE = "${IMAGE}"
NOT_SHARED = ("HTTP_PORT", "LOG_LEVEL", "HTTP_DRAIN_SECONDS")
"""Variables that each environment sets itself, or leaves to the service's default."""

LISTS = frozenset({"environment", "secrets"})
OF_ENVIRONMENT = frozenset({"production", "staging", "qa", DESK})
PARENTS = {
    **dict.fromkeys(("image", "environment", "secrets"), OF_ENVIRONMENT),
    **dict.fromkeys(("name", "value", "valueFrom"), LISTS),
    **dict.fromkeys(OF_ENVIRONMENT, frozenset({""})),
}
"""The keys of tasks.yaml, each with those that it may belong to."""


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
    settings = parameter_store.settings_by_environment(context.stack)
    store = _fill_store(context, settings)
    context.report_step(f"starting {', '.join(settings)}")

    def start(name: str) -> Finding:
        return _start(context, name, settings[name], store, fragment.get(name))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        starts = list(pool.map(start, settings))

    all_findings = (*starts, _one_image(fragment))
    return conclude(ENVIRONMENTS.shown, all_findings, lucky=all(finding.passed for finding in starts))


def _start(context: Context, name: str, settings: Settings, store: Store, definition: Definition | None) -> Finding:
    """Find whether an environment starts from its definition, is ready on its port, and logs from its level."""
    port = str(settings[parameter_store.PORT])
    level = str(settings["log/level"])
    values = {"name": name, "port": port, "level": level}
    if definition is None:
        return ENVIRONMENTS.failed("start.absent", f"no {name}", **values)

    try:
        with _run(context, definition, store.reader(name), settings, int(port)) as trial:
            logged_level = _environment(trial).get("LOG_LEVEL", "info")
            is_ready = trial.wait_answer("/readyz", within_seconds=READY_SECONDS)
    except NotInTime:
        raise
    except WorkshopError as error:
        parameter = _foreign_parameter(definition, name)
        if parameter and isinstance(error, NotAllowed):
            return ENVIRONMENTS.failed("start.foreign", error.what, parameter=parameter, **values)
        return ENVIRONMENTS.failed("start.refused", error.what, reason=error.what, **values)

    way = "level" if is_ready else "not-ready"
    got = f"{'ready' if is_ready else 'not ready'} on port {port}, logging from {logged_level}"
    return ENVIRONMENTS.equals(f"start.{way}", got, found=logged_level, **values)


def _foreign_parameter(definition: Definition, name: str) -> str:
    """Return the first parameter of another environment that a definition asks for; "" for none."""
    paths = [str(entry.get("valueFrom")) for entry in definition.secrets]
    return next((path for path in paths if not path.startswith(f"{PREFIX}/{name}/")), "")


def _one_image(fragment: Mapping[str, Definition]) -> Finding:
    other_images: list[str] = []
    for name, definition in fragment.items():
        if name != DESK and definition.image != IMAGE:
            other_images.append(f"{name}: {definition.image[:LONGEST_NAME]}")
    return ENVIRONMENTS.has_none("image", other_images)


@check("config.store")
def store(context: Context) -> Result:
    """Start the desk's service from its definition and the store, place an order, and look for passwords."""
    definition = read(context.text).get(DESK, Definition())
    service_trial.ensure_up(context.stack, context.report)
    settings = parameter_store.settings_of(context.stack)
    parameters = _fill_store(context, {DESK: settings})
    context.report_step("starting the service of your desk")

    no_passwords = STORE.has_none("written", _passwords_as_text(definition))
    try:
        with _run(context, definition, parameters.reader(DESK), settings, PORT, "files") as trial:
            service_trial.wait_started(trial)
            return _judge_desk(trial, settings, definition, no_passwords)
    except NotInTime:
        raise
    except WorkshopError as error:
        finding = STORE.failed("start", error.what, reason=error.what)
        return Result.did_not_start(finding.means, no_passwords, finding)


def _passwords_as_text(definition: Definition) -> list[str]:
    names = [str(entry.get("name")) for entry in definition.environment]
    return [name for name in names if name.endswith("PASSWORD")]


def _judge_desk(trial: Trial, settings: Settings, definition: Definition, no_passwords: Finding) -> Result:
    """Judge a service that runs; ``no_passwords`` is the finding on its definition."""
    takes_order = STORE.equals("order", str(config.place_order(trial)), status=201)
    all_findings = [no_passwords, takes_order]

    secrets = {value.get_secret_value() for value in settings.values() if isinstance(value, SecretStr)}
    variables = _environment(trial).items()
    passwords = {name for name, _ in variables if name.endswith("PASSWORD")}
    variables_with_secret = {name for name, value in variables if value in secrets}

    leaks = passwords | variables_with_secret
    new_leaks = leaks.difference(_passwords_as_text(definition))
    if no_passwords.passed or new_leaks:  # else inspect shows the passwords of the definition
        all_findings.append(STORE.has_none("inspect", sorted(new_leaks)))
    return conclude(STORE.shown, all_findings, trial.log_tail(), lucky=takes_order.passed)


def _environment(trial: Trial) -> dict[str, str]:
    pairs = trial.running.inspect()["Config"]["Env"]
    return dict(pair.split("=", 1) for pair in pairs)


def _fill_store(context: Context, settings: Mapping[str, Settings]) -> Store:
    store = parameter_store.start(context.stack, context.report)
    parameter_store.seed(store, settings)
    return store


def _complete(definition: Definition, image: str, settings: Settings) -> ContainerDefinition:
    """Return the definition with its image and those of the service's other settings that environments share."""
    entries = (*definition.environment, *definition.secrets)
    own_names = {*NOT_SHARED, *(str(entry.get("name")) for entry in entries)}

    texts = {parameter_store.variable(name): value for name, value in settings.items() if isinstance(value, str)}
    shared = [{"name": name, "value": text} for name, text in texts.items() if name not in own_names]
    environment = [*definition.environment, *shared]
    return parse({"image": image, "environment": environment, "secrets": definition.secrets})


@contextlib.contextmanager
def _run(
    context: Context,
    definition: Definition,
    reader: Store,
    settings: Settings,
    port: int,
    delivery: Delivery = "environment",
) -> Iterator[Trial]:
    """Run a definition as a trial, with the store as ``reader`` may read it. Raises WorkshopError as `tasks.run`."""
    image = context.stack.container("service").attrs["Image"]
    network = f"{context.stack.project}_default"
    task = _complete(definition, image, settings)

    secrets = tuple(value.get_secret_value() for value in settings.values() if isinstance(value, SecretStr))
    with tasks.run(context.stack.session, task, reader, network=network, port=port, delivery=delivery) as running:
        yield Trial(running, secrets=secrets, port=port, superseded=context.superseded, waits=context.waits)


def read(text: str) -> dict[str, Definition]:
    """Return the definition of each environment, by name. Raises CheckEnded with one sentence."""
    try:
        return TASKS.validate_python(yaml.safe_load(text))
    except ValidationError as invalid:
        reason = first_problem(invalid)[:LONGEST_REASON]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        reason = f"line {line}: {error.problem}"[:LONGEST_REASON]
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error)[:LONGEST_REASON]

    finding = yaml_finding(FILE, text, reason, PARENTS)
    if finding is None:
        finding = SHARED.failed("yaml.shape", reason, file=FILE, reason=reason)
    raise CheckEnded(Result.not_readable(finding.means, finding))
