"""The rules, read from catalog.toml; the selection of rules by words, and the rules that an ignore file accepts."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter

from container_audit.findings import AuditReport, Method, Rule, RuleFinding, RuleVerdict
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.files import load_toml
from workshop_kit.guidelines import principles

HERE = Path(__file__).parent
IGNORE_EXAMPLE = 'Write an [[ignore]] table with rule = "…", reason = "…" and until = 2027-01-31.'


@cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, in the order of the report."""
    entries = tomllib.loads((HERE / "catalog.toml").read_text())["rule"]
    return TypeAdapter(tuple[Rule, ...]).validate_python(entries)


def guidelines() -> tuple[str, ...]:
    """Return the groups of the report, in order: config, logs …"""
    return tuple(dict.fromkeys(rule.guideline for rule in rules()))


def chosen(words: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Select rules by words: guidelines, rule ids, factors and principles (F5, P2), ``static``, ``dynamic``.

    Words of one kind add up; a method narrows the selection. No word selects all. Raises WrongUsage for an unknown
    word.
    """
    chosen_words = require(words)
    methods = chosen_words & set(Method)
    names = chosen_words - set(Method)

    return tuple(rule for rule in rules() if _is_chosen(rule, methods, names))


def _is_chosen(rule: Rule, methods: set[str], names: set[str]) -> bool:
    if methods and rule.method not in methods:
        return False
    if not names:
        return True
    return not names.isdisjoint({rule.id, rule.guideline, *rule.serves})


def require(words: Iterable[str]) -> set[str]:
    """Split words at commas. Raises WrongUsage for a word that names no guideline, rule, principle or method."""
    parts = [part.strip() for word in words for part in word.split(",")]
    chosen_words = {part for part in parts if part}

    rule_ids = [rule.id for rule in rules()]
    principle_ids = [principle.id for principle in principles()]
    known_words = {*guidelines(), *Method, *rule_ids, *principle_ids}
    unknown_words = sorted(chosen_words - known_words)
    if unknown_words:
        sentence = f"{unknown_words[0]!r} names no guideline, rule or principle."
        raise WrongUsage(sentence, f"Choose from: {', '.join((*guidelines(), *Method))}, F1 … F15, P1 … P7, or a rule.")
    return chosen_words


def _known_rule(name: str) -> str:
    if name not in {rule.id for rule in rules()}:
        raise ValueError(f"{name!r} is no rule")
    return name


class IgnoreEntry(BaseModel):
    """A rule that may fail, the reason, and the last day; of one container of a project only, if ``target`` says so."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    rule: Annotated[str, AfterValidator(_known_rule)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    until: date
    target: str | None = None


class IgnoreFile(BaseModel):
    """The entries of an ignore file."""

    model_config = ConfigDict(extra="forbid")

    ignore: list[IgnoreEntry]


def load_ignored(path: Path) -> list[IgnoreEntry]:
    """Read an ignore file. Raises WrongUsage if it cannot be read, or an entry lacks its rule, reason or date."""
    try:
        return load_toml(path, TypeAdapter(IgnoreFile)).ignore
    except FileNotFoundError as error:
        raise WrongUsage(f"There is no file {path}.", "Name another file.") from error
    except WorkshopError as error:
        raise WrongUsage(error.what, IGNORE_EXAMPLE) from error


def accept(report: AuditReport, ignored: list[IgnoreEntry], today: date) -> AuditReport:
    """Return the report with failed findings accepted, where an entry names the rule and its day has not passed."""
    entries = {(entry.target, entry.rule): entry for entry in ignored}

    target_reports = []
    for target_report in report.targets:
        findings = []
        for finding in target_report.findings:
            rule = finding.rule.id
            entry = entries.get((target_report.target, rule)) or entries.get((None, rule))
            findings.append(_with_entry(finding, entry, today))
        target_reports.append(replace(target_report, findings=tuple(findings)))

    return replace(report, targets=tuple(target_reports))


def _with_entry(finding: RuleFinding, entry: IgnoreEntry | None, today: date) -> RuleFinding:
    """Return a failed finding as its entry accepts it; after the entry's last day, with a sentence about that day."""
    if entry is None or finding.verdict is not RuleVerdict.FAILS:
        return finding
    if entry.until < today:
        return replace(finding, said=f"{finding.said} It was accepted until {entry.until}.")
    return replace(finding, accepted=f"accepted until {entry.until}: {entry.reason}")
