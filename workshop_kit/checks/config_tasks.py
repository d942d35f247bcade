"""The environments in tasks.yaml: read them, fill the store for them, and run one by the participant's run_task."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from workshop_kit.engine import parameter_store
from workshop_kit.engine.parameter_store import Settings, Store
from workshop_kit.errors import first_problem
from workshop_kit.trials import task_process
from workshop_kit.trials.check_context import CheckEnded, Context
from workshop_kit.trials.result import Finding, Result
from workshop_kit.trials.trial import Trial
from workshop_kit.trials.yaml_problem import yaml_finding

FILE = "tasks.yaml"
LONGEST_REASON = 200
DESK = "desk"
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


class TaskDefinition(BaseModel, extra="forbid"):
    """An environment in tasks.yaml. What an entry has to be, ``run_task`` finds out."""

    image: str = "none"
    environment: list[dict[str, Any]] = []
    secrets: list[dict[str, Any]] = []


TASKS = TypeAdapter(dict[str, TaskDefinition])


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Return the values of the settings that are secret."""
    return tuple(value.get_secret_value() for value in settings.values() if isinstance(value, SecretStr))


def fill_store(context: Context, settings: Mapping[str, Settings]) -> Store:
    """Start the parameter store with the settings of each environment, and return it."""
    store = parameter_store.start(context.stack, context.report)
    parameter_store.seed(store, settings)
    return store


@contextlib.contextmanager
def run(context: Context, name: str, definition: TaskDefinition, store: Store, settings: Settings) -> Iterator[Trial]:
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
        secrets = secrets_of(settings)
        yield Trial(running, secrets=secrets, superseded=context.superseded, waits=context.waits)


def _shared_variables(definition: TaskDefinition, settings: Settings) -> list[dict[str, str]]:
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


def read(text: str) -> dict[str, TaskDefinition]:
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
    finding = yaml_finding(FILE, text, reason, PARENTS) or Finding(
        False,
        f"Read {FILE}",
        reason,
        "it can be read",
        means=f"{FILE} is YAML, but it does not have the right form: {reason}.",
        look="Compare it with the environments around it, or reset it.",
    )
    raise CheckEnded(Result.not_readable(finding.means, finding))
