"""The checks of lesson 02 on recorded observations: each mistake gets its own finding."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import SecretStr

from tests.workshop_kit.exercises import check_runner
from workshop_kit.engine.aws import NotAllowed
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.exercises.checks import (
    config,
    config_secrets,
    config_tasks,
    container_limits,
    logging_service,
    monitoring_container,
    monitoring_ratio,
)
from workshop_kit.exercises.checks.config import LoadResult, Refusal
from workshop_kit.exercises.checks.config_tasks import Definition
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.observe.http import Answer

MISSING = ["A_HOST", "B_PORT"]


def refusal(*named: str, code: int | None = 1, lines: int = 1, json_lines: int = 1) -> Refusal:
    """The end of a start without some settings."""
    return Refusal(code, frozenset(named), lines, json_lines)


@pytest.mark.parametrize(
    ("status", "log", "its_port", "refused", "verdict", "says"),
    [
        (503, "shop_7", True, refusal("HTTP_PORT"), Verdict.PASSED, "It follows its settings"),
        (201, "", False, refusal(code=None), Verdict.LUCKY, "happen to be right"),
        (201, "", True, refusal("HTTP_PORT"), Verdict.WRONG, "An order went to"),
        (503, "", True, refusal("HTTP_PORT"), Verdict.WRONG, "not because it asked for shop_7"),
        (503, "shop_7", True, refusal("REDIS_PORT"), Verdict.WRONG, "without saying that HTTP_PORT is wrong"),
    ],
)
def test_settings_that_are_half_read_are_named(
    status: int, log: str, its_port: bool, refused: Refusal, verdict: Verdict, says: str
) -> None:
    """Constants that happen to be right are luck."""
    order = Answer(status, 0.0)
    findings = (
        config.uses_database(order, "shop_7", log),
        config.listens_on_port(its_port, 8123),
        config.refuses_wrong_port(refused),
    )
    result = config.judge_env(findings, order)
    assert result.verdict is verdict
    assert says in result.summary


def test_an_incomplete_report_is_named() -> None:
    """All that is missing, nothing that is not, in one line, with exit code 1."""
    cases = {
        "names none of them": refusal(),
        "you need 2 deploys to learn all 2": refusal("A_HOST"),
        "Look for other variables": refusal(*MISSING, "C_NAME"),
        "Count the lines": refusal(*MISSING, lines=3),
        "Start it without them": refusal(*MISSING, code=None),
    }
    results = [(says, config.report_findings(told, MISSING)) for says, told in cases.items()]
    check_runner.assert_named("config.report", results, without=["KeyError"])
    assert all(sum(not finding.passed for finding in findings) == 1 for _, findings in results)


@pytest.mark.parametrize(
    "chosen",
    [
        config.missing_of,
        config.other_settings,
        container_limits.given,
        logging_service.RequestIds.of,
        logging_service.ids_of,
        monitoring_container.given,
        monitoring_ratio.alert_cases,
    ],
)
def test_what_a_check_asks_for_comes_from_the_seed(chosen: Callable[[int], object]) -> None:
    """The same for the same participant, and not for everybody: nothing can be hard-coded."""
    assert chosen(3) == chosen(3)
    assert len({str(chosen(seed)) for seed in range(30)}) > 5


SECRET = "canary-0f1e2d3c4b5a"
NAMED = refusal("LOG_LEVEL", "MASTER_DB_PORT")


@pytest.mark.parametrize(
    ("finding", "says"),
    [
        (config_secrets.log_names_variables(NAMED, []), ""),
        (config_secrets.log_names_variables(NAMED, ["log"]), "stands in the log now"),
        (config_secrets.log_names_variables(refusal("LOG_LEVEL"), []), "does not say which variable"),
        (config_secrets.printed_settings(LoadResult(SECRET), SECRET), ""),
        (config_secrets.printed_settings(LoadResult(SECRET, texts={"repr": f"…{SECRET[3:12]}…"}), SECRET), "Printing"),
        (config_secrets.printed_settings(LoadResult("*****"), SECRET), "no longer gets its password"),
        (
            config_secrets.printed_error(LoadResult(refused=("LOG_LEVEL",)), ["its traceback"]),
            "into a ticket or a chat",
        ),
    ],
)
def test_each_leak_of_a_secret_is_named(finding: Finding, says: str) -> None:
    """A part of a value is a leak, too; and hiding it from the service is no solution."""
    assert finding.passed == (not says)
    assert says in finding.means


def test_each_mistake_with_a_secret_in_a_file_is_named() -> None:
    """The password, a secret with blanks, and three files that must be refused."""
    right, refused = LoadResult(" x \t"), LoadResult(refused=(config.PASSWORD,))
    raised = LoadResult(raised="IsADirectoryError")
    fine = config_secrets.file_findings(Answer(201, 0.1), [right] * 2 + [refused] * 3, " x \t")
    assert all(finding.passed for finding in fine)
    findings = config_secrets.file_findings(Answer(503, 0.1), [right, LoadResult("x"), right, raised, raised], " x \t")
    says = ("access denied", "was cut off", "takes one of them in silence", *["does not say which variable"] * 2)
    for finding, words in zip(findings, says, strict=True):
        assert not finding.passed
        assert words in finding.means


SOLVED = config_tasks.read(check_runner.solved_files("02_configuration")["tasks.yaml"])
OWN: dict[str, str | SecretStr] = {"http/port": "8082", "log/level": "warning", "redis/password": SecretStr("x")}


def test_an_image_of_its_own_and_a_password_in_the_file_are_named() -> None:
    """Everything may work, and the file shows why it should not."""
    assert config_tasks.one_image(SOLVED).passed
    assert config_tasks.no_passwords(SOLVED, *SOLVED).passed
    staging = Definition(image="app:staging", environment=[{"name": "REDIS_PASSWORD", "value": "hunter2"}])
    fragment = {**SOLVED, "staging": staging}
    assert "staging names an image of its own" in config_tasks.one_image(fragment).means
    shown = config_tasks.no_passwords(fragment, *fragment)
    assert shown.got == "staging: REDIS_PASSWORD"
    assert "hunter2" not in str(shown)


@pytest.mark.parametrize(
    ("path", "refused", "says"),
    [
        ("/workshop/staging/redis/password", NotAllowed("No.", "Ask."), "qa asked for /workshop/staging/redis/passw"),
        ("/workshop/qa/port", WorkshopError("There is no parameter."), "qa does not start: There is no parameter."),
    ],
)
def test_an_environment_that_does_not_start_is_named(path: str, refused: WorkshopError, says: str) -> None:
    """Which environment, and which path of the store."""
    finding = config_tasks.starts("qa", OWN, Definition(secrets=[{"name": "X", "valueFrom": path}]), refused)
    assert not finding.passed
    assert finding.means.startswith(says)


LAUGHS = "\n".join(
    ["a0: &a0 {x: y}", *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12))]
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "environments"),
        ("production: {cpu: 1}", "production.cpu"),
        ("qa:\n  image: x\n   secrets: 1", "line 3"),
        (f"qa: {{image: {'9' * 5000}}}", "no YAML"),
        ("qa:\n  image: !!python/object/apply:os.system ['true']", "line 2"),
        (LAUGHS, "no YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(text: str, says: str) -> None:
    """No traceback, no gigabytes, no code that runs."""
    with pytest.raises(WrongUsage) as refused:
        config_tasks.read(text)
    assert says in refused.value.what
    assert len(refused.value.what) < 200


def test_shared_variables_are_added_and_do_not_win() -> None:
    """A definition that sets a variable itself, in either way, keeps its own."""
    one = Definition(
        environment=[{"name": "MASTER_DB_HOST", "value": "mine"}],
        secrets=[{"name": "REDIS_HOST", "valueFrom": "/workshop/qa/redis/host"}],
    )
    shared = {"MASTER_DB_HOST": "theirs", "REDIS_HOST": "theirs", "REDIS_PORT": "6379"}
    container = config_tasks.definition_of(one, f"sha256:{'a' * 64}", shared, 8082).containers[0]
    assert dict(container.environment) == {"MASTER_DB_HOST": "mine", "REDIS_PORT": "6379"}
    assert [secret.name for secret in container.secrets] == ["REDIS_HOST"]
    assert container.ports == (8082,)
