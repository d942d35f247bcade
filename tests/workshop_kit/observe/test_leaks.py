"""The search finds six characters of a secret in every encoding, and nothing in noise."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workshop_kit.observe.leaks import ENCODINGS, FRAGMENT_LENGTH, Surface, find, hunt, new_canary

ENCODE: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "URL": lambda text: quote(text, safe="").encode(),
    "hex": lambda text: text.encode().hex().encode(),
    "reversed": lambda text: text[::-1].encode(),
}


def encodings_found(canary: str, content: bytes) -> set[str]:
    """Return the encodings found on one surface."""
    (row,) = hunt(canary, [Surface.of("a place", "here", content)]).to_dict("records")
    return set(filter(None, row["encoding"].split(", ")))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_finds_the_whole_secret_in_every_encoding(encoding: str) -> None:
    """Wherever it stands in a longer text."""
    canary = new_canary()
    assert encoding in encodings_found(canary, b"before " + ENCODE[encoding](canary) + b" after")


@settings(max_examples=30)
@given(st.data())
def test_finds_every_fragment_in_every_encoding(data: st.DataObject) -> None:
    """Six characters are enough, and a text around them that is encoded with them does not hide them."""
    canary = new_canary()
    start = data.draw(st.integers(0, len(canary) - FRAGMENT_LENGTH))
    around = data.draw(st.text("abc", max_size=5)), data.draw(st.text("abc", max_size=5))
    text = around[0] + canary[start : start + FRAGMENT_LENGTH] + around[1]
    for encoding in set(ENCODINGS) - {"URL"}:
        assert encoding in encodings_found(canary, ENCODE[encoding](text))
    assert encodings_found(canary, ENCODE["URL"](text)) & {"URL", "plain"}  # letters look the same in a URL


def test_finds_nothing_in_noise() -> None:
    """Random bytes and random base64: no chance hit. (A new canary each time would have one in 60.)"""
    noise = random.Random(5).randbytes(2 << 20)
    assert encodings_found("canary-Zq3vKx8RtW1mHs6Lp0Yd", noise + base64.b64encode(noise)) == set()


def test_rows_name_the_surface_and_never_contain_a_secret() -> None:
    """One row a surface, in order; the secrets are named, and no value is in the table."""
    first, second = new_canary(), new_canary()
    places = [Surface.of("log", "redis", f"x {second}"), Surface.of("inspect", "service", "clean")]
    table = hunt({"one": first, "two": second}, places)
    assert table[["surface", "where", "encoding", "secret"]].values.tolist() == [
        ["log", "redis", "plain", "two"],
        ["inspect", "service", "", ""],
    ]
    assert table["size_bytes"].tolist() == [32, 5]
    assert find({"one": first, "two": second}, places)["surface"].tolist() == ["log"]
    assert second[:6] not in table.to_csv()
    assert find(first, [Surface.of("log", "", "clean")]).empty
