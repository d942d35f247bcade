"""The map of the whole system as SVG and as text, with the parts of a lesson highlighted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from zlib import crc32

from workshop_kit.display.rendered import Rendered
from workshop_kit.errors import WrongUsage

WIDTH, HEIGHT = 960, 500
STYLE = (Path(__file__).parent / "map.css").read_text()


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
TASK = (370, 124, 240, 226)
"""The frame around one task's containers: x, y, width, height."""


def system_map(lit: Iterable[str] = ()) -> Rendered:
    """Return the map as inline SVG and as text; ``lit`` names the highlighted parts.

    A highlighted part has a thick border, bold letters and a flag. Raises WrongUsage for a part that is not on the map.
    """
    lit = frozenset(lit)
    known = {node.id for node in NODES}
    if strange := sorted(lit - known):
        raise WrongUsage(f"{', '.join(strange)} is not on the map.", f"Use: {', '.join(sorted(known))}.")
    return Rendered(_svg(lit), _text(lit))


def _svg(lit: frozenset[str]) -> str:
    uid = f"wk-map-{crc32(' '.join(sorted(lit)).encode()):08x}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="wk-map" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-labelledby="{uid}-title {uid}-desc">'
        f'<title id="{uid}-title">{escape(_title(lit))}</title>'
        f'<desc id="{uid}-desc">{escape(_description())}</desc>'
        f"<style>{STYLE}</style>{_arrowheads(uid)}{_task_frame()}"
        f"{''.join(_edge_svg(edge, lit, uid) for edge in EDGES)}"
        f"{''.join(_node_svg(node, node.id in lit) for node in NODES)}{_legend(bool(lit))}</svg>"
    )


def _title(lit: frozenset[str]) -> str:
    names = [node.label for node in NODES if node.id in lit]
    return "Map of the whole system" + (f"; in this lesson: {', '.join(names)}" if names else "")


def _description() -> str:
    labels = {node.id: node.label for node in NODES}
    return " ".join(f"{labels[edge.source]} to {labels[edge.target]}: {edge.label}." for edge in EDGES)


def _text(lit: frozenset[str]) -> str:
    lines = [f"{'[today]' if node.id in lit else '       '} {node.label} ({node.about})" for node in NODES]
    return "\n".join([_title(lit), *lines, _description()])


def _arrowheads(uid: str) -> str:
    return (
        "<defs>"
        + "".join(
            f'<marker id="{uid}-{name}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8"'
            f' markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path class="wk-head {name}" d="M0 0 L10 5 L0 10 z"/></marker>'
            for name in ("lit", "pale")
        )
        + "</defs>"
    )


def _task_frame() -> str:
    x, y, width, height = TASK
    return (
        f'<rect class="wk-task" x="{x}" y="{y}" width="{width}" height="{height}" rx="12"/>'
        f'<text class="wk-label pale" x="{x + 8}" y="{y + height - 5}">one task</text>'
    )


def _edge_svg(edge: Edge, lit: frozenset[str], uid: str) -> str:
    look = "lit" if {edge.source, edge.target} <= lit else "pale"
    (x1, y1), (x2, y2), (lx, ly) = edge.start, edge.end, edge.label_at
    return (
        f'<line class="wk-edge {look}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" marker-end="url(#{uid}-{look})"/>'
        f'<text class="wk-label {look}" x="{lx}" y="{ly}" text-anchor="{edge.anchor}">{escape(edge.label)}</text>'
    )


def _node_svg(node: Node, is_lit: bool) -> str:
    look = "lit" if is_lit else "pale"
    center, middle = node.x + node.width / 2, node.y + node.height / 2
    return (
        f'<g class="wk-node {look}">'
        f'<rect x="{node.x}" y="{node.y}" width="{node.width}" height="{node.height}" rx="8"/>'
        f'<text class="wk-name" x="{center:g}" y="{middle - 2:g}">{escape(node.label)}</text>'
        f'<text class="wk-about" x="{center:g}" y="{middle + 17:g}">{escape(node.about)}</text>'
        f"{_flag(node.x + 10, node.y) if is_lit else ''}</g>"
    )


def _flag(x: int, y: int) -> str:
    return (
        f'<rect class="wk-flag" x="{x}" y="{y - 10}" width="52" height="19" rx="4"/>'
        f'<text class="wk-flag-text" x="{x + 26}" y="{y + 4}">today</text>'
    )


def _legend(any_lit: bool) -> str:
    said = "Flag and thick border: in this lesson. Dashed: in another." if any_lit else "Arrows: who talks to whom."
    return f'<text class="wk-label pale" x="20" y="{HEIGHT - 12}">{said}</text>'
