"""The map of the whole system as SVG and as text, with the parts of a lesson highlighted."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from zlib import crc32

from markupsafe import Markup

from workshop_kit.display.rendered import Rendered, template
from workshop_kit.errors import WrongUsage

HERE = Path(__file__).parent
STYLE = (HERE / "map.css").read_text()
NAME = "Map of the whole system"
NODES = {
    "clients": ("You, the clients", "orders over HTTP"),
    "prober": ("External prober", "looks from outside"),
    "prometheus": ("Prometheus", "metrics over time"),
    "parameter-store": ("Parameter store", "settings, secrets"),
    "service": ("Service", "what we build"),
    "agent": ("Sidecar agent", "CPU, memory, net"),
    "collector": ("Log collector", "loses nothing"),
    "master-db": ("Master database", "MariaDB"),
    "replica-db": ("Replica database", "MariaDB"),
    "redis": ("Redis", "cache"),
    "bucket": ("Bucket", "S3, files by time"),
}
"""The label of each part of the system, and what it is."""
EDGES = {
    ("clients", "service"): "orders",
    ("prober", "service"): "probes",
    ("prometheus", "agent"): "scrapes",
    ("prometheus", "prober"): "scrapes",
    ("service", "parameter-store"): "settings at start",
    ("service", "master-db"): "writes",
    ("service", "replica-db"): "reads",
    ("service", "redis"): "caches",
    ("master-db", "replica-db"): "replicates",
    ("service", "collector"): "stdout",
    ("collector", "bucket"): "log files",
}
"""What goes from one part to another."""


def system_map(lit: Iterable[str] = ()) -> Rendered:
    """Return the map as inline SVG and as text; ``lit`` names the highlighted parts.

    A highlighted part has a thick border, bold letters and a flag. Raises WrongUsage for a part that is not on the map.
    """
    lit_ids = frozenset(lit)
    unknown_ids = sorted(lit_ids - NODES.keys())
    if unknown_ids:
        raise WrongUsage(f"{', '.join(unknown_ids)} is not on the map.", f"Use: {', '.join(sorted(NODES))}.")
    return Rendered(_svg(lit_ids), _text(lit_ids))


def _svg(lit_ids: frozenset[str]) -> str:
    """Return the map as SVG; maps that differ have different ids, since a notebook may show several."""
    id_text = " ".join(sorted(lit_ids))
    checksum = crc32(id_text.encode())
    return template(HERE / "map.svg").render(
        uid=f"wk-map-{checksum:08x}",
        title=_title(lit_ids),
        description=_description(),
        style=Markup(STYLE),  # noqa: S704 - it is ours
        nodes=NODES,
        edges=EDGES,
        lit=lit_ids,
    )


def _title(lit_ids: frozenset[str]) -> str:
    """Return the name of the map, and the highlighted parts if there are any."""
    labels = [label for node, (label, _) in NODES.items() if node in lit_ids]
    if not labels:
        return NAME
    return f"{NAME}; in this lesson: {', '.join(labels)}"


def _description() -> str:
    """Return the connections in words, a sentence each."""
    sentences = []
    for (source, target), label in EDGES.items():
        source_label, _ = NODES[source]
        target_label, _ = NODES[target]
        sentences.append(f"{source_label} to {target_label}: {label}.")
    return " ".join(sentences)


def _text(lit_ids: frozenset[str]) -> str:
    """Return the map as text: title, a line for each part, and the connections."""
    lines = []
    for node, (label, about) in NODES.items():
        flag = "[today]" if node in lit_ids else " " * len("[today]")
        lines.append(f"{flag} {label} ({about})")

    return "\n".join([_title(lit_ids), *lines, _description()])
