"""The external store: secrets, narrow readers, and nothing of the user's own AWS settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pydantic import SecretStr

from workshop_kit.engine import parameter_store
from workshop_kit.engine.aws import Access
from workshop_kit.engine.parameter_store import Settings, Store
from workshop_kit.errors import WorkshopError

NOWHERE = "http://127.0.0.1:9"
ELSEWHERE = "http://127.0.0.1:10"
SETTINGS: dict[str, Settings] = {
    "production": {"redis/host": "redis", "redis/password": SecretStr("canary-production")},
    "staging": {"redis/host": "redis-staging", "redis/password": SecretStr("canary-staging"), "log/level": "debug"},
}


@pytest.fixture(scope="module", autouse=True)
def seeded(store: Store) -> None:
    """Two environments are in the store."""
    parameter_store.seed(store, SETTINGS)


def test_a_reader_sees_one_environment_and_writes_nothing(store: Store) -> None:
    """Narrowed: staging, decrypted, is theirs; production, the root, writing and administration are not."""
    reader = store.reader("staging")
    assert reader.get_by_path("/workshop/staging")["/workshop/staging/redis/password"].value == "canary-staging"
    refused: dict[str, Callable[[], object]] = {
        "read by path": lambda: reader.get_by_path("/workshop/production"),
        "read all": lambda: reader.get_by_path("/"),
        "write": lambda: reader.put("/workshop/staging/log/level", "info"),
        "make users": lambda: reader.reader("production"),
    }
    for what, attempt in refused.items():
        with pytest.raises(WorkshopError, match=r"policy of \w+ does not allow"):
            pytest.fail(f"{what}: {attempt()}")


def test_no_value_is_in_any_repr(store: Store) -> None:
    """Secrets are never shown: not in the repr of a parameter, an access or a store."""
    assert "canary" not in repr(store.get_by_path("/workshop/staging"))
    assert store.access.secret_key not in repr(store) + repr(store.access)


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


def test_a_reader_decrypts_with_the_workshops_key_and_nothing_else(store: Store) -> None:
    """Also what docs/parameter-store.md says: a SecureString read without decryption is plain, KMS does encrypt."""
    kms = store.client("kms")
    reader = store.reader("staging").client("kms")
    stored = store.client("ssm").get_parameter(Name="/workshop/staging/redis/password")["Parameter"]["Value"]
    sealed = kms.encrypt(KeyId=store.find_key(), Plaintext=b"canary-sealed")["CiphertextBlob"]
    assert (stored, b"canary" in sealed) == (f"kms:{store.find_key()}:canary-staging", False)
    assert reader.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"canary-sealed"
    with pytest.raises(ClientError, match="not authorized to perform: kms:Encrypt"):
        reader.encrypt(KeyId=store.find_key(), Plaintext=b"x")
    other_key = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(ClientError, match="not authorized to perform: kms:Decrypt"):
        reader.decrypt(CiphertextBlob=kms.encrypt(KeyId=other_key, Plaintext=b"x")["CiphertextBlob"])
