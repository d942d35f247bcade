"""``--explain``: every setting, whether it must be given, and where its value came from; secrets are masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields

from workshop_app import config

MASK = "********"  # as long for every secret: its length is nobody's business, either


@dataclass(frozen=True)
class Row:
    """One line of the table; ``value`` is masked for a secret, and left out where something is wrong with it."""

    variable: str
    type: str
    required: str  # yes, no
    source: str  # environment, file, default, nowhere
    value: str
    purpose: str


def rows(environ: Mapping[str, str]) -> list[Row]:
    """The table for an environment, which may be broken; names that are nearly ours come last."""
    problems = _problems(environ)
    table = []
    for one in config.variables():
        problem = problems.pop(one.name, None)
        value = f"! {problem.wrong}" if problem else MASK if one.secret else environ.get(one.name, one.default or "")
        required = "yes" if one.required else "no"
        table.append(Row(one.name, one.kind, required, one.source(environ), value, one.purpose))
    unknown = (Row(one.variable, "", "", "environment", f"! {one.wrong}", one.purpose) for one in problems.values())
    return [*table, *unknown]


def text(environ: Mapping[str, str]) -> tuple[str, bool]:
    """The table with aligned columns, and whether the service would start with this environment."""
    lines = [tuple(field.name.upper() for field in fields(Row)), *map(astuple, rows(environ))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "".join(f"{line.rstrip()}\n" for line in padded), not _problems(environ)


def _problems(environ: Mapping[str, str]) -> dict[str, config.Problem]:
    try:
        config.load(environ)
    except config.ConfigError as error:
        return {problem.variable: problem for problem in error.problems}
    return {}
