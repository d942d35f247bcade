"""Prometheus' exposition format: what a text says, and its mistakes, by line. Pure.

Source: prometheus.io, text-based format.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

TYPES = {"counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram"}
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*\s*=\s*"(?:[^"\\\n]|\\["\\n])*"'
_VALUE = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf(?:inity)?)|[nN]a[nN]"
_SAMPLE = re.compile(
    rf"(?P<name>{_NAME})\s*(?P<labels>\{{\s*(?:{_LABEL}\s*(?:,\s*{_LABEL}\s*)*,?\s*)?\}})?\s+(?P<value>{_VALUE})(?:\s+-?[\d.]+)?(?:\s+#.*)?"
)
_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\\n]|\\["\\n])*)"')
_ESCAPED = re.compile(r'\\(["\\n])')
_TYPE = re.compile(rf"# TYPE\s+(?P<name>{_NAME})\s+(?P<type>\w+)\s*")
_PARTS = re.compile(r"_(bucket|sum|count|total|created|info)$")


@dataclass(frozen=True)
class Reading:
    """One sample: ``up{job="api"} 1``; its time, which hardly anybody gives, is not kept."""

    name: str
    labels: Mapping[str, str]
    value: float


def readings(text: str, names: Collection[str]) -> Iterator[Reading]:
    """The samples with one of these names; a line that is none is passed over.

    >>> [(one.labels, one.value) for one in readings('up{job="a"} 1\\nup{} 2', {"up"})]
    [({'job': 'a'}, 1.0), ({}, 2.0)]
    """
    for line in text.split("\n"):
        if line.partition("{")[0].partition(" ")[0] not in names:
            continue
        if found := _SAMPLE.fullmatch(line.strip()):
            labels = {name: _ESCAPED.sub(_character, value) for name, value in _PAIR.findall(found["labels"] or "")}
            yield Reading(found["name"], labels, float(found["value"]))


def mistakes(text: str) -> list[str]:
    """What a collector would stumble over; empty for a text that it reads.

    >>> mistakes("# TYPE up gauge\\nup 1\\n"), mistakes("up one")
    ([], ['line 1 is no sample: up one', 'the last line has no end'])
    """
    return list(_mistakes(text))


def samples(text: str) -> int:
    """How many samples there are."""
    return sum(1 for line in text.split("\n") if line.strip() and not line.startswith("#"))


def _character(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]


def _mistakes(text: str) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    typed: set[str] = set()
    sampled: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip().removesuffix("\r")
        if not bare:
            continue
        if bare.startswith("#"):
            if found := _TYPE.fullmatch(bare):
                name = found["name"]
                if found["type"] not in TYPES:
                    yield f"line {number} names a type that does not exist: {found['type']}"
                if name in typed:
                    yield f"line {number} is a second TYPE of {name}"
                if name in sampled:
                    yield f"line {number} tells the type of {name} after its samples"
                typed.add(name)
            elif bare.startswith("# TYPE"):
                yield f"line {number} is no TYPE: {bare}"
            continue
        if not (sample := _SAMPLE.fullmatch(bare)):
            yield f"line {number} is no sample: {bare}"
            continue
        key = (sample["name"], ",".join(sorted(re.findall(_LABEL, sample["labels"] or ""))))
        if key in seen:
            yield f"line {number} is a second sample of {bare.rpartition(' ')[0]}"
        seen.add(key)
        sampled |= {sample["name"], _PARTS.sub("", sample["name"])}
    if text and not text.endswith("\n"):
        yield "the last line has no end"
