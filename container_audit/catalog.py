"""The rules, read from catalog.toml; the selection of rules by words, and the rules that an ignore file accepts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter

from container_audit.findings import AuditReport, Method, Rule, RuleFinding, RuleVerdict
from workshop_kit.errors import WorkshopError, WrongUsage
from workshop_kit.files import load_document, read_document
from workshop_kit.guidelines import principles

HERE = Path(__file__).parent
IGNORE_EXAMPLE = 'Write an [[ignore]] table with rule = "…" and reason = "…".'


@cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, in the order of the report."""
    entries = read_document(HERE / "catalog.toml")["rule"]
    return TypeAdapter(tuple[Rule, ...]).validate_python(entries)


def guidelines() -> tuple[str, ...]:
    """Return the groups of the report, in order: config, logs …"""
    return tuple(dict.fromkeys(rule.guideline for rule in rules()))


def select_rules(words: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Select rules by words: guidelines, rule ids, factors and principles (F5, P2), ``static``, ``dynamic``.

    A rule needs to fit one of the names, and one of the methods if any is given. No word selects all rules. Raises
    WrongUsage for an unknown word.
    """
    chosen_words = require_known_words(words)
    methods = chosen_words & set(Method)
    names = chosen_words - set(Method)

    return tuple(rule for rule in rules() if _is_chosen(rule, methods, names))


def _is_chosen(rule: Rule, methods: set[str], names: set[str]) -> bool:
    """Return whether a rule has one of the methods and one of the names; an empty set excludes no rule."""
    if methods and rule.method not in methods:
        return False
    if not names:
        return True

    names_of_rule = {rule.id, rule.guideline, *rule.serves}
    return bool(names & names_of_rule)


def require_known_words(words: Iterable[str]) -> set[str]:
    """Split words at commas and return the parts.

    Raises WrongUsage for a part that names no guideline, rule, principle or method.
    """
    parts = [part.strip() for word in words for part in word.split(",")]
    chosen_words = {part for part in parts if part}

    rule_ids = [rule.id for rule in rules()]
    principle_ids = [principle.id for principle in principles()]
    known_words = {*guidelines(), *Method, *rule_ids, *principle_ids}
    unknown_words = sorted(chosen_words - known_words)
    if unknown_words:
        sentence = f"{unknown_words[0]!r} names no guideline, rule or principle."
        choices = ", ".join((*guidelines(), *Method))
        raise WrongUsage(sentence, f"Choose from: {choices}, F1 … F15, P1 … P7, or a rule.")

    return chosen_words


def _require_known_rule(name: str) -> str:
    """Return the id of a rule unchanged. Raises ValueError if no rule has it."""
    if name not in {rule.id for rule in rules()}:
        raise ValueError(f"{name!r} is no rule")
    return name


class IgnoreEntry(BaseModel):
    """A rule that may fail, and the reason; ``target`` restricts it to one container of a project."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    rule: Annotated[str, AfterValidator(_require_known_rule)]
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    target: str | None = None


class IgnoreFile(BaseModel):
    """The entries of an ignore file."""

    model_config = ConfigDict(extra="forbid")

    ignore: list[IgnoreEntry]


def load_ignored(path: Path) -> list[IgnoreEntry]:
    """Return the entries of an ignore file. Raises WrongUsage if it cannot be read, or an entry is not valid."""
    try:
        return load_document(path, IgnoreFile).ignore
    except FileNotFoundError as error:
        raise WrongUsage(f"There is no file {path}.", "Name another file.") from error
    except WorkshopError as error:
        raise WrongUsage(error.what, IGNORE_EXAMPLE) from error


def apply_ignored(report: AuditReport, ignored: list[IgnoreEntry]) -> AuditReport:
    """Return the report with the ignore entries applied to its failed findings.

    An entry for the target comes before one for all targets.
    """
    entries_by_target_and_rule = {(entry.target, entry.rule): entry for entry in ignored}

    target_reports = []
    for target_report in report.targets:
        findings = []
        for finding in target_report.findings:
            rule_id = finding.rule.id
            entry_for_target = entries_by_target_and_rule.get((target_report.target, rule_id))
            entry_for_all = entries_by_target_and_rule.get((None, rule_id))
            findings.append(_apply_entry(finding, entry_for_target or entry_for_all))
        target_reports.append(replace(target_report, findings=tuple(findings)))

    return replace(report, targets=tuple(target_reports))


def _apply_entry(finding: RuleFinding, entry: IgnoreEntry | None) -> RuleFinding:
    """Return a failed finding as accepted; one that did not fail, or without an entry, is returned unchanged."""
    if entry is None or finding.verdict is not RuleVerdict.FAILS:
        return finding
    return replace(finding, accepted=entry.reason)
