"""The check of config.file: run the service with its password in files, and with two mistakes that it should refuse."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

from workshop_kit.checks import config
from workshop_kit.checks.config import PASSWORD, Refusal
from workshop_kit.engine.containers import SECRETS_FOLDER
from workshop_kit.observe.http import Answer
from workshop_kit.trials import service_trial, trial_database
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, expect
from workshop_kit.trials.service import RunningService, Service

PASSWORD_FILE = f"{PASSWORD}_FILE"
GROUP = "MASTER_DB"
ODD = " odd \t"
FOLDER = "/tmp"  # noqa: S108  # in the container


@check("config.file")
def file(service: Service) -> None:
    """A secret in a file arrives unchanged, and every mistake with the file is named."""
    stack = service.context.stack
    service_trial.ensure_up(stack, service.context.report)
    secret = service_trial.secrets_of(stack)[f"{SECRETS_FOLDER}/master_db_password"].rstrip("\n")

    with trial_database.start(stack, ODD) as database:
        with (
            run_with_file(service, f"{secret}\n") as with_line_end,
            run_with_file(service, secret, {PASSWORD: secret}) as with_both,
        ):
            with_line_end.wait_start()
            leaves_out_the_line_end(config.place_order(with_line_end))
            refuses(
                config.wait_start_end(with_both),
                f"Start it with {PASSWORD}, and with {PASSWORD_FILE}, too",
                accepted="There are two values, and it silently takes one of them. Changing the other has no effect.",
                look="Raise ValueError with a message that contains PASSWORD. pydantic adds the name of the group.",
            )
        first_log = service.log

        database.wait_ready()
        with (
            run_with_file(service, ODD, database.settings) as with_blanks,
            run_with_file(service, secret, {PASSWORD_FILE: FOLDER}) as with_folder,
        ):
            keeps_blanks(config.order_or_refusal(with_blanks))
            refuses(
                config.wait_start_end(with_folder),
                f"Start it with {PASSWORD_FILE} naming a folder, which cannot be read",
                accepted="There is no secret to read, but it goes on with some other value.",
                look="pydantic turns only a ValueError into a sentence. Which exception does reading a folder raise?",
            )
        service.log = first_log


def run_with_file(
    service: Service, password: str, environment: Mapping[str, str] | None = None
) -> AbstractContextManager[RunningService]:
    """Run it with a file that holds a password, and with these variables; do not wait for its start."""
    variables = {PASSWORD_FILE: f"{service_trial.GIVEN}/password", **(environment or {})}
    return service.run(environment=variables, files={"password": password}, starting=True)


def leaves_out_the_line_end(order: Answer) -> None:
    """Expect an order to be placed."""
    expect(
        order.status == 201,
        seen=Observation(
            "POST /orders, with the right password in a file, as an editor writes it", str(order), order.seconds
        ),
        expected="201",
        means="The password in the file is right, but every order fails: access denied.",
        look="Which character follows the last one that you can see?",
    )


def keeps_blanks(outcome: Answer | Refusal) -> None:
    """Expect an order to be placed, where the start may have been refused."""
    got = str(outcome)
    means = f"It refuses a correct password: {got}."
    look = "Blanks are part of a secret, and its file does not have to end with a line end."
    if isinstance(outcome, Answer):
        means = "Part of the secret was cut off together with the line end: access denied."
        look = "Exactly one line end is not part of the secret. Blanks are."

    expect(
        got == "201",
        seen=Observation(
            "POST /orders, with a password that has blanks at both ends, in a file that does not end with a line end",
            got,
            0.0,
        ),
        expected="201",
        means=means,
        look=look,
        hint=2,
    )


def refuses(refusal: Refusal, called: str, accepted: str, look: str) -> None:
    """Expect exit code 1 and a sentence that names the variable; ``accepted`` is what it means if the service starts.

    The name may come in two parts: pydantic names the group of settings, and the words of the ValueError the rest.
    """
    outcome = refusal.exception or str(refusal)
    expected = f"exit code 1, and {PASSWORD} is named"
    is_named = GROUP in refusal.text and "PASSWORD" in refusal.text
    is_right = refusal.is_orderly and is_named

    means = f"It fails without saying what is wrong: {outcome}."
    if refusal.code is None:
        means = accepted
    expect(
        is_right,
        seen=Observation(called, expected if is_right else outcome, 0.0),
        expected=expected,
        means=means,
        look=look,
        hint=2,
    )
