"""Secrets are found in every encoding, recognized by name or value, and masked in texts; nothing is found in noise."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.examples import given, settings, st
from workshop_kit.observe.leaks import ENCODINGS, FRAGMENT_LENGTH, Surface, find, hunt, new_canary
from workshop_kit.observe.masking import Mask, assigned_secrets, secrets_among, secrets_in, variable_names_in

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


TOKEN = "ghp_" + "A1b2" * 9
AWS = "AKIA" + "ABCDEFGH12345678"


SECRETS = {
    "DB_PASSWORD": "hunter22",
    "SENTRY_DSN": "https://key@sentry.example/1",
    "ANYTHING": f"--token {TOKEN}",
    "DATABASE_URL": "postgres://app:hunter22@db/app",
}
HARMLESS = {
    "DB_PASSWORD_FILE": "/run/secrets/db_password",
    "API_PASSWORD": "/run/secrets/db_password",
    "OWN_PASSWORD": "${DB_PASSWORD}",
    "GPG_KEY": "E3FF2839C048B25C084DEBE9B26995E310250568",
    "PASSWORD_MIN_LENGTH": "12",
    "CACHE_URL": "postgres://app:$PASSWORD@db/app",
}


def test_a_secret_is_known_by_its_name_or_by_its_value() -> None:
    """Paths, placeholders, public keys' fingerprints and names that contain a secret's name are none."""
    assert set(secrets_among({**SECRETS, **HARMLESS})) == set(SECRETS)


def test_a_mask_replaces_known_secrets_and_values_that_look_like_one() -> None:
    """Known values wherever they stand; assignments and tokens by their form."""
    mask = Mask(["correct-horse"])
    assert mask("a correct-horse here") == "a [masked, 13 characters] here"
    assert "hunter22" not in mask("RUN login --password=hunter22")
    assert TOKEN not in mask(f"Authorization: {TOKEN}")
    assert AWS not in mask(f"key {AWS}")


def test_assignments_in_commands_are_found() -> None:
    """``--password=x``, ``TOKEN=x``, quoted or not; not those of harmless names."""
    text = "RUN A_TOKEN='abc def' curl --password=hunter22 -e NAME=value api-key: 12345678 --secret s3cr3t"
    assignments = {"A_TOKEN": "abc def", "password": "hunter22", "api-key": "12345678", "secret": "s3cr3t"}
    assert dict(assigned_secrets(text)) == assignments
    assert dict(assigned_secrets("RUN : --token=abcdefgh")) == {"token": "abcdefgh"}
    assert dict(assigned_secrets('{"token": "abcdefgh", "name": "x"}')) == {"token": "abcdefgh"}
    assert list(secrets_in("nothing here")) == []


@pytest.mark.parametrize("piece", ["a-", "eyJ-", "--a ", "x://a:", "PASSWORD="])
def test_the_patterns_take_linear_time(piece: str) -> None:
    """Ten times the text takes about ten times as long, not a hundred times."""

    def cpu_seconds(length: int) -> float:
        text = piece * (length // len(piece))
        started = time.process_time()
        list(assigned_secrets(text)), list(secrets_in(text)), variable_names_in(text), Mask()(text)
        return time.process_time() - started

    short = min(cpu_seconds(20_000) for _ in range(3))
    assert cpu_seconds(200_000) < 40 * short + 0.05


def test_rows_name_the_surface_and_never_contain_a_secret() -> None:
    """One row a surface, in order; the secrets are named, and no value is in the table."""
    first = new_canary()
    second = new_canary()
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
