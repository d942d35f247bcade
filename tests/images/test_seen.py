"""The leak tests are worth what their search finds: it is tested itself."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from tests.images.seen import leaks, new_secret

SECRET = new_secret()
PLANTED = {
    "plain": f"password={SECRET}",
    "a fragment": f"password={SECRET[8:14]}***",
    "json": json.dumps({"password": SECRET}),
    "reversed": SECRET[::-1],
    "hex": f"0x{SECRET.encode().hex()}",
    "hex, upper case": SECRET.encode().hex().upper(),
    "url": f"mysql://orders:{quote(SECRET, safe='')}@master-db/workshop",
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64, one in": base64.b64encode(f":{SECRET}".encode()).decode(),
    "base64, two in": base64.b64encode(f"a:{SECRET}:b".encode()).decode(),
}


@pytest.mark.parametrize("form", PLANTED)
def test_planted_leak_is_found(form: str) -> None:
    """A planted secret is found in every encoding, whole or in part."""
    assert leaks(SECRET, b"before " + PLANTED[form].encode() + b" after")


def test_no_leak_is_invented() -> None:
    """Another secret, in all its forms, is no leak of this one."""
    other = new_secret()
    text = "\n".join(form.replace(SECRET, other) for form in (other, other[::-1], quote(other), other.encode().hex()))
    assert leaks(SECRET, text.encode()) == []
