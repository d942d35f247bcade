"""The file of findings that somebody decided to live with, each with a reason and a last day."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from workshop_kit.audit import catalog
from workshop_kit.audit.data import Finding, Report, Verdict
from workshop_kit.errors import WrongUsage

EXAMPLE = 'Write an [[ignore]] table with rule = "…", reason = "…" and until = 2027-01-31.'


@dataclass(frozen=True)
class Ignored:
    """A rule that is allowed not to hold, why, and until which day."""

    rule: str
    reason: str
    until: date


def load(path: Path) -> dict[str, Ignored]:
    """Read the file, by rule. Raises WrongUsage where it cannot be read, or an entry lacks its reason or its date."""
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


def apply(report: Report, ignored: Mapping[str, Ignored], today: date) -> Report:
    """The same report, in which what does not hold is accepted where an entry says so and its day has not passed."""

    def one(finding: Finding) -> Finding:
        entry = ignored.get(finding.rule.id)
        if entry is None or finding.verdict is not Verdict.FAILS:
            return finding
        if entry.until < today:
            return replace(finding, said=f"{finding.said} It was accepted until {entry.until}.")
        return replace(finding, accepted=f"accepted until {entry.until}: {entry.reason}")

    audited = (replace(each, findings=tuple(map(one, each.findings))) for each in report.audited)
    return replace(report, audited=tuple(audited))


def _entry(path: Path, number: int, entry: dict[str, Any]) -> Ignored:
    where = f"{path}, entry {number}"
    rule, reason, until = entry.get("rule"), entry.get("reason"), entry.get("until")
    if rule not in {one.id for one in catalog.rules()}:
        raise WrongUsage(f"{where}: {rule!r} is no rule.", "./workshop audit --json names the rules.")
    if not isinstance(reason, str) or not reason.strip():
        raise WrongUsage(f"{where}: {rule} has no reason.", 'Write reason = "…": why you live with it.')
    if type(until) is not date:
        raise WrongUsage(f"{where}: {rule} has no date.", "Write until = 2027-01-31: when you look at it again.")
    return Ignored(rule, " ".join(reason.split()), until)
