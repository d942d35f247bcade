"""The check of config.store: start the service of the desk, place an order, and look for passwords in tasks.yaml."""

from __future__ import annotations

from workshop_kit.checks import config, config_tasks
from workshop_kit.checks.config_tasks import DESK, LONGEST_REASON, TaskDefinition
from workshop_kit.engine import parameter_store
from workshop_kit.engine.parameter_store import Settings
from workshop_kit.trials import service_trial
from workshop_kit.trials.check_api import check
from workshop_kit.trials.check_context import CheckEnded
from workshop_kit.trials.expect import Observation, expect
from workshop_kit.trials.result import Finding, Result
from workshop_kit.trials.service import Service
from workshop_kit.trials.task_process import TaskError


@check("config.store")
def store(service: Service) -> None:
    """It got its passwords when it started, and no file shows them."""
    context = service.context
    definition = config_tasks.read(context.text).get(DESK, TaskDefinition())
    service_trial.ensure_up(context.stack, context.report)
    settings = parameter_store.settings_of(context.stack)
    parameters = config_tasks.fill_store(context, {DESK: settings})
    context.report_step("starting the service of your desk")

    try:
        with config_tasks.run(context, DESK, definition, parameters, settings) as trial:
            service_trial.wait_started(trial)
            order = config.place_order(trial)
            service.log = trial.log_tail()
    except TaskError as error:
        shows_no_password(definition, settings)
        raise did_not_start(error) from error

    shows_no_password(definition, settings)
    expect(
        order.status == 201,
        seen=Observation("POST /orders", str(order), order.seconds),
        expected="201",
        means="The passwords in the store are new. The service has others, so every order fails.",
        look="Where does the service get its password, and when?",
    )


def shows_no_password(definition: TaskDefinition, settings: Settings) -> None:
    """Expect no variable with a text that is called a password, or that is one of the settings' secrets."""
    secrets = config_tasks.secrets_of(settings)
    names: list[str] = []
    for entry in definition.environment:
        name = str(entry.get("name"))
        if name.endswith("PASSWORD") or entry.get("value") in secrets:
            names.append(name)

    expect(
        not names,
        seen=Observation("Look in tasks.yaml for passwords that are written as text", ", ".join(names) or "none", 0.0),
        expected="none",
        means="Everyone who may read this file, or any of its old versions, knows the password.",
        look="Which key takes a path in the store in place of a value?",
    )


def did_not_start(error: TaskError) -> CheckEnded:
    """Return the end of the check for a definition with which ``run_task`` starts nothing."""
    reason = str(error)[-LONGEST_REASON:]
    means = f"It does not start: {reason}"
    look = "Which parameters are there under /workshop/desk?"
    finding = Finding(False, "Call run_task", reason, "it runs", means, look, hint=3)
    return CheckEnded(Result.did_not_start(means, finding))
