"""The ignore file: failed rules that are accepted, each with a reason and a last day."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from workshop_kit.audit import catalog
from workshop_kit.audit.findings import Finding, Report, Verdict
from workshop_kit.errors import WrongUsage

EXAMPLE = 'Write an [[ignore]] table with rule = "…", reason = "…" and until = 2027-01-31.'


def _known_rule(name: str) -> str:
    if name not in {rule.id for rule in catalog.rules()}:
        raise ValueError
    return name


def _one_line(text: str) -> str:
    return " ".join(text.split())


class IgnoreEntry(BaseModel):
    """A rule that may fail, the reason, and the last day."""

    model_config = ConfigDict(frozen=True, strict=True)

    rule: Annotated[str, AfterValidator(_known_rule)]
    reason: Annotated[str, AfterValidator(_one_line), StringConstraints(min_length=1)]
    until: date


def load(path: Path) -> dict[str, IgnoreEntry]:
    """Read an ignore file, by rule. Raises WrongUsage if it cannot be read, or an entry lacks its reason or date."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongUsage(f"The file {path} cannot be read: {error.strerror}.", "Name another file.") from error
    except ValueError as error:  # of TOML, or of UTF-8
        raise WrongUsage(f"The file {path} is no TOML: {error}.", EXAMPLE) from error
    entries = document.get("ignore")
    if (
        set(document) != {"ignore"}
        or not isinstance(entries, list)
        or not all(isinstance(one, dict) for one in entries)
    ):
        raise WrongUsage(f"The file {path} is no list of [[ignore]] tables.", EXAMPLE)
    return {one.rule: one for one in (_entry(path, number, entry) for number, entry in enumerate(entries, 1))}


def apply(report: Report, ignored: Mapping[str, IgnoreEntry], today: date) -> Report:
    """Return the report with failed findings accepted, where an entry names the rule and its day has not passed."""

    def one(finding: Finding) -> Finding:
        entry = ignored.get(finding.rule.id)
        if entry is None or finding.verdict is not Verdict.FAILS:
            return finding
        if entry.until < today:
            return replace(finding, said=f"{finding.said} It was accepted until {entry.until}.")
        return replace(finding, accepted=f"accepted until {entry.until}: {entry.reason}")

    targets = (replace(each, findings=tuple(map(one, each.findings))) for each in report.targets)
    return replace(report, targets=tuple(targets))


def _entry(path: Path, number: int, entry: dict[str, Any]) -> IgnoreEntry:
    try:
        return IgnoreEntry.model_validate(entry)
    except ValidationError as invalid:
        field, rule = str(invalid.errors()[0]["loc"][0]), entry.get("rule")
        says, next_step = {
            "rule": (f"{rule!r} is no rule.", "./workshop audit --json names the rules."),
            "reason": (f"{rule} has no reason.", 'Write reason = "…": why you accept it.'),
            "until": (f"{rule} has no date.", "Write until = 2027-01-31: the day to look at it again."),
        }[field]
        raise WrongUsage(f"{path}, entry {number}: {says}", next_step) from None
