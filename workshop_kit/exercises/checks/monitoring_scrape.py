"""What the check on metrics.py reads: the samples of one scrape, and what was gained between two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

Labels = Mapping[str, str]
Series = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name, and its labels in order."""
Key = tuple[str, ...]


@dataclass(frozen=True)
class Scrape:
    """What ``/metrics`` said: the type of each family by name, and the value of each series."""

    types: Mapping[str, str]
    values: Mapping[Series, float]

    @classmethod
    def of(cls, text: str) -> Scrape:
        """Read the exposition format. Raises ValueError for what is none."""
        types, values = {}, {}
        for family in text_string_to_metric_families(text):
            types[family.name] = family.type
            for sample in family.samples:
                values[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
        return cls(types, values)

    def label_names(self, name: str) -> set[str]:
        """Return the names of all labels that the series ``name`` have."""
        return {label for sample, labels in self.values if sample == name for label, _ in labels}

    def label_values(self, label: str) -> set[str]:
        """Return all values that a label has, in any series."""
        return {value for _, labels in self.values for name, value in labels if name == label}


def gained(
    name: str, before: Scrape, after: Scrape, by: Callable[[Labels], tuple[str, ...]]
) -> Counter[tuple[str, ...]]:
    """Return what the series ``name`` gained between two scrapes, summed by what ``by`` makes of their labels."""
    sums: Counter[Key] = Counter()
    for (sample, labels), value in after.values.items():
        if sample == name and (more := value - before.values.get((sample, labels), 0.0)):
            sums[by(dict(labels))] += more  # type: ignore[assignment]
    return sums
