"""The settings form without a page: typed settings become an environment, and the real service starts or refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.conftest import like
from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.stack import Stack
from workshop_kit.lessons.settings_form import (
    NOT_READY,
    READY,
    REFUSED,
    FormStart,
    Problem,
    SettingsForm,
    card_html,
    problems_in,
    try_settings,
)
from workshop_kit.progress import silent

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
    assert found == [Problem("A<b>", "p", "w")]
    assert "A&lt;b&gt;" in card_html(FormStart({}, REFUSED, 0.5, 1, tuple(found)))


@pytest.fixture
def form(stack: Stack) -> Iterator[SettingsForm]:
    """The form of that stack's service; afterwards no container of its own is left."""

    def start(environment: Mapping[str, str], port: int) -> Running:
        spec = like(stack.container("service"), environment=environment, ports=(port,))
        return containers.run(stack.session, spec)

    before = stack.session.ledger.entries()
    yield SettingsForm(start, like(stack.container("service")).environment)
    assert stack.session.ledger.entries() == before


@pytest.mark.engine
@pytest.mark.timeout(300)
def test_a_service_that_starts_is_told_from_one_that_is_not_ready(form: SettingsForm) -> None:
    """Good settings on a typed port, and a host that is not there."""
    assert try_settings(form.start, form.usual, {"HTTP_PORT": "9090"}, silent).outcome == READY
    assert try_settings(form.start, form.usual, {"MASTER_DB_HOST": "nowhere"}, silent).outcome == NOT_READY


def test_secrets_are_no_part_of_the_form() -> None:
    """The page gets the variables of the form and no other."""

    def never(_: Mapping[str, str], __: int) -> Running:
        raise AssertionError

    form = SettingsForm(never, {**USUAL, "REPLICA_DB_PASSWORD": "geheim"})
    form.show()
    assert form.job is not None
    assert form.job.widget is not None
    assert "geheim" not in str(form.job.widget.get_state())
    assert "PASSWORD" not in form.page().html.partition("</style>")[2]
