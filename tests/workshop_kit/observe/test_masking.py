"""Secrets are recognized by name or value, and masked in texts."""

from __future__ import annotations

import time

import pytest

from workshop_kit.observe.masking import Mask, assigned_secrets, secrets_among, secrets_in, variables_named

TOKEN = "ghp_" + "A1b2" * 9
AWS = "AKIA" + "ABCDEFGH12345678"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "hunter22"),
        ("MYSQL_ROOT_PASSWORD", "a"),
        ("SENTRY_DSN", "https://key@sentry.example/1"),
        ("ANYTHING", f"--token {TOKEN}"),
        ("DATABASE_URL", "postgres://app:hunter22@db/app"),
        ("UPLOADER", AWS),
    ],
)
def test_a_secret_is_known_by_its_name_or_by_its_value(name: str, value: str) -> None:
    """Either suffices."""
    assert set(secrets_among({name: value})) == {name}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD_FILE", "/run/secrets/db_password"),
        ("DB_PASSWORD", "/run/secrets/db_password"),
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("PWD", "/srv"),
        ("GPG_KEY", "E3FF2839C048B25C084DEBE9B26995E310250568"),
        ("PYTHON_SHA256", "d" * 64),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("DATABASE_URL", "postgres://db/app"),
        ("DATABASE_URL", "postgres://app:$PASSWORD@db/app"),
    ],
)
def test_a_placeholder_or_a_path_is_no_secret(name: str, value: str) -> None:
    """Empty ones, paths, placeholders, public keys' fingerprints, words that contain one."""
    assert secrets_among({name: value}) == {}


def test_a_mask_replaces_known_secrets_and_values_that_look_like_one() -> None:
    """Known values wherever they stand; assignments and tokens by their form."""
    mask = Mask(["correct-horse"])
    assert mask("a correct-horse here") == "a [masked, 13 characters] here"
    assert "hunter22" not in mask("RUN login --password=hunter22")
    assert TOKEN not in mask(f"Authorization: {TOKEN}")
    assert AWS not in mask(f"key {AWS}")


def test_a_masked_text_is_one_line_without_control_characters() -> None:
    """Escape sequences and direction changes are escaped."""
    assert Mask()("a\x1b[31mb\u202ec\nd") == "a\\x1b[31mb\\u202ec d"


def test_assignments_in_commands_are_found() -> None:
    """``--password=x``, ``TOKEN=x``, quoted or not; not those of harmless names."""
    text = "RUN A_TOKEN='abc def' curl --password=hunter22 -e NAME=value api-key: 12345678 --secret s3cr3t"
    found = {"A_TOKEN": "abc def", "password": "hunter22", "api-key": "12345678", "secret": "s3cr3t"}
    assert dict(assigned_secrets(text)) == found
    assert dict(assigned_secrets("RUN : --token=abcdefgh")) == {"token": "abcdefgh"}
    assert dict(assigned_secrets('{"token": "abcdefgh", "name": "x"}')) == {"token": "abcdefgh"}
    assert list(secrets_in("nothing here")) == []


@pytest.mark.parametrize("piece", ["a-", "eyJ-", "--a ", "x://a:", "PASSWORD="])
def test_the_patterns_take_linear_time(piece: str) -> None:
    """Ten times the text takes about ten times as long, not a hundred times."""

    def cpu_seconds(length: int) -> float:
        text = piece * (length // len(piece))
        started = time.process_time()
        list(assigned_secrets(text)), list(secrets_in(text)), variables_named(text), Mask()(text)
        return time.process_time() - started

    short = min(cpu_seconds(20_000) for _ in range(3))
    assert cpu_seconds(200_000) < 40 * short + 0.05
