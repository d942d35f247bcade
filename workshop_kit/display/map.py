"""The map of the whole system as SVG and as text, with the parts of a lesson highlighted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from markupsafe import Markup

from workshop_kit.display.rendered import Rendered, template
from workshop_kit.errors import WrongUsage

HERE = Path(__file__).parent
STYLE = (HERE / "map.css").read_text()
NAME = "Map of the whole system"


@dataclass(frozen=True)
class Node:
    """A part of the system; ``x``, ``y`` (upper left corner) and the size are in units of the picture."""

    id: str
    label: str
    about: str
    x: int
    y: int
    width: int = 180
    height: int = 64


@dataclass(frozen=True)
class Edge:
    """A connection, drawn as a straight line between two points on the borders of its parts."""

    source: str
    target: str
    label: str
    start: tuple[int, int]
    end: tuple[int, int]
    label_at: tuple[int, int]
    anchor: str = "middle"


NODES = (
    Node("clients", "You, the clients", "orders over HTTP", 20, 142),
    Node("prober", "External prober", "looks from outside", 20, 266),
    Node("prometheus", "Prometheus", "metrics over time", 20, 390),
    Node("parameter-store", "Parameter store", "settings, secrets", 390, 16, 200),
    Node("service", "Service", "what we build", 390, 142, 200, 76),
    Node("agent", "Sidecar agent", "CPU, memory, net", 390, 270, 136, 60),
    Node("collector", "Log collector", "loses nothing", 410, 390, 180),
    Node("master-db", "Master database", "MariaDB", 760, 52),
    Node("replica-db", "Replica database", "MariaDB", 760, 160),
    Node("redis", "Redis", "cache", 760, 268),
    Node("bucket", "Bucket", "S3, files by time", 760, 390),
)
EDGES = (
    Edge("clients", "service", "orders", (200, 174), (390, 174), (276, 166)),
    Edge("prober", "service", "probes", (200, 290), (390, 206), (262, 252), "end"),
    Edge("prometheus", "agent", "scrapes", (200, 414), (390, 312), (262, 370), "end"),
    Edge("prometheus", "prober", "scrapes", (110, 390), (110, 330), (120, 365), "start"),
    Edge("service", "parameter-store", "settings at start", (490, 142), (490, 80), (500, 108), "start"),
    Edge("service", "master-db", "writes", (590, 162), (760, 96), (670, 116)),
    Edge("service", "replica-db", "reads", (590, 180), (760, 190), (690, 178)),
    Edge("service", "redis", "caches", (590, 200), (760, 288), (690, 236)),
    Edge("master-db", "replica-db", "replicates", (850, 116), (850, 160), (860, 143), "start"),
    Edge("service", "collector", "stdout", (556, 218), (556, 390), (566, 376), "start"),
    Edge("collector", "bucket", "log files", (590, 422), (760, 422), (675, 413)),
)


def system_map(lit: Iterable[str] = ()) -> Rendered:
    """Return the map as inline SVG and as text; ``lit`` names the highlighted parts.

    A highlighted part has a thick border, bold letters and a flag. Raises WrongUsage for a part that is not on the map.
    """
    lit_ids = frozenset(lit)
    known_ids = {node.id for node in NODES}
    unknown_ids = sorted(lit_ids - known_ids)
    if unknown_ids:
        raise WrongUsage(f"{', '.join(unknown_ids)} is not on the map.", f"Use: {', '.join(sorted(known_ids))}.")
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
    labels = [node.label for node in NODES if node.id in lit_ids]
    if not labels:
        return NAME
    return f"{NAME}; in this lesson: {', '.join(labels)}"


def _description() -> str:
    """Return the connections in words, a sentence each."""
    labels_by_id = {node.id: node.label for node in NODES}
    return " ".join(f"{labels_by_id[edge.source]} to {labels_by_id[edge.target]}: {edge.label}." for edge in EDGES)


def _text(lit_ids: frozenset[str]) -> str:
    """Return the map as text: title, a line for each part, and the connections."""
    lines = []
    for node in NODES:
        flag = "[today]" if node.id in lit_ids else " " * len("[today]")
        lines.append(f"{flag} {node.label} ({node.about})")

    return "\n".join([_title(lit_ids), *lines, _description()])
