"""The catalog of rules and the list of principles, read from the two files beside this one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from workshop_kit.audit.findings import Method, Principle, Rule
from workshop_kit.errors import WrongUsage

HERE = Path(__file__).parent


@cache
def rules() -> tuple[Rule, ...]:
    """Return every rule, in the order of the report."""
    entries = tomllib.loads((HERE / "catalog.toml").read_text())["rule"]
    return TypeAdapter(tuple[Rule, ...]).validate_python(entries)


@cache
def principles() -> tuple[Principle, ...]:
    """Return the 15 factors, then the 7 principles."""
    return tuple(Principle(**entry) for entry in tomllib.loads((HERE / "guidelines.toml").read_text())["principle"])


def guidelines() -> tuple[str, ...]:
    """Return the groups of the report, in order: config, logs …"""
    return tuple(dict.fromkeys(rule.guideline for rule in rules()))


def chosen(words: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Select rules by words: guidelines, rule ids, factors and principles (F5, P2), ``static``, ``dynamic``.

    Words of one kind add up; a method narrows the selection. No word selects all. Raises WrongUsage for an unknown
    word.
    """
    wanted = require(words)
    methods, others = wanted & set(Method), wanted - set(Method)
    return tuple(
        rule
        for rule in rules()
        if (not methods or rule.method in methods) and (not others or others & {rule.id, rule.guideline, *rule.serves})
    )


def require(words: Iterable[str]) -> set[str]:
    """Split words at commas. Raises WrongUsage for a word that names no guideline, rule, principle or method."""
    wanted = {part.strip() for word in words for part in word.split(",") if part.strip()}
    known = {*guidelines(), *Method, *(rule.id for rule in rules()), *(one.id for one in principles())}
    if unknown := sorted(wanted - known):
        sentence = f"{unknown[0]!r} names no guideline, rule or principle."
        raise WrongUsage(sentence, f"Choose from: {', '.join((*guidelines(), *Method))}, F1 … F15, P1 … P7, or a rule.")
    return wanted
