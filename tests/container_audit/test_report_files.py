"""Reports in files: the form by name or option, refused before the audit runs, replaced in one step."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from container_audit.findings import RuleVerdict
from container_audit.report_files import Form, ReportFile, report_file
from tests.container_audit.test_report import report
from workshop_kit.errors import NotReady, WrongUsage

BEGINNINGS = {Form.TEXT: "Audit of", Form.JSON: '{"asked"', Form.SARIF: '{"$schema"', Form.HTML: "<!doctype html>"}


@pytest.mark.parametrize(
    ("name", "option", "form"),
    [
        ("report.html", None, Form.HTML),
        ("report.HTM", None, Form.HTML),
        ("report.sarif", None, Form.SARIF),
        ("report.sarif.json", None, Form.SARIF),
        ("report.json", None, Form.JSON),
        ("report.txt", None, Form.TEXT),
        ("report.json", Form.SARIF, Form.SARIF),
        ("report", Form.SARIF, Form.SARIF),
        ("report.out", Form.JSON, Form.JSON),
    ],
)
def test_name_or_option_choose_the_form(tmp_path: Path, name: str, option: Form | None, form: Form) -> None:
    """The file has the report in that form, and nothing lies beside it."""
    file = report_file(tmp_path / name, option)
    file.require_writable()
    file.write(report(RuleVerdict.FAILS, "half a pair \ud800"))
    assert file.form is form
    assert (tmp_path / name).read_text().lstrip().startswith(BEGINNINGS[form])
    assert [*tmp_path.iterdir()] == [tmp_path / name]


@pytest.mark.parametrize(
    ("name", "option", "sentence"),
    [
        ("report", None, r"The name report says no form\. End it with \.sarif, \.json, \.html"),
        ("report.pdf", None, "says no form"),
        ("report.html", Form.JSON, "--json and the name report.html contradict each other"),
        ("report.sarif", Form.JSON, "--json and the name report.sarif contradict each other"),
    ],
)
def test_a_form_that_is_not_clear_is_refused(tmp_path: Path, name: str, option: Form | None, sentence: str) -> None:
    """One sentence says what to do."""
    with pytest.raises(WrongUsage, match=sentence):
        report_file(tmp_path / name, option)


@pytest.mark.parametrize("name", ["", "no/such/folder/report.html", "pipe"])
def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    """A folder, a missing folder, and what is no regular file: it would be replaced."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(WrongUsage, match="cannot be written"):
        ReportFile(tmp_path / name, Form.HTML).require_writable()


def test_a_failed_write_leaves_the_earlier_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full: a sentence, the old file, and nothing half-written."""
    path = tmp_path / "report.json"
    path.write_text("earlier")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(NotReady, match="is full"):
        report_file(path).write(report(RuleVerdict.HOLDS))
    assert path.read_text() == "earlier"
    assert [*tmp_path.iterdir()] == [path]


def test_a_report_keeps_the_link_and_the_mode_of_its_file(tmp_path: Path) -> None:
    """A link goes on pointing to it; the mode of a new file follows the umask."""
    path = tmp_path / "report.json"
    path.write_text("earlier")
    path.chmod(0o640)
    link = tmp_path / "newest.json"
    link.symlink_to("report.json")
    report_file(link).write(report(RuleVerdict.HOLDS))
    assert link.is_symlink()
    assert json.loads(path.read_text())["holds"]
    assert path.stat().st_mode & 0o777 == 0o640

    before = os.umask(0o077)
    try:
        report_file(tmp_path / "new.json").write(report(RuleVerdict.HOLDS))
    finally:
        after = os.umask(before)
    assert after == 0o077
    assert (tmp_path / "new.json").stat().st_mode & 0o777 == 0o600
