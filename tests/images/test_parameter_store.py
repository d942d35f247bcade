"""The parameter store: confined, closed to everybody without a key; a reader sees one environment and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from tests.images.conftest import assert_confined, wait_healthy
from workshop_kit.engine import containers, parameter_store
from workshop_kit.engine.aws import Access
from workshop_kit.engine.container_spec import Spec
from workshop_kit.engine.containers import Running
from workshop_kit.engine.parameter_store import ADMINISTRATOR, Settings, Store
from workshop_kit.engine.session import Session
from workshop_kit.errors import WorkshopError
from workshop_kit.observe.leaks import container_surfaces, find, new_canary

SETTINGS = {"PARAMETER_STORE_KEY_FILE": "/run/secrets/key", "COLLECTOR_KEY_FILE": "/run/secrets/collector"}
KEY = new_canary()
COLLECTORS_KEY = new_canary()
ENVIRONMENTS: dict[str, Settings] = {
    "production": {"redis/host": "redis", "redis/password": SecretStr("canary-production")},
    "staging": {"redis/host": "redis-staging", "redis/password": SecretStr("canary-staging"), "log/level": "debug"},
}


@pytest.fixture(scope="module")
def server(session: Session, images: dict[str, str]) -> Iterator[Running]:
    """A healthy store that can be reached."""
    spec = Spec(
        images["parameter_store"],
        environment=SETTINGS,
        files={"/run/secrets/key": f"{KEY}\n", "/run/secrets/collector": COLLECTORS_KEY},
        volumes=("/run/secrets",),
        ports=(8080,),
    )
    with containers.run(session, spec) as running:
        wait_healthy(running.container)
        yield running


@pytest.fixture(scope="module")
def store(server: Running) -> Store:
    """The store as its administrator, with two environments in it."""
    store = Store(Access(server.url(), key_id=ADMINISTRATOR, secret_key=KEY))
    parameter_store.seed(store, ENVIRONMENTS)
    return store


SIGNED_WITH_AN_UNKNOWN_KEY = (
    "AWS4-HMAC-SHA256 Credential=AKIANOBODY0000000000/20260101/us-east-1/{}/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
PUBLIC = "AWSCognitoIdentityService.GetId"  # moto lets this through without a key
ATTEMPTS: dict[str, tuple[str, str, str, str]] = {
    "unsigned": ("POST", "/", "", "AmazonSSM.DescribeParameters"),
    "moto's dump of everything": ("GET", "/moto-api/data.json", "", ""),
    "moto's switch for IAM, signed for another service": ("POST", "/moto-api/reset-auth", "ssm", ""),
    "the metadata of a machine": ("GET", "/latest/meta-data/iam/security-credentials/", "", ""),
    "another service": ("POST", "/", "secretsmanager", ""),
    "nobody's key": ("POST", "/", "ssm", "AmazonSSM.GetParameter"),
    "a public operation in front of a bucket": ("GET", "/", "s3", PUBLIC),
    "a bucket without a signature": ("GET", "/logs/", "", ""),
}
"""Method and path, the service that an unknown key signs for, and the operation."""


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_requests_without_a_valid_key_are_refused(store: Store, http: httpx.Client, attempt: str) -> None:
    """Unsigned, through moto's own interface, or signed with an unknown key: 403."""
    method, path, service, operation = ATTEMPTS[attempt]
    headers = {"X-Amz-Date": "20260101T000000Z", "Content-Type": "application/x-amz-json-1.1"}
    headers |= {"Authorization": SIGNED_WITH_AN_UNKNOWN_KEY.format(service)} if service else {}
    headers |= {"X-Amz-Target": operation} if operation else {}
    assert http.request(method, store.access.endpoint + path, headers=headers, content=b"{}").status_code == 403


def test_a_wrong_secret_key_does_not_open(store: Store) -> None:
    """The administrator's id is no secret, and without the secret key it opens nothing."""
    wrong = Store(Access(store.access.endpoint, key_id=ADMINISTRATOR, secret_key="x" * 27))
    with pytest.raises(Exception, match="The store did not read"):
        wrong.get_by_path("/nowhere")


def test_no_trace_of_the_key_nor_of_a_secret_in_it(server: Running, store: Store) -> None:
    """A confined process; after start, health checks and use, parts of key and secret appear only in the key's file."""
    assert_confined(server.container, 10004)
    held = new_canary()
    store.put("/workshop/test/redis/password", SecretStr(held))
    assert store.get_by_path("/workshop/test")["/workshop/test/redis/password"].value == held
    assert find({"key": KEY, "parameter": held}, container_surfaces(server.container)).empty


def test_rights_to_buckets(store: Store) -> None:
    """The collector may add to the logs and list them; a reader of parameters may not look into buckets."""
    access = Access(store.access.endpoint, key_id="AKIAWORKSHOPCOLLECTR", secret_key=COLLECTORS_KEY)
    s3 = access.client("s3")
    ssm = access.client("ssm")
    reader = store.reader("staging").client("s3")
    s3.put_object(Bucket="workshop-logs", Key="logs/a/b.gz", Body=b"x")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="workshop-logs")["Contents"]] == ["logs/a/b.gz"]
    refused: list[Callable[[], Any]] = [
        lambda: s3.put_object(Bucket="workshop-logs", Key="elsewhere", Body=b""),
        lambda: s3.get_object(Bucket="workshop-logs", Key="logs/a/b.gz"),
        lambda: s3.delete_object(Bucket="workshop-logs", Key="logs/a/b.gz"),
        s3.list_buckets,
        lambda: ssm.get_parameter(Name="/workshop/staging/redis/password"),
        reader.list_buckets,
        lambda: reader.get_object(Bucket="workshop-logs", Key="logs/a/b.gz"),
    ]
    for attempt in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()


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
