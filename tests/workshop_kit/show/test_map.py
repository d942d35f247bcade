"""The map: complete, accessible, and honest about what is lit."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from workshop_kit.errors import WrongUsage
from workshop_kit.show.map import EDGES, HEIGHT, NODES, WIDTH, Node, system_map

SVG = "{http://www.w3.org/2000/svg}"
IDS = [node.id for node in NODES]


def drawn(*lit: str) -> ET.Element:
    """The picture as XML: it must be well-formed."""
    return ET.fromstring(system_map(lit).html)


def test_title_and_description_are_read_out() -> None:
    """A screen reader hears one picture with a title that names what is lit, and all connections."""
    picture = drawn("redis", "service")
    assert picture.get("role") == "img"
    labels = (picture.get("aria-labelledby") or "").split()
    read = [element.text or "" for element in picture.iter() if element.get("id") in labels]
    assert read[0] == "Map of the whole system; in this lesson: Service, Redis"
    assert read[1].count(".") == len(EDGES)


@pytest.mark.parametrize("lit", [[], ["service"], IDS], ids=["none", "one", "all"])
def test_lit_parts_differ_in_more_than_color(lit: list[str]) -> None:
    """Exactly the lit parts carry the flag and the bold look; every part is drawn."""
    picture = drawn(*lit)
    groups = picture.findall(f"{SVG}g")
    assert len(groups) == len(NODES)
    for node, group in zip(NODES, groups, strict=True):
        flags = [text for text in group.iter(f"{SVG}text") if text.text == "today"]
        assert (len(flags) == 1) == (node.id in lit)
        assert ("lit" in (group.get("class") or "").split()) == (node.id in lit)


def test_a_connection_is_lit_with_both_its_ends() -> None:
    """A line is drawn strongly only when the parts at both ends are lit."""
    lines = drawn("service", "redis").findall(f"{SVG}line")
    lit = [edge.label for edge, line in zip(EDGES, lines, strict=True) if "lit" in (line.get("class") or "").split()]
    assert lit == ["caches"]


def test_nothing_overlaps_or_leaves_the_picture() -> None:
    """Parts keep apart from each other and inside the frame, and every connection ends at its parts."""
    nodes = {node.id: node for node in NODES}
    for one in NODES:
        assert one.x >= 0
        assert one.y >= 12, "room for the flag"
        assert one.x + one.width <= WIDTH
        assert one.y + one.height <= HEIGHT
        assert not any(overlap(one, other) for other in NODES if other != one)
    for edge in EDGES:
        assert on_border(nodes[edge.source], edge.start), edge
        assert on_border(nodes[edge.target], edge.end), edge


def overlap(one: Node, other: Node) -> bool:
    """Whether two parts share space."""
    apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
    apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
    return not (apart_x or apart_y)


def on_border(node: Node, point: tuple[int, int]) -> bool:
    """Whether a point lies on the border of a part."""
    x, y = point
    inside = node.x <= x <= node.x + node.width and node.y <= y <= node.y + node.height
    return inside and (x in (node.x, node.x + node.width) or y in (node.y, node.y + node.height))


def test_everything_is_connected_and_known() -> None:
    """Ids are unique, no part hangs in the air, and every connection joins two known parts."""
    assert len(set(IDS)) == len(IDS)
    assert {edge.source for edge in EDGES} | {edge.target for edge in EDGES} == set(IDS)


def test_every_color_has_a_fallback() -> None:
    """Where JupyterLab's theme is missing (an exported page, a README), every color is still given."""
    html = system_map(["service"]).html
    assert not re.findall(r"var\(--jp-[a-z0-9-]+\)", html)
    assert "prefers-color-scheme: dark" in html


def test_the_text_says_the_same() -> None:
    """Without a browser the map is a list with today's parts marked."""
    lines = str(system_map(["redis"])).split("\n")
    assert [line for line in lines if line.startswith("[today]")] == ["[today] Redis (cache)"]


def test_a_part_that_is_not_on_the_map() -> None:
    """A misspelled part is named, with those that there are."""
    with pytest.raises(WrongUsage, match=r"mongo is not on the map\. Use: agent, bucket"):
        system_map(["mongo"])
