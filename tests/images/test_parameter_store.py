"""The parameter store's image: confined, closed to everybody without a key, and honest about its health."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from tests.images.container_state import assert_confined, leaks, run, until, wait_healthy
from workshop_kit.engine.aws import Access
from workshop_kit.engine.containers import url_of
from workshop_kit.engine.store import ADMINISTRATOR, Store
from workshop_kit.observe.leaks import new_canary

pytestmark = pytest.mark.engine

SETTINGS = {"PARAMETER_STORE_KEY_FILE": "/run/secrets/key"}
HEALTH = "python3 -I -S /usr/local/lib/workshop/health.py"

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def start(hardened: Start, images: dict[str, str], secret: str) -> Start:
    """Return a function that starts the store with more settings."""

    def start(settings: dict[str, str] | None = None, **more: Any) -> Any:
        files = {"key": f"{secret}\n", "collector": secret[::-1]}
        return hardened(images["parameter_store"], files, SETTINGS | (settings or {}), **more)

    return start


@pytest.fixture(scope="module")
def server(start: Start) -> Any:
    """A store that can be reached, for the tests that leave it running."""
    settings = {"COLLECTOR_KEY_FILE": "/run/secrets/collector"}
    container = start(settings=settings, network_mode="bridge", ports={"8080/tcp": ("127.0.0.1", None)})
    wait_healthy(container)
    return container


@pytest.fixture(scope="module")
def url(server: Any) -> str:
    """The store's URL."""
    server.reload()
    return url_of(server.attrs, 8080)


@pytest.fixture(scope="module")
def store(url: str, secret: str) -> Store:
    """The store as its administrator."""
    return Store(Access(url, key_id=ADMINISTRATOR, secret_key=secret))


def test_runs_confined(server: Any) -> None:
    """The store is healthy as an ordinary user without any capability, from its first process on."""
    assert_confined(server, 10004)


SIGNED_WITH_AN_UNKNOWN_KEY = (
    "AWS4-HMAC-SHA256 Credential=AKIANOBODY0000000000/20260101/us-east-1/{}/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
PUBLIC = "AWSCognitoIdentityService.GetId"  # moto lets this through without a key
ATTEMPTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "unsigned": ("POST", "/", {"X-Amz-Target": "AmazonSSM.DescribeParameters"}),
    "moto's dump of everything": ("GET", "/moto-api/data.json", {}),
    "moto's switch for IAM": ("POST", "/moto-api/reset-auth", {}),
    "moto's switch for IAM, signed for another service": (
        "POST",
        "/moto-api/reset-auth",
        {"Authorization": SIGNED_WITH_AN_UNKNOWN_KEY.format("ssm")},
    ),
    "the metadata of a machine": ("GET", "/latest/meta-data/iam/security-credentials/", {}),
    "another service": ("POST", "/", {"Authorization": SIGNED_WITH_AN_UNKNOWN_KEY.format("secretsmanager")}),
    "nobody's key": (
        "POST",
        "/",
        {"Authorization": SIGNED_WITH_AN_UNKNOWN_KEY.format("ssm"), "X-Amz-Target": "AmazonSSM.GetParameter"},
    ),
    "nobody's key in front of a bucket": ("GET", "/", {"Authorization": SIGNED_WITH_AN_UNKNOWN_KEY.format("s3")}),
    "a public operation in front of a bucket": (
        "GET",
        "/",
        {"Authorization": SIGNED_WITH_AN_UNKNOWN_KEY.format("s3"), "X-Amz-Target": PUBLIC},
    ),
    "a bucket without a signature": ("GET", "/logs/", {}),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_requests_without_a_valid_key_are_refused(url: str, http: httpx.Client, attempt: str) -> None:
    """Unsigned, through moto's own interface, or signed with an unknown key: 403."""
    method, path, headers = ATTEMPTS[attempt]
    headers = {"X-Amz-Date": "20260101T000000Z", "Content-Type": "application/x-amz-json-1.1", **headers}
    assert http.request(method, url + path, headers=headers, content=b"{}").status_code == 403


def test_a_wrong_secret_key_does_not_open(url: str, store: Store) -> None:
    """The administrator's id is no secret, and without the secret key it opens nothing."""
    assert store.get_by_path("/nowhere") == {}
    wrong = Store(Access(url, key_id=ADMINISTRATOR, secret_key="x" * 27))
    with pytest.raises(Exception, match="does not know this key"):
        wrong.get_by_path("/nowhere")


def test_no_trace_of_the_key_nor_of_a_secret_in_it(server: Any, store: Store, secret: str) -> None:
    """After start, health checks and use, parts of key and secret appear only in the key's file."""
    held = new_canary()
    store.put("/workshop/test/redis/password", SecretStr(held))
    assert store.get_by_path("/workshop/test")["/workshop/test/redis/password"].value == held
    assert leaks({"key": secret, "parameter": held}, server) == []


def test_log_events_come_back(store: Store) -> None:
    """Lesson 03b plays the log driver of CloudWatch Logs, and reads the events with awslogs."""
    logs, place = store.access.client("logs"), {"logGroupName": "shop", "logStreamName": "a-container"}
    logs.create_log_group(logGroupName="shop")
    logs.create_log_stream(**place)
    now = int(time.time() * 1000)
    logs.put_log_events(**place, logEvents=[{"timestamp": now, "message": text} for text in ("one", "two")])
    assert [event["message"] for event in logs.filter_log_events(logGroupName="shop")["events"]] == ["one", "two"]


def test_rights_to_buckets(url: str, store: Store, secret: str) -> None:
    """The collector may add to the logs and list them; a reader of parameters may not look into buckets."""
    access = Access(url, key_id="AKIAWORKSHOPCOLLECTR", secret_key=secret[::-1])
    s3, ssm, reader = access.client("s3"), access.client("ssm"), store.reader("staging").client("s3")
    s3.put_object(Bucket="workshop-logs", Key="logs/a/b.gz", Body=b"x")
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="workshop-logs")["Contents"]] == ["logs/a/b.gz"]
    refused: list[Callable[[], Any]] = [
        lambda: s3.put_object(Bucket="workshop-logs", Key="elsewhere", Body=b""),
        lambda: s3.get_object(Bucket="workshop-logs", Key="logs/a/b.gz"),
        lambda: s3.delete_object(Bucket="workshop-logs", Key="logs/a/b.gz"),
        lambda: s3.create_bucket(Bucket="other"),
        s3.list_buckets,
        lambda: ssm.get_parameter(Name="/workshop/staging/redis/password"),
        reader.list_buckets,
        lambda: reader.get_object(Bucket="workshop-logs", Key="logs/a/b.gz"),
    ]
    for attempt in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()


# The image's server, without enforcement.
OPEN = """
import os, sys
sys.path.insert(0, "/usr/local/lib/workshop")
import server
prepare = server.prepare_moto
server.prepare_moto = lambda: (prepare(), os.environ.update(INITIAL_NO_AUTH_ACTION_COUNT="inf"))
server.enforce_paths = lambda: None
server.serve("k" * 20)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("entrypoint", "says"),
    [
        (["sleep", "60"], "does not answer"),
        (["/venv/bin/python", "-c", OPEN], "answered an unknown key with 200"),
    ],
    ids=["no store", "open to everybody"],
)
def test_health_is_truthful(start: Start, entrypoint: list[str], says: str) -> None:
    """The health check fails without a store, and if moto accepts unknown keys."""
    container = start(entrypoint=entrypoint)
    until(lambda: says.encode() in run(container, HEALTH)[1], container)
    assert run(container, HEALTH)[0] == 1


@pytest.mark.long
def test_a_stop_is_clean_and_forgets_everything(start: Start, secret: str) -> None:
    """It keeps nothing on disk: SIGTERM ends it with 0; started again, it is empty for the same administrator."""
    container = start(network_mode="bridge", ports={"8080/tcp": ("127.0.0.1", None)})

    def connected() -> Store:
        wait_healthy(container)
        return Store(Access(url_of(container.attrs, 8080), key_id=ADMINISTRATOR, secret_key=secret))

    connected().put("/workshop/test/a/b", "kept?")
    container.stop(timeout=60)
    assert container.wait()["StatusCode"] == 0
    container.start()
    assert connected().get_by_path("/workshop") == {}
