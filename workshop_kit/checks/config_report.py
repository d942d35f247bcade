"""The check of config.report: every variable that is missing or wrong, in one line of one start."""

from __future__ import annotations

from collections.abc import Sequence

from workshop_kit.checks import config
from workshop_kit.checks.config import Refusal
from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import Observation, expect, require
from workshop_kit.trials.service import Service

GROUP = ("REDIS_HOST", "REDIS_PASSWORD", "REDIS_PORT")
"""All required variables of one dependency."""
MISSING = ("MASTER_DB_NAME", "REPLICA_DB_HOST", "REPLICA_DB_PASSWORD", *GROUP)
"""Variables without which the service cannot start; two are secrets."""
WRONG = "HTTP_PORT"
WANTED = (*MISSING, WRONG)
NO_PORT = "abc"
OTHERS_MISSING = ("MASTER_DB_USER", "REPLICA_DB_PORT")
OTHER_WRONG = "REDIS_PORT"
"""What is missing and wrong in the second start; the variables of the first one are right then."""


@check("config.report")
def report(service: Service) -> None:
    """One start names everything that is wrong, in one line."""
    refusal = start(service, [*MISSING, "REDIS_USER"], WRONG)  # REDIS_USER has a default
    refuses(refusal)
    names_all(refusal)
    names_no_others(refusal)
    expect_one_line(refusal)
    if refusal.variables == set(WANTED) and refusal.line_count == 1:
        names_other_mistakes(service)
        takes_an_order(service)


def start(service: Service, missing: Sequence[str], wrong: str) -> Refusal:
    """Start the service without some variables, and with a wrong one; return how that ended."""
    without = [*missing, *(f"{name}_FILE" for name in missing)]
    with service.run(environment={wrong: NO_PORT}, without=without, starting=True) as running:
        running.report_step(f"waiting for it to refuse without {len(missing)} of its variables")
        running.situation = f" without {', '.join(missing)}, and with {wrong}={NO_PORT}"
        return config.wait_start_end(running)


def refuses(refusal: Refusal) -> None:
    """Require the service to end by itself, with exit code 1 and without an exception."""
    means = f"It ends with exit code {refusal.code}, as if for another reason."
    look = "read_settings() in main.py ends it with 1 when Settings() raises a ValidationError. What ends it here?"
    if refusal.code is None:
        means = "It starts with settings that it cannot use: the first customer finds out."
        look = "Which settings does Settings require, and when does it read them?"
    if refusal.exception:
        means = f"It ends with an exception in place of a report: {refusal.exception}."
        look = "read_settings() in main.py expects a ValidationError. Does Settings() raise something else, such as "
        look += "KeyError? Or does problems() fail?"

    expected = "exit code 1, without an exception"
    require(refusal.is_orderly, seen=refusal, expected=expected, means=means, look=look)


def names_all(refusal: Refusal) -> None:
    """Expect the log to name all variables that are missing or wrong."""
    named = [name for name in WANTED if name in refusal.variables]
    missing = [name for name in WANTED if name not in named]

    means = f"{len(WANTED)} variables are missing or wrong, and it names only {len(named)}: you need more starts."
    look = "Groups that are read one after the other end at the first that is wrong. What checks all of them together?"
    if not named:
        means = f"{len(WANTED)} variables are missing or wrong, and it names none of them as a person has to set it."
        look = "What does problems() write before the colon? `name` could be MASTER_DB_NAME, or REPLICA_DB_NAME."
    if missing == list(GROUP):
        means = f"It names each variable but {', '.join(GROUP)}: no variable of that group is set."
        look = "If no variable of a group is set, pydantic checks the group's default. What is it?"
    if missing == [WRONG]:
        means = f"It names what is missing, but not that {WRONG} is wrong: that takes another start."
        look = f"One class checks all its settings together. Options has {WRONG}: does Settings extend it?"

    expect(
        not missing,
        seen=Observation(f"Look for {', '.join(WANTED)} in its log", f"named: {', '.join(named) or 'none'}", 0.0),
        expected=f"all {len(WANTED)}",
        means=means,
        look=look,
        hint=2,
    )


def names_no_others(refusal: Refusal) -> None:
    """Expect the log to name no variable that is right."""
    others = sorted(refusal.variables.difference(WANTED))
    expect(
        not others,
        seen=Observation("Look for other variables in its log", ", ".join(others[:5]) or "none", 0.0),
        expected="none",
        means="It complains about variables that are right: you search for a mistake where there is none.",
        look="Does that variable have a default? Does its value come from a file, as with MASTER_DB_PASSWORD_FILE? "
        "Or is its name cut at the wrong underscore? env_nested_max_split=1 cuts MASTER_DB_SQL_MODE once.",
        hint=2,
    )


def expect_one_line(refusal: Refusal) -> None:
    """Expect a log of one line, if it names any of the variables."""
    if not refusal.variables.intersection(WANTED):
        return  # `names_all` has said so

    expect(
        refusal.line_count == 1,
        seen=Observation("Count the lines of its log", str(refusal.line_count), 0.0),
        expected="1",
        means="Its report is spread over several lines: no search finds it as one event.",
        look="problems() only returns a list, and refuse() in main.py makes one line of it. What else writes?",
    )


def names_other_mistakes(service: Service) -> None:
    """Expect another start to name the variables that are missing or wrong then, and no others."""
    refusal = start(service, OTHERS_MISSING, OTHER_WRONG)
    names = {*OTHERS_MISSING, OTHER_WRONG}

    means = "With other mistakes its report is wrong: it leaves one out, or names a variable that is right."
    look = "Which rule finds each of the three? A setting of a group can be missing, and it can be wrong."
    if refusal.variables == set(WANTED):
        means = "It names the same variables whichever are wrong: they are hard-coded."
        look = "The environment knows which variables have a value, and the classes know which are required."

    expect(
        refusal.is_orderly and refusal.variables == names,
        seen=refusal,
        expected=f"exit code 1; named in its log: {', '.join(sorted(names))}",
        means=means,
        look=look,
    )


def takes_an_order(service: Service) -> None:
    """Expect the service to start with all of its variables, and to take an order."""
    with service.run(starting=True) as running:
        running.situation = " with all of its settings"
        refusal = config.wait_start_end(running)
        order = config.place_order(running)

    means = "It starts with the right settings, and takes no order: a value does not arrive."
    look = "Which settings does the service use that do not come from the environment?"
    if refusal.code is not None:
        means = "It refuses settings that are right."
        look = "Which variable does it name? A password comes from a file here: MASTER_DB_PASSWORD_FILE."

    expect(order.status == 201, seen=order, expected="201", means=means, look=look)
