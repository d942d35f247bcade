"""The check of config.env: an order with the settings of another database, and a start without them."""

from __future__ import annotations

import json
import re

from workshop_kit.checks import config
from workshop_kit.checks.config import PASSWORD
from workshop_kit.trials.check_api import check
from workshop_kit.trials.check_context import entry_of
from workshop_kit.trials.expect import Observation, expect
from workshop_kit.trials.service import Service
from workshop_kit.trials.start_failure import exception_reason
from workshop_kit.trials.trial import Reply
from workshop_kit.trials.trial_database import ITEM_LENGTH

ITEM = "coffee"
OTHER = {
    "HOST": "other-host",
    "PORT": "3308",
    "NAME": "other_name",
    "USER": "other_user",
    "PASSWORD": "other-password",
    "SQL_MODE": "ANSI",
}
"""The settings of a third database, which read_group() has to read."""
ONE_MORE = {"TIMEOUT": "9"}
"""A setting that only this group has."""
TOO_LONG = "Data too long"
OF_THE_DRIVER = re.compile(r"""\(\d{4}, (?P<quote>["'])(?P<words>.*?)(?P=quote)\)""")
"""The database driver's error in SQLAlchemy's text: its number and its words."""


@check("config.env")
def env(service: Service) -> None:
    """It follows its settings: with other settings, the same code uses another database."""
    with service.database() as database:
        environment = {**database.settings, PASSWORD: database.password}
        with config.run_with_passwords(service, environment=environment) as running:
            running.report_step("placing an order in another database")
            running.situation = " with the settings of another database"
            order = config.place_order(running, ITEM)
            log = config.read_log(running)

    follows_settings = uses_the_database(order, log, database.first_id)
    shows_no_password(log)
    if follows_settings:
        needs_its_settings(service)
        reads_any_group(service)


def uses_the_database(order: Reply, log: str, first_id: int) -> bool:
    """Expect the order in the database of the settings, and placed in its mode; return whether that is so.

    The ids of that database begin at ``first_id``. In its mode it shortens an item that is too long.
    """
    order_id = entry_of(order.json(), "id")
    is_there = order.status == 201 and isinstance(order_id, int) and order_id >= first_id
    is_right = is_there and entry_of(order.json(), "item") == ITEM[:ITEM_LENGTH]

    reason = failure_reason(log)
    got = f"{order}; {reason}"
    means = f"The order failed: {reason}."
    look = "Six variables describe the database. Does each value in that message come from its variable?"
    if order.status == 201:
        got = f"{order}, and the order is in another database"
        means = "The order is not in the database of the settings: you test in staging, and production gets the order."
        look = "Where do host, port and name of the database come from?"
    if is_there:
        got = f"{order}, and the order is there"
    if is_there or (order.status != 201 and TOO_LONG in log):
        means = "The order is placed in another SQL mode than the one in MASTER_DB_SQL_MODE."
        look = "Where does sql_mode come from? A strict mode refuses a text that is too long, and this one shortens it."

    expect(
        is_right,
        seen=Observation(order.called, got, 0.0),
        expected="201, and the order is there",
        means=means,
        look=look,
        hint=1,
    )
    return is_right


def failure_reason(log: str) -> str:
    """Return why an order failed, in the words of the database's driver if the log has them."""
    reason = exception_reason(log) or "its log does not say why"
    driver_error = OF_THE_DRIVER.search(reason)
    if driver_error is None:
        return reason
    return driver_error["words"].rstrip(".")


def shows_no_password(log: str) -> None:
    """Expect no secret in the log, in which each is replaced by "(secret)"."""
    shows_one = "(secret)" in log
    expect(
        not shows_one,
        seen=Observation("Look for a password in its log", "there is one" if shows_one else "none", 0.0),
        expected="none",
        means="It prints a password: everyone who can read the log now knows it.",
        look="Which line prints what it has read?",
    )


def needs_its_settings(service: Service) -> None:
    """Expect no order to be placed without any variable of the database."""
    names = [f"MASTER_DB_{name}" for name in OTHER]
    with config.run_with_passwords(service, without=names, starting=True) as running:
        running.situation = " without any variable of the database"
        config.wait_start_end(running)
        order = config.place_order(running)

    expect(
        order.status != 201,
        seen=order,
        expected="no order is placed",
        means="No setting names a database, and the order is placed in one that is hard-coded.",
        look="What does it do when a variable is not set? A forgotten variable must not mean production.",
        hint=2,
    )


def reads_any_group(service: Service) -> None:
    """Expect read_group() to read all of a third group, unless the service has no such function."""
    group = OTHER | ONE_MORE
    variables = {f"OTHER_DB_{name}": value for name, value in group.items()}
    settings = config.run_inside(service, "read_group", json.dumps(variables), "OTHER_DB")
    if settings is None:
        return

    wrong_names = [f"OTHER_DB_{name}" for name, value in group.items() if settings.get(name) != value]
    got = f"other values: {', '.join(wrong_names) or 'none'}"
    means = "read_group() does not read the group in its argument: the replica would get the master's settings."
    if wrong_names == [f"OTHER_DB_{name}" for name in ONE_MORE]:
        means = "read_group() leaves out a variable of the group: a server with one setting more would not get it."
    expect(
        not wrong_names,
        seen=Observation('Call read_group("OTHER_DB")', settings.get("raised", got), 0.0),
        expected="the values of OTHER_DB_HOST and the other six variables",
        means=means,
        look="Which variables belong to the group in its argument? Their names begin with it.",
        hint=2,
    )
