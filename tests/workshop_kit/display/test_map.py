"""The map: every part is drawn, highlighted parts stand out without color, and a text says the same."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from workshop_kit.display.map import NODES, system_map

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*lit: str) -> ET.Element:
    """The picture as XML: it must be well-formed."""
    return ET.fromstring(system_map(lit).html)


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
