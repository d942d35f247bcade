"""The checks of config.environments and config.store: the participant's run_task starts what tasks.yaml defines."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from workshop_kit.checks import config
from workshop_kit.engine import parameter_store
from workshop_kit.engine.parameter_store import Settings, Store
from workshop_kit.errors import first_problem
from workshop_kit.trials import service_trial, task_process
from workshop_kit.trials.check_api import CheckEnded, Context, check
from workshop_kit.trials.findings import START, findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.task_process import TaskError
from workshop_kit.trials.trial import Trial
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
REFUSED = re.compile(r"AccessDenied.*parameter(/\S+)")

LISTS = frozenset({"environment", "secrets"})
OF_ENVIRONMENT = frozenset({"production", "staging", "qa", DESK})
PARENTS = {
    **dict.fromkeys(("image", "environment", "secrets"), OF_ENVIRONMENT),
    **dict.fromkeys(("name", "value", "valueFrom"), LISTS),
    **dict.fromkeys(OF_ENVIRONMENT, frozenset({""})),
}
"""The keys of tasks.yaml, each with the keys under which it may stand ("": at the top)."""


class Definition(BaseModel, extra="forbid"):
    """An environment in tasks.yaml. What an entry has to be, ``run_task`` finds out."""

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
    """Find whether an environment starts from its definition, is ready, and logs from its level."""
    level = str(settings["log/level"])
    values = {"name": name, "level": level}
    if definition is None:
        return ENVIRONMENTS.failed("start.absent", f"no {name}", **values)

    try:
        with _run_definition(context, name, definition, store, settings) as trial:
            logged_level = _read_variables(trial).get("LOG_LEVEL", "info")
            is_ready = trial.wait_answer("/readyz", within_seconds=READY_SECONDS)
    except TaskError as error:
        return _error_finding(str(error), values)

    state = "ready" if is_ready else "not ready"
    way_to_fail = "level" if is_ready else "not-ready"
    observation = f"{state}, logging from {logged_level}"
    return ENVIRONMENTS.equals(f"start.{way_to_fail}", observation, found=logged_level, **values)


def _error_finding(error: str, values: Mapping[str, str]) -> Finding:
    """Return the finding on an environment that was not started; ``values`` are those of the finding's texts."""
    reason = error[-LONGEST_REASON:]
    refused = REFUSED.search(error)
    if refused:
        return ENVIRONMENTS.failed("start.foreign", reason, parameter=refused[1], **values)
    return ENVIRONMENTS.failed("start.refused", reason, reason=reason, **values)


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

    no_passwords = STORE.has_none("written", _passwords_as_text(definition, settings))
    try:
        with _run_definition(context, DESK, definition, parameters, settings) as trial:
            service_trial.wait_started(trial)
            order = config.place_order(trial)
            takes_order = STORE.equals("order", str(order), status=201)
            all_findings = [no_passwords, takes_order]
            return conclude(STORE.success_summary, all_findings, trial.log_tail(), lucky=takes_order.passed)
    except TaskError as error:
        reason = str(error)[-LONGEST_REASON:]
        finding = STORE.failed("start", reason, reason=reason)
        return Result.did_not_start(finding.means, no_passwords, finding)


def _passwords_as_text(definition: Definition, settings: Settings) -> list[str]:
    """Return the variables of a definition that are called passwords, or have a secret of the settings as text."""
    secrets = _secrets_of(settings)
    names: list[str] = []
    for entry in definition.environment:
        name = str(entry.get("name"))
        if name.endswith("PASSWORD") or entry.get("value") in secrets:
            names.append(name)
    return names


def _secrets_of(settings: Settings) -> tuple[str, ...]:
    return tuple(value.get_secret_value() for value in settings.values() if isinstance(value, SecretStr))


def _read_variables(trial: Trial) -> dict[str, str]:
    """Return the environment variables of a container, by name."""
    pairs = trial.running.inspect()["Config"]["Env"]
    return dict(pair.split("=", 1) for pair in pairs)


def _fill_store(context: Context, settings: Mapping[str, Settings]) -> Store:
    """Start the parameter store with the settings of each environment, and return it."""
    store = parameter_store.start(context.stack, context.report)
    parameter_store.seed(store, settings)
    return store


@contextlib.contextmanager
def _run_definition(
    context: Context, name: str, definition: Definition, store: Store, settings: Settings
) -> Iterator[Trial]:
    """Run a definition as a trial: with the service's image, and the settings that environments share.

    Raises TaskError if the participant's ``run_task`` starts no container.
    """
    task = {
        "name": f"task-{name}",
        "image": context.stack.container("service").attrs["Image"],
        "environment": [*definition.environment, *_shared_variables(definition, settings)],
        "secrets": definition.secrets,
    }
    reader = store.reader(name, "check").access  # the key of a cell's reader stays valid
    with task_process.run(context, task, reader) as running:
        secrets = _secrets_of(settings)
        yield Trial(running, secrets=secrets, superseded=context.superseded, waits=context.waits)


def _shared_variables(definition: Definition, settings: Settings) -> list[dict[str, str]]:
    """Return the entries for what the service needs besides, which is in no definition."""
    entries = (*definition.environment, *definition.secrets)
    own_names = {str(entry.get("name")) for entry in entries}
    left_out = own_names.union(NOT_SHARED)

    shared: list[dict[str, str]] = []
    for name, value in settings.items():
        variable = parameter_store.variable(name)
        if isinstance(value, str) and variable not in left_out:
            shared.append({"name": variable, "value": value})
    return shared


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
