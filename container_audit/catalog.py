"""The rules, read from catalog.toml; which of them words choose, and which an ignore file accepts."""

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
    wanted = require(words)
    methods = wanted & set(Method)
    others = wanted - set(Method)
    return tuple(rule for rule in rules() if _is_chosen(rule, methods, others))


def _is_chosen(rule: Rule, methods: set[str], others: set[str]) -> bool:
    if methods and rule.method not in methods:
        return False
    return not others or not others.isdisjoint({rule.id, rule.guideline, *rule.serves})


def require(words: Iterable[str]) -> set[str]:
    """Split words at commas. Raises WrongUsage for a word that names no guideline, rule, principle or method."""
    parts = [part.strip() for word in words for part in word.split(",")]
    wanted = {part for part in parts if part}
    known = {*guidelines(), *Method, *(rule.id for rule in rules()), *(principle.id for principle in principles())}
    if unknown := sorted(wanted - known):
        sentence = f"{unknown[0]!r} names no guideline, rule or principle."
        raise WrongUsage(sentence, f"Choose from: {', '.join((*guidelines(), *Method))}, F1 … F15, P1 … P7, or a rule.")
    return wanted


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
    except FileNotFoundError as missing:
        raise WrongUsage(f"There is no file {path}.", "Name another file.") from missing
    except WorkshopError as unusable:
        raise WrongUsage(unusable.what, IGNORE_EXAMPLE) from unusable


def accept(report: AuditReport, ignored: list[IgnoreEntry], today: date) -> AuditReport:
    """Return the report with failed findings accepted, where an entry names the rule and its day has not passed."""
    entries = {(entry.target, entry.rule): entry for entry in ignored}

    def one(finding: RuleFinding, target: str) -> RuleFinding:
        rule = finding.rule.id
        entry = entries.get((target, rule)) or entries.get((None, rule))
        if entry is None or finding.verdict is not RuleVerdict.FAILS:
            return finding
        if entry.until < today:
            return replace(finding, said=f"{finding.said} It was accepted until {entry.until}.")
        return replace(finding, accepted=f"accepted until {entry.until}: {entry.reason}")

    targets = []
    for each in report.targets:
        findings = tuple(one(finding, each.target) for finding in each.findings)
        targets.append(replace(each, findings=findings))
    return replace(report, targets=tuple(targets))
