"""What can be told of a container's configuration: no secret in the image, settings from outside, one digest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from workshop_kit.engine import resources
from workshop_kit.engine.containers import run
from workshop_kit.engine.session import Session
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.observe import settings
from workshop_kit.observe.leaks import new_canary

pytestmark = pytest.mark.engine

SLEEP = ("sleep", "600")
ENVIRONMENTS = ("production", "staging", "qa")


@pytest.fixture
def three(session: Session, images: dict[str, str]) -> Iterator[dict[str, Any]]:
    """One image as three environments, each with a secret of its own, given the leaky way."""
    with ExitStack() as running:
        yield {
            name: running.enter_context(
                run(
                    session,
                    Spec(
                        images["base"],
                        command=SLEEP,
                        environment={"DB_HOST": f"db.{name}", "DB_PORT": "3306", "DB_PASSWORD": new_canary()}
                        | ({"DEBUG": "1"} if name == "qa" else {}),
                    ),
                )
            ).container
            for name in ENVIRONMENTS
        }


def test_one_image_and_only_settings_differ(three: dict[str, Any]) -> None:
    """One digest; the rows that differ are settings; no secret is shown, and none shows as a difference."""
    for container in three.values():
        container.reload()
    assert settings.images_of(three)["digest"].nunique() == 1
    table = settings.differences(three)
    assert table.index.tolist() == ["DB_HOST", "DEBUG"]
    assert table.loc["DEBUG"].tolist() == ["-", "-", "1"]
    assert settings.differences(three, hidden=["DB_HOST"]).index.tolist() == ["DEBUG"]


def test_says_where_each_setting_comes_from(session: Session, images: dict[str, str], tmp_path: Path) -> None:
    """Baked into the image, given from outside, or given in place of what is baked in; and which seem secret."""
    tag = "container-workshop/test-settings:1"
    (tmp_path / "Dockerfile").write_text(
        f'FROM {images["base"]}\nENV BAKED=1 REPLACED=1 DB_PASSWORD=hunter2-hunter2\nCMD ["sleep", "600"]\n'
    )
    resources.image(session, tmp_path, tag)
    given = {"REPLACED": "2", "DB_TOKEN_FILE": "/run/secrets/token", "HOST": "db"}
    with run(session, Spec(tag, environment=given)) as running:
        told = {one.name: (one.source, one.secret) for one in settings.settings(running.container)}
    assert (
        told.items()
        >= {
            "BAKED": ("image", "no"),
            "REPLACED": ("both", "no"),
            "DB_PASSWORD": ("image", "value"),
            "DB_TOKEN_FILE": ("outside", "file"),
            "HOST": ("outside", "no"),
        }.items()
    )
    assert settings.secrets_in_image(session.engine, tag)["secret"].tolist() == ["DB_PASSWORD"]
    known = settings.secrets_in_image(session.engine, tag, {"mine": "hunter2-hunter2"})
    assert {"image inspect", "image history", "image layers"} <= set(known.loc[known["secret"] == "mine", "surface"])


def test_our_own_service_takes_all_its_settings_from_outside(stack: Stack) -> None:
    """Whatever is a setting of ours comes from outside, no value is a secret, and its image holds none."""
    service = stack.container("service")
    ours = [
        one for one in settings.settings(service) if one.name.startswith(("MASTER_", "REPLICA_", "REDIS_", "HTTP_"))
    ]
    assert len(ours) >= 16
    assert {one.source for one in ours} == {"outside"}
    assert {one.secret for one in ours} == {"no", "file"}
    assert settings.secrets_in_image(stack.session.engine, service.attrs["Config"]["Image"]).empty
