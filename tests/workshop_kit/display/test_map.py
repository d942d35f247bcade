"""The map: every part is drawn, highlighted parts stand out without color, and a text says the same."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from workshop_kit.display.map import EDGES, NODES, system_map

SVG = "{http://www.w3.org/2000/svg}"


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


@pytest.mark.parametrize("lit", [[], ["redis"]], ids=["none", "one"])
def test_lit_parts_differ_in_more_than_color(lit: list[str]) -> None:
    """Exactly the lit parts carry the flag and the bold look; every part is drawn, and stands in the text."""
    picture = drawn(*lit)
    groups = picture.findall(f"{SVG}g")
    assert len(groups) == len(NODES)
    for node, group in zip(NODES, groups, strict=True):
        flags = [text for text in group.iter(f"{SVG}text") if text.text == "today"]
        assert (len(flags) == 1) == (node.id in lit)
        assert ("lit" in (group.get("class") or "").split()) == (node.id in lit)
    today = [line for line in str(system_map(lit)).split("\n") if line.startswith("[today]")]
    assert today == [f"[today] {node.label} ({node.about})" for node in NODES if node.id in lit]
