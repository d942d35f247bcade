"""Is a text in Prometheus' exposition format? Its mistakes, by line. Pure. Source: prometheus.io, text-based format."""

from __future__ import annotations

import re
from collections.abc import Iterator

TYPES = {"counter", "gauge", "histogram", "summary", "untyped", "unknown", "info", "stateset", "gaugehistogram"}
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*\s*=\s*"(?:[^"\\\n]|\\["\\n])*"'
_VALUE = r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf(?:inity)?)|[nN]a[nN]"
_SAMPLE = re.compile(
    rf"(?P<name>{_NAME})\s*(?P<labels>\{{\s*(?:{_LABEL}\s*(?:,\s*{_LABEL}\s*)*,?\s*)?\}})?\s+(?:{_VALUE})(?:\s+-?[\d.]+)?(?:\s+#.*)?"
)
_TYPE = re.compile(rf"# TYPE\s+(?P<name>{_NAME})\s+(?P<type>\w+)\s*")
_PARTS = re.compile(r"_(bucket|sum|count|total|created|info)$")


def mistakes(text: str) -> list[str]:
    """What a collector would stumble over; empty for a text that it reads.

    >>> mistakes("# TYPE up gauge\\nup 1\\n"), mistakes("up one")
    ([], ['line 1 is no sample: up one', 'the last line has no end'])
    """
    return list(_mistakes(text))


def samples(text: str) -> int:
    """How many samples there are."""
    return sum(1 for line in text.split("\n") if line.strip() and not line.startswith("#"))


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
