"""The checks of lesson 02 on recorded observations: each mistake gets its own finding."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from workshop_kit.exercises.check_api import CheckEnded
from workshop_kit.exercises.checks import config, config_secrets, config_tasks, container_limits, monitoring_container
from workshop_kit.exercises.checks.config import LoadResult, Refusal
from workshop_kit.exercises.result import Finding
from workshop_kit.observe.http import Answer


def refusal(*named: str, code: int | None = 1, lines: int = 1, json_lines: int = 1, raised: str = "") -> Refusal:
    """The end of a start without some settings."""
    return Refusal(code, frozenset(named), lines, json_lines, raised)


def failed(findings: Iterable[Finding]) -> list[str]:
    """The keys of the findings that did not pass."""
    return [finding.key for finding in findings if not finding.passed]


ALL = config.MISSING
REPORTS = {
    "config.report.refuses.runs": refusal(code=None, lines=9),
    "config.report.refuses.ended": refusal(code=0, lines=0, json_lines=0),
    "config.report.refuses.raised": refusal(lines=7, json_lines=0, raised="KeyError: 'host' (config.py, line 9)"),
    "config.report.names.none": refusal(lines=0, json_lines=0),
    "config.report.names.one": refusal(ALL[0]),
    "config.report.names.some": refusal(*ALL[:3]),
    "config.report.others": refusal(*ALL, "LOG_LEVEL"),
    "config.report.lines": refusal(*ALL, lines=3),
}


@pytest.mark.parametrize(("key", "end"), REPORTS.items(), ids=REPORTS)
def test_an_incomplete_report_is_named(key: str, end: Refusal) -> None:
    """All that is missing, nothing that is not, in one line, with exit code 1. What only follows is left out."""
    assert failed(config.report_findings(end)) == [key]


def test_a_report_that_is_written_down_is_named() -> None:
    """It names what was missing the first time."""
    by_heart = config._reports_another(LoadResult(refused=ALL))
    assert failed([by_heart]) == ["config.report.again"]
    assert config._reports_another(LoadResult(refused=(config.ALSO_REQUIRED,))).passed


def test_a_whole_report_passes() -> None:
    """Each of the four findings is there."""
    findings = config.report_findings(refusal(*ALL))
    assert [finding.passed for finding in findings] == [True] * 4


@pytest.mark.parametrize(
    ("key", "finding"),
    [
        ("config.env.database.elsewhere", config._uses_database(Answer(201, 0.1), "")),
        ("config.env.database.failed", config._uses_database(Answer(500, 0.1), "")),
        ("config.env.port", config._listens_on(8080)),
        ("config.env.wrong-port.accepted", config._refuses_wrong_port(refusal(code=None))),
        ("config.env.wrong-port.unnamed", config._refuses_wrong_port(refusal("LOG_LEVEL"))),
        ("config.env.secrets", config._prints_no_secret("password=(secret)")),
    ],
)
def test_a_setting_that_is_not_followed_is_named(key: str, finding: Finding) -> None:
    """By what the service did in another environment."""
    assert failed([finding]) == [key]


@pytest.mark.parametrize("given", [container_limits.given, monitoring_container.given])
def test_the_numbers_of_a_task_come_from_the_seed(given: Callable[[int], object]) -> None:
    """The same for the same participant, and not for everybody."""
    assert given(3) == given(3)
    assert len({str(given(seed)) for seed in range(30)}) > 5


SECRET = "canary-0f1e2d3c4b5a"
NAMED = refusal("LOG_LEVEL", "MASTER_DB_PORT")


@pytest.mark.parametrize(
    ("key", "finding"),
    [
        ("config.redact.log.shown", config_secrets.log_names_variables(NAMED, leaked=True)),
        ("config.redact.log.unnamed", config_secrets.log_names_variables(refusal("LOG_LEVEL"), leaked=False)),
        ("config.redact.log.accepted", config_secrets.log_names_variables(refusal(code=None), leaked=False)),
        (
            "config.redact.print.shown",
            config_secrets.printed_settings(LoadResult(SECRET, printed=f"…{SECRET[3:12]}…"), SECRET),
        ),
        ("config.redact.print.lost", config_secrets.printed_settings(LoadResult("*****"), SECRET)),
    ],
)
def test_each_leak_of_a_secret_is_named(key: str, finding: Finding) -> None:
    """A part of a value is a leak, too; and hiding it from the service is no solution."""
    assert failed([finding]) == [key]


def test_settings_that_show_nothing_pass() -> None:
    """The log names both variables, and the password arrives."""
    assert config_secrets.log_names_variables(NAMED, leaked=False).passed
    assert config_secrets.printed_settings(LoadResult(SECRET), SECRET).passed


RIGHT = LoadResult(config_secrets.ODD)
REFUSED = LoadResult(refused=(config.PASSWORD,))
RAISED = LoadResult(raised="IsADirectoryError")
FILES = {
    "config.file.order": (503, [RIGHT, REFUSED, REFUSED]),
    "config.file.exact.changed": (201, [LoadResult("odd"), REFUSED, REFUSED]),
    "config.file.exact.refused": (201, [LoadResult(refused=(config.PASSWORD,)), REFUSED, REFUSED]),
    "config.file.both.accepted": (201, [RIGHT, RIGHT, REFUSED]),
    "config.file.both.raised": (201, [RIGHT, RAISED, REFUSED]),
    "config.file.folder.accepted": (201, [RIGHT, REFUSED, LoadResult("")]),
    "config.file.folder.raised": (201, [RIGHT, REFUSED, RAISED]),
}


@pytest.mark.parametrize(("key", "seen"), FILES.items(), ids=FILES)
def test_each_mistake_with_a_secret_in_a_file_is_named(key: str, seen: tuple[int, list[LoadResult]]) -> None:
    """The password, a secret with blanks, one that is set twice, and a file that cannot be read."""
    status, outcomes = seen
    assert failed(config_secrets.file_findings(Answer(status, 0.1), outcomes)) == [key]


def test_what_fails_as_the_first_file_does_is_left_out() -> None:
    """Code that raises raises for each file."""
    assert all(one.passed for one in config_secrets.file_findings(Answer(201, 0.1), [RIGHT, REFUSED, REFUSED]))
    findings = config_secrets.file_findings(Answer(201, 0.1), [RAISED, RAISED, RAISED])
    assert failed(findings) == ["config.file.exact.refused"]


AS_IT_WAS = config_secrets.RIGHT
EMPTY = ("as asked", "", "before")
CHANGED = ("as asked", None, "within")
NOT_PUT_BACK = ("as asked", "within", "within")
TESTS = {
    "config.restore.plain.within": (("NameError", None, "before"), ("NameError", None, "before"), AS_IT_WAS),
    "config.restore.plain.empty": (EMPTY, EMPTY, EMPTY),
    "config.restore.plain.left": (CHANGED, CHANGED, CHANGED),
    "config.restore.raising.within": (AS_IT_WAS, ("not as asked", None, "before"), AS_IT_WAS),
    "config.restore.raising.left": (AS_IT_WAS, NOT_PUT_BACK, AS_IT_WAS),
    "config.restore.nested": (AS_IT_WAS, AS_IT_WAS, NOT_PUT_BACK),
}


@pytest.mark.parametrize(("key", "seen"), TESTS.items(), ids=TESTS)
def test_what_a_test_leaves_behind_is_named(key: str, seen: tuple[config_secrets.Seen, ...]) -> None:
    """What only repeats the failure of the first situation is left out."""
    assert failed(config_secrets.restore_findings(situations(seen))) == [key]


def situations(seen: tuple[config_secrets.Seen, ...]) -> dict[str, config_secrets.Seen]:
    """What the three situations left, by name."""
    return dict(zip(("plain", "raising", "nested"), seen, strict=True))


def test_another_fault_behind_the_first_is_named_too() -> None:
    """A variable is left empty, and a test that fails puts nothing back: two faults."""
    findings = config_secrets.restore_findings(situations((EMPTY, NOT_PUT_BACK, EMPTY)))
    assert failed(findings) == ["config.restore.plain.empty", "config.restore.raising.left"]
    assert failed(config_secrets.restore_findings(situations((AS_IT_WAS, AS_IT_WAS, AS_IT_WAS)))) == []


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("start.yaml.shape", "", "dictionary"),
        ("start.yaml.shape", "qa:\n  image: !!python/object/apply:os.system ['true']", "line 2"),
        ("start.yaml.indentation", "qa:\n  image: x\n   secrets: 1", "tasks.yaml, line 3: the indentation"),
        ("start.yaml.level", "qa:\n  image: x\nsecrets: []\n", "line 3: by its indentation `secrets`"),
        ("start.yaml.level", "qa:\n  image: x\n  staging:\n    image: x\n", "`staging` belongs to qa"),
        ("start.yaml.syntax", "qa:\n  image x\n  secrets: []\n", "line 3"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(key: str, text: str, words: str) -> None:
    """With the line, and whether it is the indentation. No traceback, and no code that runs."""
    with pytest.raises(CheckEnded) as refused:
        config_tasks.read(text)
    assert failed(refused.value.result.findings) == [key]
    assert words in str(refused.value)
    assert len(str(refused.value)) < 250


def test_one_image_for_all_environments() -> None:
    """The desk's is not compared; the names of the others are told."""
    definition = config_tasks.Definition
    fragment = {"production": definition(image="${IMAGE}"), "qa": definition(image="app:qa"), "desk": definition()}
    finding = config_tasks._one_image(fragment)
    assert (finding.key, finding.got) == ("config.environments.image", "qa: app:qa")
