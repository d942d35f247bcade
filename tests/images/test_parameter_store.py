"""The parameter store's image: confined, closed to everybody without a key, and honest about its health."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from tests.images.seen import confinement, leaks, new_secret, refusal, run, surfaces, wait_healthy
from workshop_kit.engine.aws import Access
from workshop_kit.engine.containers import url_of
from workshop_kit.engine.store import ADMINISTRATOR, Store

pytestmark = pytest.mark.engine

SETTINGS = {"PARAMETER_STORE_KEY_FILE": "/run/secrets/key"}
HEALTH = "python3 -I -S /usr/local/lib/workshop/health.py"

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def start(hardened: Start, images: dict[str, str], secret: str) -> Start:
    """Start the store; its key file and settings can be replaced."""

    def start(key: str = f"{secret}\n", settings: dict[str, str] | None = None, **more: Any) -> Any:
        return hardened(images["parameter_store"], {"key": key}, SETTINGS | (settings or {}), **more)

    return start


@pytest.fixture(scope="module")
def server(start: Start) -> Any:
    """A store that can be reached, for the tests that leave it running."""
    container = start(network_mode="bridge", ports={"8080/tcp": ("127.0.0.1", None)})
    wait_healthy(container)
    return container


@pytest.fixture(scope="module")
def url(server: Any) -> str:
    """Where it answers."""
    server.reload()
    return url_of(server.attrs, 8080)


@pytest.fixture(scope="module")
def store(url: str, secret: str) -> Store:
    """The store as its administrator."""
    return Store(Access(url, key_id=ADMINISTRATOR, secret_key=secret))


def test_runs_confined(server: Any) -> None:
    """The store is healthy as an ordinary user without any capability, from its first process on."""
    first = confinement(server)
    assert set(first["Uid"].split()) == {"10004"}
    assert int(first["CapEff"], 16) == 0
    assert first["NoNewPrivs"] == "1"


def test_it_needs_no_network_to_start(start: Start) -> None:
    """Cut off from everything it is healthy all the same: nothing is fetched."""
    wait_healthy(start())


SIGNED_BY_NOBODY = (
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
        {"Authorization": SIGNED_BY_NOBODY.format("ssm")},
    ),
    "the metadata of a machine": ("GET", "/latest/meta-data/iam/security-credentials/", {}),
    "another service": ("POST", "/", {"Authorization": SIGNED_BY_NOBODY.format("secretsmanager")}),
    "nobody's key": (
        "POST",
        "/",
        {"Authorization": SIGNED_BY_NOBODY.format("ssm"), "X-Amz-Target": "AmazonSSM.GetParameter"},
    ),
    "nobody's key in front of a bucket": ("GET", "/", {"Authorization": SIGNED_BY_NOBODY.format("s3")}),
    "a public operation in front of a bucket": (
        "GET",
        "/",
        {"Authorization": SIGNED_BY_NOBODY.format("s3"), "X-Amz-Target": PUBLIC},
    ),
    "a bucket without a signature": ("GET", "/logs/", {}),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_nobody_gets_in_without_a_key(url: str, http: httpx.Client, attempt: str) -> None:
    """Unsigned, by moto's own interface, or signed with a key that nobody has: 403."""
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
    """After start, health checks and use, no part of key or secret is anywhere outside but in the key's file."""
    held = new_secret()
    store.put("/workshop/test/redis/password", SecretStr(held))
    assert store.get("/workshop/test/redis/password").value == held
    seen = dict(surfaces(server, written="/tmp"))
    for hidden in (secret, held):
        assert {where: found for where, content in seen.items() if (found := leaks(hidden, content))} == {}


def test_buckets_are_there_and_closed_to_readers_of_parameters(store: Store) -> None:
    """S3 takes and gives objects; who may read an environment's parameters may not look into them."""
    s3, bucket = store.client("s3"), f"logs-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="2026/11/24/a.gz", Body=b"x" * 3_000_000)
    assert len(s3.get_object(Bucket=bucket, Key="2026/11/24/a.gz")["Body"].read()) == 3_000_000
    reader = store.reader("staging").client("s3")
    for attempt in (reader.list_buckets, lambda: reader.get_object(Bucket=bucket, Key="2026/11/24/a.gz")):
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()


def test_the_collector_may_put_logs_into_its_bucket_and_nothing_else(
    hardened: Start, images: dict[str, str], secret: str, http: httpx.Client
) -> None:
    """With the collector's key one can add to the logs and list them: not read, not remove, not see other things."""
    key = new_secret()
    container = hardened(
        images["parameter_store"],
        {"key": secret, "collector": key},
        SETTINGS | {"COLLECTOR_KEY_FILE": "/run/secrets/collector"},
        network_mode="bridge",
        ports={"8080/tcp": ("127.0.0.1", None)},
    )
    wait_healthy(container)
    container.reload()
    access = Access(url_of(container.attrs, 8080), key_id="AKIAWORKSHOPCOLLECTR", secret_key=key)
    s3, ssm = access.client("s3"), access.client("ssm")
    s3.put_object(Bucket="workshop-logs", Key="logs/a/b.gz", Body=b"x")
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="workshop-logs")["Contents"]] == ["logs/a/b.gz"]
    refused: list[Callable[[], Any]] = [
        lambda: s3.put_object(Bucket="workshop-logs", Key="elsewhere", Body=b""),
        lambda: s3.get_object(Bucket="workshop-logs", Key="logs/a/b.gz"),
        lambda: s3.delete_object(Bucket="workshop-logs", Key="logs/a/b.gz"),
        lambda: s3.create_bucket(Bucket="other"),
        s3.list_buckets,
        lambda: ssm.get_parameter(Name="/workshop/staging/redis/password"),
    ]
    for attempt in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()


# Our own server, with enforcing forgotten.
OPEN = """
import os, sys
sys.path.insert(0, "/usr/local/lib/workshop")
import server
prepare = server.prepare_moto
server.prepare_moto = lambda: (prepare(), os.environ.update(INITIAL_NO_AUTH_ACTION_COUNT="inf"))
server.enforce_paths = lambda: None
server.serve("k" * 20)
"""
OTHERS = {
    "nobody listens": (["sleep", "60"], "does not answer"),
    "something else listens": (["python3", "-m", "http.server", "8080"], "answered an unknown key with 501"),
    "moto lets everybody in": (["/venv/bin/python", "-c", OPEN], "answered an unknown key with 200"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_health_is_no_lie(start: Start, case: str) -> None:
    """The health check fails where there is no store, another server, or a store that is open to everybody."""
    entrypoint, says = OTHERS[case]
    container = start(entrypoint=entrypoint)
    deadline = time.monotonic() + 60
    while True:
        code, said = run(container, HEALTH)
        assert code == 1
        if says.encode() in said:
            break
        assert time.monotonic() < deadline, said
        time.sleep(0.2)


def test_stays_far_below_its_limit(server: Any, store: Store) -> None:
    """With some hundred parameters it uses less than the 256 MiB that compose.yaml gives it, by far."""
    for number in range(300):
        store.put(f"/workshop/many/group/p{number}", "v" * 500)
    used = server.stats(stream=False)["memory_stats"]["usage"]
    assert 0 < used < 160 * 1024 * 1024


def test_a_restart_forgets_everything(start: Start, secret: str) -> None:
    """It keeps nothing on disk: after a restart the store is empty, and its administrator is the same."""
    container = start(network_mode="bridge", ports={"8080/tcp": ("127.0.0.1", None)})

    def connected() -> Store:
        wait_healthy(container)
        return Store(Access(url_of(container.attrs, 8080), key_id=ADMINISTRATOR, secret_key=secret))

    connected().put("/workshop/test/a/b", "kept?")
    container.restart(timeout=20)
    assert connected().get_by_path("/workshop") == {}


def test_stops_at_once_and_cleanly(start: Start) -> None:
    """SIGTERM ends the server itself, with exit code 0, long before anybody loses patience."""
    container = start()
    wait_healthy(container)
    before = time.monotonic()
    container.stop(timeout=60)
    assert time.monotonic() - before < 20
    assert container.wait()["StatusCode"] == 0


BAD_INPUT = {
    "no key file named": ({"PARAMETER_STORE_KEY_FILE": ""}, "x" * 20, "PARAMETER_STORE_KEY_FILE is not set"),
    "no such file": (
        {"PARAMETER_STORE_KEY_FILE": "/run/secrets/nothing"},
        "x" * 20,
        "/run/secrets/nothing, which cannot be read (No such file or directory)",
    ),
    "a folder": ({"PARAMETER_STORE_KEY_FILE": "/run/secrets"}, "x" * 20, "cannot be read (Is a directory)"),
    "empty": ({}, "", "is shorter than 16 characters"),
    "short": ({}, "x" * 15, "is shorter than 16 characters"),
    "not ASCII": ({}, "schlüssel" * 4, "cannot be read (not ASCII text)"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_sentence(start: Start, case: str) -> None:
    """What the person at the keyboard got wrong is said in one sentence, with exit code 1."""
    settings, key, says = BAD_INPUT[case]
    code, log = refusal(start(key=key, settings=settings))
    assert code == 1
    assert log.startswith("parameter_store: ")
    assert says in log
    assert log.count("\n") == 1
