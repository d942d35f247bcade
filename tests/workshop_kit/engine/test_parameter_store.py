"""The client of the parameter store: nothing of the user's own AWS settings, and sentences for errors.

What a reader may do, and what shows of a secret: tests/images/test_parameter_store.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from workshop_kit.engine.aws import Access
from workshop_kit.engine.parameter_store import Store
from workshop_kit.errors import WorkshopError

NOWHERE = "http://127.0.0.1:9"
ELSEWHERE = "http://127.0.0.1:10"


def test_a_store_that_is_not_there_is_one_sentence() -> None:
    """Nothing listens: the error names the address, the request and the next step, without a library's traceback."""
    with pytest.raises(
        WorkshopError, match=f"store at {NOWHERE} does not answer: could not read what is below /a"
    ) as caught:
        Store(Access(NOWHERE, key_id="AKIA", secret_key="x" * 20)).get_by_path("/a")
    assert caught.value.__suppress_context__


PLANTED_KEY = "AKIAPLANTED000000000"
PLANTED_SECRET = "plantedsecret" * 3
PLANTED_TOKEN = "plantedtoken" * 3


def test_nothing_of_the_users_own_aws_settings_is_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Profiles, keys, tokens, regions, endpoints and proxies of the user neither decide nor reach a request of ours."""
    lines = f"aws_access_key_id={PLANTED_KEY}\naws_secret_access_key={PLANTED_SECRET}\n"
    (tmp_path / "credentials").write_text(f"[default]\n{lines}[work]\n{lines}")
    (tmp_path / "config").write_text(f"[profile work]\nregion=eu-west-3\nendpoint_url={ELSEWHERE}\nca_bundle=/no.pem\n")
    settings = {
        "AWS_PROFILE": "work",
        "AWS_ACCESS_KEY_ID": PLANTED_KEY,
        "AWS_SECRET_ACCESS_KEY": PLANTED_SECRET,
        "AWS_SESSION_TOKEN": PLANTED_TOKEN,
        "AWS_REGION": "eu-west-3",
        "AWS_ENDPOINT_URL": ELSEWHERE,
        "AWS_ENDPOINT_URL_SSM": ELSEWHERE,
        "AWS_CA_BUNDLE": "/no.pem",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        **dict.fromkeys(("HTTP_PROXY", "http_proxy"), ELSEWHERE),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), ""),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    sent: list[str] = []
    client = Access(NOWHERE, key_id="AKIAOURS000000000000", secret_key="ourssecret" * 3).client("ssm")
    client.meta.events.register("before-send", lambda request, **_: sent.append(f"{request.url} {request.headers}"))
    with pytest.raises(EndpointConnectionError, match=NOWHERE):  # with a proxy it would be a ProxyConnectionError
        client.get_parameters(Names=["/a"])
    assert "Credential=AKIAOURS000000000000/" in sent[0]
    assert "/us-east-1/ssm/" in sent[0]
    for word in (PLANTED_KEY, PLANTED_SECRET, PLANTED_TOKEN, "eu-west-3", "Security-Token", ELSEWHERE):
        assert word.lower() not in sent[0].lower(), word
