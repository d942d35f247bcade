"""The check of config.env: an order with the settings of another database, and a start without them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence

from workshop_kit.checks import config
from workshop_kit.checks.config import PASSWORD
from workshop_kit.engine.stack import Stack
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_image, service_trial, trial_database
from workshop_kit.trials.check_api import Context, check, entry_of
from workshop_kit.trials.findings import findings
from workshop_kit.trials.result import Finding, Result, conclude
from workshop_kit.trials.start_failure import exception_reason
from workshop_kit.trials.trial_database import ROOM

ENV = findings("config.env")
MASTER = "MASTER_DB_"
ITEM = "coffee"
OTHER_GROUP = "OTHER_DB"
OTHER_VALUES = {
    "HOST": "other-host",
    "PORT": "3308",
    "NAME": "other_name",
    "USER": "other_user",
    "PASSWORD": "other-password",
    "SQL_MODE": "ANSI",
}
"""The settings of a third database, which read_database() has to read."""
TOO_LONG = "Data too long"
OF_THE_DRIVER = re.compile(r"""\(\d{4}, (?P<quote>["'])(?P<words>.*?)(?P=quote)\)""")
"""The database driver's error in SQLAlchemy's text: its number and its words."""


@check("config.env")
def env(context: Context) -> Result:
    """Place an order with the settings of another database; then start the service without settings of a database."""
    service_trial.ensure_up(context.stack, context.report)
    with trial_database.start(context.stack) as database, service_image.build(context) as image:
        database.wait_ready()
        with config.run_on(context, image, database, {PASSWORD: database.password}) as trial:
            config.wait_listening(trial)
            context.report_step("placing an order in another database")
            order = config.place_order(trial, ITEM)
            log = trial.log_tail(config.LOG_LIMIT_BYTES, config.LOG_LINES)
            lines = trial.log_tail()

        uses_settings = order_finding(order, log, database.first_id)
        no_secret = secrets_finding(log)
        all_findings = [uses_settings, no_secret]
        if uses_settings.passed:
            context.report_step("starting it without these settings")
            answer = _place_order_without_settings(context, image)
            all_findings.append(missing_settings_finding(answer))
            all_findings += _group_findings(context, image)

    is_lucky = uses_settings.passed and no_secret.passed
    return conclude(ENV.success_summary, all_findings, lines, lucky=is_lucky)


def order_finding(order: Answer, log: str, first_id: int) -> Finding:
    """Find whether an order went to the database of the settings, with its mode.

    That database is known by its ids, which begin at ``first_id``; in its mode it shortens an item that is too long.
    """
    order_id = entry_of(order.json(), "id")
    is_there = isinstance(order_id, int) and order_id >= first_id
    is_shortened = entry_of(order.json(), "item") == ITEM[:ROOM]
    passed = order.status == 201 and is_there and is_shortened

    reason = _failure_reason(log)
    if order.status == 201 and is_there:
        way_to_fail = "mode"
        observation = f"{order}, and the order is there"
    elif order.status == 201:
        way_to_fail = "elsewhere"
        observation = f"{order}, and the order is in another database"
    else:
        way_to_fail = "mode" if TOO_LONG in log else "failed"
        observation = f"{order}; {reason}"
    return ENV.found(passed, f"order.{way_to_fail}", observation, reason=reason)


def _failure_reason(log: str) -> str:
    """Return why an order failed, in the words of the database's driver if the log has them."""
    reason = exception_reason(log) or "its log does not say why"
    driver_error = OF_THE_DRIVER.search(reason)
    if driver_error is None:
        return reason
    return driver_error["words"].rstrip(".")


def secrets_finding(log: str) -> Finding:
    """Find whether the log has no secret; `Trial.log_tail` has replaced each by "(secret)"."""
    return ENV.equals("secrets", "there is one" if "(secret)" in log else "none")


def _place_order_without_settings(context: Context, image: str) -> Answer | None:
    """Place an order without any variable of the master; return the answer, or None if the service does not start."""
    stack_settings, file_variables = config.settings_with_passwords(context.stack)
    names = (*stack_settings, *_variable_names(context.stack))
    master_names = [name for name in names if name.startswith(MASTER)]
    environment = {name: value for name, value in stack_settings.items() if name not in master_names}

    without = (*master_names, *file_variables)
    with service_trial.run_with_stack(context, image, environment=environment, without=without) as trial:
        if config.wait_start_end(trial).code is not None:
            return None
        return config.place_order(trial)


def _variable_names(stack: Stack) -> Collection[str]:
    """Return the names of the variables of the stack's service."""
    return service_trial.settings_of(stack.container("service"))


def missing_settings_finding(answer: Answer | None) -> Finding:
    """Find whether no order is placed without settings of a database; ``answer`` None: the service does not start."""
    if answer is None:
        return ENV.passed("default", "it does not start")
    return ENV.found(answer.status != 201, "default", f"it starts, and answers {answer}")


def _group_findings(context: Context, image: str) -> Sequence[Finding]:
    """Let read_database() read a third database; return the finding, or none if the module has no such function."""
    variables = {f"{OTHER_GROUP}_{name}": value for name, value in OTHER_VALUES.items()}
    settings = config.run_inside(context, image, "read_database", json.dumps(variables), OTHER_GROUP)
    return [] if settings is None else [group_finding(settings)]


def group_finding(settings: Mapping[str, str]) -> Finding:
    """Find whether read_database() returned the settings of the group that it was asked for.

    ``settings`` are the values by name, or ``raised`` with the exception.
    """
    exception = settings.get("raised")
    if exception:
        return ENV.has_none("group", [exception])

    wrong_names = [f"{OTHER_GROUP}_{name}" for name, value in OTHER_VALUES.items() if settings.get(name) != value]
    return ENV.has_none("group", wrong_names)
