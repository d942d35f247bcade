"""The settings form without a page: no secret on it, and problems as text. tests/browser starts the service with it."""

from __future__ import annotations

from typing import cast

from workshop_kit.engine.stack import Stack
from workshop_kit.lessons.settings_form import READY, FormStart, SettingsForm, card_html, problems_in

USUAL = {"MASTER_DB_HOST": "master-db", "LOG_LEVEL": "info", "REDIS_PASSWORD_FILE": "/run/secrets/redis_password"}


def test_the_value_of_another_variable_is_not_shown() -> None:
    """It may be a password: the page shows its name alone."""
    typed = {"MASTER_DB_HOST": "", "LOG_LEVEL": None, "HTTP_PORT": "9090", "REDIS_PASSWORD": "geheim"}
    result = FormStart(typed, READY, 1.0)
    assert "Typed: MASTER_DB_HOST=, LOG_LEVEL left out, HTTP_PORT=9090, REDIS_PASSWORD set" in str(result)
    assert "geheim" not in card_html(result)


def test_only_the_services_own_line_counts() -> None:
    """Other lines of a log, JSON or not, are no problems; text in problems is escaped on the page."""
    refused = '{"msg": "configuration refused", "problems": [{"variable": "A<b>", "purpose": "p", "wrong": "w"}]}'
    found = problems_in(["no JSON", "[1]", '{"msg": "ready"}', refused])
    assert found == [{"variable": "A<b>", "purpose": "p", "wrong": "w"}]
    assert "A&lt;b&gt;" in card_html(FormStart({}, "It refused to start", 0.5, found))


def test_secrets_are_no_part_of_the_form() -> None:
    """The page gets the variables of the form and no other."""
    form = SettingsForm(cast("Stack", None), "an image", {**USUAL, "REPLICA_DB_PASSWORD": "geheim"})
    form.show()
    assert form.job.widget is not None
    assert "geheim" not in str(form.job.widget.get_state())
    assert "PASSWORD" not in form.page().html.partition("</style>")[2]
