"""The table of settings says what is, hides what is secret, and stands in the documentation as it is."""

from __future__ import annotations

from pathlib import Path

from tests.workshop_app.conftest import good_environ
from workshop_app import explain

ROOT = Path(__file__).resolve().parents[2]


def by_variable(environ: dict[str, str]) -> dict[str, explain.Row]:
    """The rows, by name."""
    return {row.variable: row for row in explain.rows(environ)}


def test_says_where_each_value_came_from(tmp_path: Path) -> None:
    """Environment, file, default, or nowhere."""
    (tmp_path / "secret").write_text("canary-5e1f09\n")
    environ = good_environ() | {"REDIS_PASSWORD_FILE": str(tmp_path / "secret")}
    del environ["REDIS_PASSWORD"], environ["MASTER_DB_HOST"]
    rows = by_variable(environ)
    assert (rows["REDIS_PASSWORD"].source, rows["REDIS_PASSWORD"].value) == ("file", explain.MASK)
    assert (rows["MASTER_DB_NAME"].source, rows["MASTER_DB_NAME"].value) == ("environment", "workshop")
    assert (rows["REDIS_USER"].source, rows["REDIS_USER"].value) == ("default", "default")
    assert (rows["MASTER_DB_HOST"].source, rows["MASTER_DB_HOST"].value) == ("nowhere", "! is not set")


def test_wrong_values_and_secrets_are_not_shown() -> None:
    """What is wrong is said in words: it may be a secret in the wrong place. A mask is as long for every secret."""
    environ = good_environ() | {"HTTP_PORT": "canary-91x27", "REDIS_PASWORD": "canary-91x27"}
    table, fine = explain.text(environ)
    assert not fine
    assert "canary" not in table
    rows = by_variable(environ)
    assert rows["HTTP_PORT"].value == "! is not a whole number"
    assert rows["REDIS_PASWORD"].value == "! is not a setting: did you mean REDIS_PASSWORD?"
    assert {row.value for row in rows.values() if row.type == "secret"} == {explain.MASK}


def test_documentation_is_equal() -> None:
    """docs/settings.md has the same settings in the same order, with the same words; nothing is told twice."""
    text = (ROOT / "docs" / "settings.md").read_text()
    told = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    wanted = [
        [row.variable, row.type, row.required, "" if row.required == "yes" else row.value, row.purpose]
        for row in explain.rows({})
    ]
    assert told == wanted
