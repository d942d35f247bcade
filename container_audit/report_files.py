"""Reports in files: the form by the ending of the name, or as an option says; each is replaced in one step."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from container_audit.findings import AuditReport
from container_audit.report import as_json, as_page, as_text
from container_audit.sarif import as_sarif
from workshop_kit.errors import WrongUsage
from workshop_kit.files import write_atomically


class Form(StrEnum):
    """The form of a report; the value is the option that asks for it."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    HTML = "html"


ENDINGS = {
    ".sarif.json": Form.SARIF,
    ".sarif": Form.SARIF,
    ".json": Form.JSON,
    ".html": Form.HTML,
    ".htm": Form.HTML,
    ".txt": Form.TEXT,
}
"""What the endings of names mean, the longest first."""


@dataclass(frozen=True)
class ReportFile:
    """A file that a report is written to."""

    path: Path
    form: Form

    def require_writable(self) -> None:
        """Refuse a file that cannot be written, before the audit runs. Raises WrongUsage."""
        paths_to_write = [self.path.resolve().parent]
        if self.path.exists():
            paths_to_write.append(self.path)

        is_no_file = self.path.exists() and not self.path.is_file()
        if is_no_file or not all(os.access(path, os.W_OK) for path in paths_to_write):
            raise WrongUsage(f"The file {self.path} cannot be written.", "Name a file in a folder that is there.")

    def write(self, report: AuditReport) -> None:
        """Write the report in one step. Raises NotReady if that fails; an earlier file stays as it was then."""
        text = render(report, self.form)
        content = f"{text}\n".encode(errors="backslashreplace")
        write_atomically(self.path.resolve(), content, mode=_file_mode(self.path))


def report_file(path: Path, option: Form | None = None) -> ReportFile:
    """Return the file with the form of the option, else with that of its ending.

    Raises WrongUsage if there is neither, or if they contradict each other.
    """
    form_of_name = _form_of_name(path.name)
    form = option or form_of_name
    if form is None:
        simple_endings = [ending for ending in ENDINGS if ending.count(".") == 1]
        endings = ", ".join(simple_endings)
        raise WrongUsage(f"The name {path.name} says no form.", f"End it with {endings}, or add --json or --sarif.")

    is_sarif_in_json = form_of_name is Form.JSON and form is Form.SARIF
    if form_of_name not in {None, form} and not is_sarif_in_json:
        raise WrongUsage(f"--{form} and the name {path.name} contradict each other.", f"Leave out --{form}.")
    return ReportFile(path, form)


def _form_of_name(name: str) -> Form | None:
    """Return the form that the ending of a file's name means; None for any other ending."""
    for ending, form in ENDINGS.items():
        if name.lower().endswith(ending):
            return form
    return None


def render(report: AuditReport, form: Form) -> str:
    """Return the report in one of its forms."""
    match form:
        case Form.JSON:
            return json.dumps(as_json(report))
        case Form.SARIF:
            return json.dumps(as_sarif(report))
        case Form.HTML:
            return as_page(report)
        case Form.TEXT:
            return as_text(report)


def _file_mode(path: Path) -> int:
    """Return the mode of an existing file, else the mode that this process gives a new file."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)

    mask = os.umask(0)  # it can only be read by setting it
    os.umask(mask)
    return 0o666 & ~mask
