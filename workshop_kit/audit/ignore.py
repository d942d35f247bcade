"""The ignore file: failed rules that are accepted, each with a reason and a last day."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, ValidationError

from workshop_kit.audit import catalog
from workshop_kit.audit.findings import AuditReport, RuleFinding, RuleVerdict
from workshop_kit.errors import WrongUsage, first_problem

EXAMPLE = 'Write an [[ignore]] table with rule = "…", reason = "…" and until = 2027-01-31.'


def _known_rule(name: str) -> str:
    if name not in {rule.id for rule in catalog.rules()}:
        raise ValueError(f"{name!r} is no rule")
    return name


class IgnoreEntry(BaseModel):
    """A rule that may fail, the reason, and the last day."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    rule: Annotated[str, AfterValidator(_known_rule)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    until: date


class IgnoreFile(BaseModel):
    """The entries of an ignore file."""

    model_config = ConfigDict(extra="forbid")

    ignore: list[IgnoreEntry]


def load(path: Path) -> list[IgnoreEntry]:
    """Read an ignore file. Raises WrongUsage if it cannot be read, or an entry lacks its rule, reason or date."""
    try:
        return IgnoreFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).ignore
    except OSError as error:
        raise WrongUsage(f"The file {path} cannot be read: {error.strerror}.", "Name another file.") from error
    except ValidationError as invalid:
        raise WrongUsage(f"{path} is no ignore file: {first_problem(invalid)}.", EXAMPLE) from None
    except ValueError as error:  # of TOML, or of UTF-8
        raise WrongUsage(f"The file {path} is no TOML: {error}.", EXAMPLE) from error


def apply(report: AuditReport, ignored: list[IgnoreEntry], today: date) -> AuditReport:
    """Return the report with failed findings accepted, where an entry names the rule and its day has not passed."""
    entries = {entry.rule: entry for entry in ignored}

    def one(finding: RuleFinding) -> RuleFinding:
        entry = entries.get(finding.rule.id)
        if entry is None or finding.verdict is not RuleVerdict.FAILS:
            return finding
        if entry.until < today:
            return replace(finding, said=f"{finding.said} It was accepted until {entry.until}.")
        return replace(finding, accepted=f"accepted until {entry.until}: {entry.reason}")

    targets = (replace(each, findings=tuple(map(one, each.findings))) for each in report.targets)
    return replace(report, targets=tuple(targets))
