"""The map: every part is drawn, highlighted parts stand out without color, and a text says the same."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from workshop_kit.display.map import EDGES, NODES, system_map

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


def test_the_text_says_the_same() -> None:
    """Without a browser the map is a list with today's parts marked."""
    lines = str(system_map(["redis"])).split("\n")
    assert [line for line in lines if line.startswith("[today]")] == ["[today] Redis (cache)"]
