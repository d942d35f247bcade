"""The settings form without a page: typed settings become an environment, and the real service starts or refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from workshop_kit.engine import containers
from workshop_kit.engine.containers import Running
from workshop_kit.engine.spec import like
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WrongUsage
from workshop_kit.lessons.settings_form import (
    Problem,
    SettingsForm,
    StartOutcome,
    StartResult,
    Typed,
    card_html,
    parse_variable,
    problems_in,
    try_settings,
)
from workshop_kit.progress import silent

USUAL = {"MASTER_DB_HOST": "master-db", "LOG_LEVEL": "info", "REDIS_PASSWORD_FILE": "/run/secrets/redis_password"}


def test_typed_settings_replace_the_usual_ones() -> None:
    """A text replaces, an empty one too; what is left out is not there; the rest stays."""
    typed = Typed({"MASTER_DB_HOST": "", "LOG_LEVEL": None, "HTTP_PORT": "9090"})
    assert typed.environment(USUAL) == {
        "MASTER_DB_HOST": "",
        "HTTP_PORT": "9090",
        "REDIS_PASSWORD_FILE": "/run/secrets/redis_password",
    }
    assert str(typed) == "MASTER_DB_HOST=, LOG_LEVEL left out, HTTP_PORT=9090"


def test_the_value_of_another_variable_is_not_shown() -> None:
    """It may be a password: the page shows its name alone."""
    result = StartResult(Typed({"REDIS_PASSWORD": "geheim"}, frozenset({"REDIS_PASSWORD"})), StartOutcome.READY, 1.0)
    assert "REDIS_PASSWORD set" in str(result)
    assert "geheim" not in str(result) + card_html(result)


@pytest.mark.parametrize("text", ["MASTER_DB_HOTS", "MASTER DB=1"])
def test_the_other_variable_has_one_form(text: str) -> None:
    """NAME=value, or it is said so."""
    with pytest.raises(WrongUsage, match="NAME=value"):
        parse_variable(text)


def test_only_the_services_own_line_counts() -> None:
    """Other lines of a log, JSON or not, are no problems; text in problems is escaped on the page."""
    refused = '{"msg": "configuration refused", "problems": [{"variable": "A<b>", "purpose": "p", "wrong": "w"}]}'
    found = problems_in(["no JSON", "[1]", '{"msg": "ready"}', refused])
    assert found == [Problem("A<b>", "p", "w")]
    assert "A&lt;b&gt;" in card_html(StartResult(Typed({}), StartOutcome.REFUSED, 0.5, 1, tuple(found)))


@pytest.fixture
def form(stack: Stack) -> Iterator[SettingsForm]:
    """The form of that stack's service; afterwards no container of its own is left."""

    def start(environment: Mapping[str, str], port: int) -> Running:
        spec = like(stack.container("service"), environment=environment, ports=(port,))
        return containers.run(stack.session, spec)

    before = stack.session.ledger.entries()
    yield SettingsForm(start, like(stack.container("service")).environment)
    assert stack.session.ledger.entries() == before


def tried(form: SettingsForm, **changes: str | None) -> StartResult:
    """Start it with what is typed."""
    return try_settings(form.start, form.usual, Typed(changes), silent)


@pytest.mark.engine
@pytest.mark.timeout(300)
class TestOnTheService:
    """The real image, with real settings."""

    def test_it_names_every_problem_at_once(self, form: SettingsForm) -> None:
        """It refuses with exit code 1 and says what is wrong with each variable, none of them with its value."""
        result = tried(form, MASTER_DB_PORT="3306x", LOG_LEVEL="loud", MASTER_DB_HOST=None, MASTER_DB_HOTS="db9")
        assert (result.outcome, result.exit_code) == (StartOutcome.REFUSED, 1)
        assert {one.variable for one in result.problems} == {
            "MASTER_DB_HOST",
            "MASTER_DB_PORT",
            "LOG_LEVEL",
            "MASTER_DB_HOTS",
        }
        assert "did you mean MASTER_DB_HOST?" in str(result)
        assert result.headline == "It refused to start: exit code 1, 4 problems"
        assert 0 < result.seconds < 10

    def test_a_headless_run_tries_three_broken_settings(self, form: SettingsForm) -> None:
        """Without anybody to type, three settings are tried that the service must refuse."""
        form.headless = True
        form.show()
        assert [result.outcome for result in form.results] == [StartOutcome.REFUSED] * 3
        assert {one.variable for result in form.results for one in result.problems} == {
            "MASTER_DB_PORT",
            "LOG_LEVEL",
            "MASTER_DB_HOST",
            "MASTER_DB_HOTS",
            "MASTER_DB_SQL_MODE",
            "HTTP_PORT",
        }


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
