"""Prometheus' text format: its samples, and its mistakes by line.

``prometheus_client.parser`` reads each line; it does not report line numbers, duplicates, and TYPE lines out of order.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

_PARTS = re.compile(r"_(bucket|sum|count|total|created|info)$")


def samples(text: str, names: Collection[str] = ()) -> Iterator[Sample]:
    """Yield the samples, or those with one of ``names``; lines with mistakes are left out.

    >>> [(one.labels, one.value) for one in samples('up{job="a"} 1\\nup{} 2', {"up"})]
    [({'job': 'a'}, 1), ({}, 2)]
    """
    for line in text.split("\n"):
        if line.startswith("#") or (names and line.partition("{")[0].partition(" ")[0] not in names):
            continue
        try:
            yield from _parse(line)
        except ValueError:
            continue


def _parse(line: str) -> list[Sample]:
    """Return the samples of a line. Raises ValueError."""
    return [sample for family in text_string_to_metric_families(line) for sample in family.samples]


def mistakes(text: str) -> Iterator[str]:
    """Yield the mistakes that Prometheus would refuse; nothing for a text that it reads.

    >>> list(mistakes("up one"))
    ['line 1 is no sample: up one', 'the last line has no end']
    """
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    typed: set[str] = set()
    sampled: set[str] = set()
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        try:
            found = _parse(bare)
        except ValueError:
            yield f"line {number} is no {'TYPE' if bare.startswith('#') else 'sample'}: {bare}"
            continue
        if bare.startswith("# TYPE"):
            name = bare.split()[2]
            if name in typed:
                yield f"line {number} is a second TYPE of {name}"
            if name in sampled:
                yield f"line {number} tells the type of {name} after its samples"
            typed.add(name)
        for sample in found:
            key = (sample.name, frozenset(sample.labels.items()))
            if key in seen:
                yield f"line {number} is a second sample of {bare.rpartition(' ')[0]}"
            seen.add(key)
            sampled |= {sample.name, _PARTS.sub("", sample.name)}
    if text and not text.endswith("\n"):
        yield "the last line has no end"
