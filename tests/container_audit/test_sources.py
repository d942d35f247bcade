"""The files of a target: what is named is taken, what lies here only if it fits; none of it can stop an audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import check_jsonschema
import pytest

from container_audit import catalog, sources
from container_audit.compose_files import read_compose_file
from container_audit.dockerfiles import read_dockerfile
from container_audit.sources import Place, Sources, locate, relative_uri
from container_audit.targets import Target
from workshop_kit.errors import WrongUsage

COMPOSE_SCHEMA = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor" / "compose-spec.json"
INSTRUCTIONS = {"ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "RUN"}
INSTRUCTIONS |= {"STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}
DOCKERFILE = 'FROM python:3.13\nUSER 10001:10001\nCMD ["python3", "main.py"]\n'
COMPOSE = "services:\n  orders:\n    image: shop:1\n    build:\n      context: orders\n      dockerfile: Small\n"
CONFIG = {"User": "10001:10001", "Cmd": ["python3", "main.py"]}


def image(name: str = "shop:1", **config: Any) -> Target:
    """An image with these settings."""
    return Target(name, {"Id": "sha256:0", "Config": {**CONFIG, **config}})


def container(**labels: str) -> Target:
    """A container of compose's."""
    named = {f"com.docker.compose.{name}": value for name, value in labels.items()}
    return Target("orders", image().image, {"Config": {**CONFIG, "Image": "shop:1", "Labels": named}})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which is called shop."""
    here = tmp_path / "shop"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def test_rules_point_to_instructions_and_keys_that_exist() -> None:
    """The keys are those of the compose specification."""
    definitions = json.loads(COMPOSE_SCHEMA.read_text())["$defs"]
    parts = ("service", "container_spec", "workload_spec")
    known_keys = {key for part in parts for key in definitions[part]["properties"]}
    for rule in catalog.rules():
        assert {*rule.instructions} <= INSTRUCTIONS, rule.id
        assert {*rule.compose_keys} <= known_keys, rule.id
        assert rule.instructions or rule.compose_keys, rule.id


@pytest.mark.parametrize(
    ("config", "fits"),
    [
        ({}, True),
        ({"User": "0"}, False),
        ({"Cmd": ["nginx"]}, False),
        ({"Cmd": ["/bin/sh", "-c", "python3 main.py"]}, False),
    ],
)
def test_a_dockerfile_that_lies_here_counts_if_it_fits_the_image(
    folder: Path, config: dict[str, Any], fits: bool
) -> None:
    """An audit of any other image in this folder blames none of its lines."""
    (folder / "Dockerfile").write_text(DOCKERFILE)
    assert (locate(image(**config)).dockerfile is not None) is fits
    assert locate(image(**config), folder / "Dockerfile").dockerfile is not None


@pytest.mark.parametrize(
    "text", ["FROM python:3.13\nCOPY . /srv\n", "FROM python:3.13\nUSER $NAME\n", "", "no instruction \\"]
)
def test_a_dockerfile_that_says_nothing_of_the_image_does_not_count(folder: Path, text: str) -> None:
    """Nothing in it can be compared."""
    (folder / "Dockerfile").write_text(text)
    assert locate(image()) == Sources()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM a\nRUN one \\\n\n  # no\n  two\nUSER 1\n", [("FROM", 1), ("RUN", 2), ("USER", 6)]),
        (
            "FROM a\r\nCOPY <<A <<-'B' /srv\r\nUSER 0\r\nA\r\nUSER 0\r\nB\r\nUSER 1\r\n",
            [("FROM", 1), ("COPY", 2), ("USER", 7)],
        ),
        ("# syntax=x\n# escape=`\nFROM a\nRUN c:\\\nRUN d `\n  e\n", [("FROM", 3), ("RUN", 4), ("RUN", 5)]),
        ("ARG V\nFROM --platform=x a As One\nUSER 1\nFROM b\nFROM one\n", [("FROM", 2), ("USER", 3), ("FROM", 5)]),
        ("FROM a\nRUN echo $((1<<X)) <<<word\nUSER 1\n", [("FROM", 1), ("RUN", 2), ("USER", 3)]),
        ("FROM a\nRUN <<NEVER\nUSER 1\n", [("FROM", 1), ("RUN", 2)]),
        ("FROM a\nRUN <<A <<-B\n A\nA\n B\n\tB\nUSER 1\n", [("FROM", 1), ("RUN", 2), ("USER", 7)]),
        ("FROM a AS one\nUSER 1\nFROM b\nFROM 0\n", [("FROM", 1), ("USER", 2), ("FROM", 4)]),
    ],
)
def test_instructions_have_their_lines(folder: Path, text: str, words: list[tuple[str, int]]) -> None:
    """Continued lines, comments, here-documents, another escape character, stages."""
    (folder / "Dockerfile").write_bytes(text.encode())
    dockerfile = read_dockerfile(folder / "Dockerfile")
    assert [(instruction.word, instruction.line) for instruction in dockerfile.instructions] == words


@pytest.mark.parametrize(
    ("labels", "is_found"),
    [
        ({"project": "shop", "service": "orders"}, True),
        ({"project": "other", "service": "orders"}, False),
        ({"project": "shop", "service": "nobody"}, False),
        ({"project": "other", "service": "orders", "project.config_files": "/x/base.yaml,{here}/compose.yaml"}, True),
    ],
)
def test_a_compose_file_that_lies_here_counts_for_its_own_project(
    folder: Path, labels: dict[str, str], is_found: bool
) -> None:
    """By the project's name, or by the path that compose noted."""
    (folder / "compose.yaml").write_text(COMPOSE)
    target = container(**{name: value.format(here=folder) for name, value in labels.items()})
    assert (locate(target).service is not None) is is_found


def test_a_service_names_its_dockerfile(folder: Path) -> None:
    """In its build context; another one that lies here does not count then."""
    (folder / "compose.yaml").write_text(COMPOSE)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "orders").mkdir()
    (folder / "orders" / "Small").write_text("FROM scratch\n")
    dockerfile = locate(container(project="shop", service="orders")).dockerfile
    assert dockerfile is not None
    assert relative_uri(dockerfile.path) == "orders/Small"


def test_a_named_compose_file_has_the_service_of_an_image(folder: Path) -> None:
    """By the name of the image; without one it is the file's ``services``."""
    (folder / "deploy.yml").write_text(f"# ours\n{COMPOSE}")
    pinned = next(rule for rule in catalog.rules() if rule.id == "build.pinned")
    named = folder / "deploy.yml"
    assert locate(image(), named).place_of(pinned, "") == Place("deploy.yml", 4)
    assert locate(image("other:1"), named).place_of(pinned, "") == Place("deploy.yml", 2)


@pytest.mark.parametrize(
    "text",
    [
        "services: [",
        "services:\n  orders: text\n",
        "services: 3",
        "",
        "&a [*a]",
        "services: &a\n  orders: &b {<<: *b, <<: *a}\n",
        "[" * 5000,
        "services:\n  ? [1, 2]\n  : 3\n  orders: {? {a: b} : c}\n",
    ],
)
def test_no_file_that_lies_here_stops_an_audit(folder: Path, text: str) -> None:
    """Broken, empty, nested without end: such a file is not known."""
    (folder / "compose.yaml").write_text(text)
    (folder / "Dockerfile").write_bytes(b"\xff\x00FROM")
    sources = locate(container(project="shop", service="orders"))
    assert sources.dockerfile is None
    assert sources.service is None or {*sources.service.keys} <= {"orders"}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("nowhere", None, "There is no Dockerfile and no compose file at"),
        ("compose.yaml", b"services: [", "compose.yaml cannot be used: while parsing"),
        ("Dockerfile", b"\xff", "is not text in UTF-8"),
    ],
)
def test_a_named_file_that_cannot_be_read_is_refused(
    folder: Path, name: str, content: bytes | None, sentence: str
) -> None:
    """One sentence, before the audit runs."""
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(WrongUsage, match=sentence):
        sources.require_readable(folder / name)


def test_the_first_merge_goes_over_the_others_and_own_keys_over_both(folder: Path) -> None:
    """As YAML says; each key has its line."""
    text = "a: &a {user: x}\nb: &b {user: y, image: z}\nservices:\n  orders:\n    image: shop:1\n    <<: [*a, *b]\n"
    (folder / "compose.yaml").write_text(text)
    service = read_compose_file(folder / "compose.yaml").services["orders"]
    assert service.keys == {"user": 1, "image": 5}
