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
from workshop_kit.engine.aws import NotAllowed
from workshop_kit.engine.parameter_store import PREFIX, Settings, Store
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
"""How many environments start at the same time: a third container would slow down all of them."""
DESK = "desk"
READY_SECONDS = 20.0
IMAGE = "${IMAGE}"
NOT_SHARED = ("HTTP_PORT", "LOG_LEVEL", "HTTP_DRAIN_SECONDS")
"""Variables that an environment sets itself, or leaves to the service's default."""

LISTS = frozenset({"environment", "secrets"})
OF_ENVIRONMENT = frozenset({"production", "staging", "qa", DESK})
PARENTS = {
    **dict.fromkeys(("image", "environment", "secrets"), OF_ENVIRONMENT),
    **dict.fromkeys(("name", "value", "valueFrom"), LISTS),
    **dict.fromkeys(OF_ENVIRONMENT, frozenset({""})),
}
"""The keys of tasks.yaml, each with the keys under which it may stand ("": at the top)."""


class Definition(BaseModel, extra="forbid"):
    """An environment in tasks.yaml. Its entries are validated when they are parsed as a task definition."""

    image: str = "none"
    environment: list[dict[str, Any]] = []
    secrets: list[dict[str, Any]] = []


TASKS = TypeAdapter(dict[str, Definition])


@check("config.environments")
def environments(context: Context) -> Result:
    """Start all environments, each with a user who may read its settings only; judge their starts and their image."""
    definitions = read(context.text)
    service_trial.ensure_up(context.stack, context.report)
    settings = parameter_store.settings_by_environment(context.stack)
    parameters = _fill_store(context, settings)
    context.report_step(f"starting {', '.join(settings)}")

    def start(name: str) -> Finding:
        return _start_finding(context, name, settings[name], parameters, definitions.get(name))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        starts = list(pool.map(start, settings))

    all_findings = (*starts, _image_finding(definitions))
    return conclude(ENVIRONMENTS.success_summary, all_findings, lucky=all(finding.passed for finding in starts))


def _start_finding(
    context: Context, name: str, settings: Settings, store: Store, definition: Definition | None
) -> Finding:
    """Find whether an environment starts from its definition, is ready on its port, and logs from its level."""
    port = str(settings[parameter_store.PORT])
    level = str(settings["log/level"])
    values = {"name": name, "port": port, "level": level}
    if definition is None:
        return ENVIRONMENTS.failed("start.absent", f"no {name}", **values)

    try:
        with _run_definition(context, definition, store.reader(name), settings, int(port)) as trial:
            logged_level = _read_variables(trial).get("LOG_LEVEL", "info")
            is_ready = trial.wait_answer("/readyz", within_seconds=READY_SECONDS)
    except NotInTime:
        raise
    except WorkshopError as error:
        return _error_finding(error, definition, values)

    way_to_fail = "not-ready"
    state = "not ready"
    if is_ready:
        way_to_fail = "level"
        state = "ready"
    observation = f"{state} on port {port}, logging from {logged_level}"
    return ENVIRONMENTS.equals(f"start.{way_to_fail}", observation, found=logged_level, **values)


def _error_finding(error: WorkshopError, definition: Definition, values: Mapping[str, str]) -> Finding:
    """Return the finding on an environment that was not started; ``values`` are those of the finding's texts."""
    parameter = _foreign_parameter(definition, values["name"])
    if parameter and isinstance(error, NotAllowed):
        return ENVIRONMENTS.failed("start.foreign", error.what, parameter=parameter, **values)
    return ENVIRONMENTS.failed("start.refused", error.what, reason=error.what, **values)


def _foreign_parameter(definition: Definition, name: str) -> str:
    """Return the first parameter of another environment that a definition asks for; "" for none."""
    own_prefix = f"{PREFIX}/{name}/"
    paths = [str(entry.get("valueFrom")) for entry in definition.secrets]
    foreign_paths = [path for path in paths if not path.startswith(own_prefix)]
    return foreign_paths[0] if foreign_paths else ""


def _image_finding(definitions: Mapping[str, Definition]) -> Finding:
    """Find whether all environments but the desk have the same image, the variable `IMAGE`."""
    other_images: list[str] = []
    for name, definition in definitions.items():
        if name != DESK and definition.image != IMAGE:
            other_images.append(f"{name}: {definition.image[:LONGEST_NAME]}")
    return ENVIRONMENTS.has_none("image", other_images)


@check("config.store")
def store(context: Context) -> Result:
    """Start the service of the environment `DESK` from its definition, place an order, and look for passwords."""
    definition = read(context.text).get(DESK, Definition())
    service_trial.ensure_up(context.stack, context.report)
    settings = parameter_store.settings_of(context.stack)
    parameters = _fill_store(context, {DESK: settings})
    context.report_step("starting the service of your desk")

    no_passwords = STORE.has_none("written", _passwords_as_text(definition))
    try:
        with _run_definition(context, definition, parameters.reader(DESK), settings, PORT, "files") as trial:
            service_trial.wait_started(trial)
            return _judge_desk(trial, settings, definition, no_passwords)
    except NotInTime:
        raise
    except WorkshopError as error:
        finding = STORE.failed("start", error.what, reason=error.what)
        return Result.did_not_start(finding.means, no_passwords, finding)


def _passwords_as_text(definition: Definition) -> list[str]:
    """Return the names of the passwords that a definition holds itself, and not as a parameter of the store."""
    names = [str(entry.get("name")) for entry in definition.environment]
    return [name for name in names if name.endswith("PASSWORD")]


def _judge_desk(trial: Trial, settings: Settings, definition: Definition, no_passwords: Finding) -> Result:
    """Judge a service that runs, by an order and by the variables that ``docker inspect`` shows.

    ``no_passwords`` is the finding on its definition.
    """
    order = config.place_order(trial)
    takes_order = STORE.equals("order", str(order), status=201)
    all_findings = [no_passwords, takes_order]

    leaks = _variables_with_secrets(trial, settings)
    new_leaks = leaks.difference(_passwords_as_text(definition))
    if no_passwords.passed or new_leaks:  # otherwise it would repeat the passwords of the definition
        all_findings.append(STORE.has_none("inspect", sorted(new_leaks)))
    return conclude(STORE.success_summary, all_findings, trial.log_tail(), lucky=takes_order.passed)


def _variables_with_secrets(trial: Trial, settings: Settings) -> set[str]:
    """Return the variables of a container that are called passwords, or that have a secret of the settings as value."""
    secrets = {value.get_secret_value() for value in settings.values() if isinstance(value, SecretStr)}
    names: set[str] = set()
    for name, value in _read_variables(trial).items():
        if name.endswith("PASSWORD") or value in secrets:
            names.add(name)
    return names


def _read_variables(trial: Trial) -> dict[str, str]:
    """Return the environment variables of a container, by name."""
    pairs = trial.running.inspect()["Config"]["Env"]
    return dict(pair.split("=", 1) for pair in pairs)


def _fill_store(context: Context, settings: Mapping[str, Settings]) -> Store:
    """Start the parameter store with the settings of each environment, and return it."""
    store = parameter_store.start(context.stack, context.report)
    parameter_store.seed(store, settings)
    return store


def _complete_definition(definition: Definition, image: str, settings: Settings) -> ContainerDefinition:
    """Return a definition with this image, and with the service's other settings that environments share."""
    entries = (*definition.environment, *definition.secrets)
    own_names = {str(entry.get("name")) for entry in entries}
    left_out = own_names.union(NOT_SHARED)

    shared: list[dict[str, str]] = []
    for name, value in settings.items():
        variable = parameter_store.variable(name)
        if isinstance(value, str) and variable not in left_out:
            shared.append({"name": variable, "value": value})
    environment = [*definition.environment, *shared]
    return parse({"image": image, "environment": environment, "secrets": definition.secrets})


@contextlib.contextmanager
def _run_definition(
    context: Context,
    definition: Definition,
    reader: Store,
    settings: Settings,
    port: int,
    delivery: Delivery = "environment",
) -> Iterator[Trial]:
    """Run a definition as a trial; its secrets are read from the store by ``reader``, a user with limited rights.

    Raises WorkshopError as `tasks.run` does.
    """
    image = context.stack.container("service").attrs["Image"]
    network = f"{context.stack.project}_default"
    task = _complete_definition(definition, image, settings)

    secrets = tuple(value.get_secret_value() for value in settings.values() if isinstance(value, SecretStr))
    with tasks.run(context.stack.session, task, reader, network=network, port=port, delivery=delivery) as running:
        yield Trial(running, secrets=secrets, port=port, superseded=context.superseded, waits=context.waits)


def read(text: str) -> dict[str, Definition]:
    """Return the definition of each environment, by name. Raises CheckEnded with one sentence."""
    try:
        return TASKS.validate_python(yaml.safe_load(text))
    except ValidationError as invalid:
        reason = first_problem(invalid)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        reason = f"line {line}: {error.problem}"
    except (yaml.YAMLError, ValueError) as error:
        reason = str(error)

    reason = reason[:LONGEST_REASON]
    finding = yaml_finding(FILE, text, reason, PARENTS)
    if finding is None:
        finding = SHARED.failed("yaml.shape", reason, file=FILE, reason=reason)
    raise CheckEnded(Result.not_readable(finding.means, finding))
