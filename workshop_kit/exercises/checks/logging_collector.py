"""The check of logging.collector: the collector is killed while lines come in, and at every step of a commit.

The participant's checkpoint.py runs in the collector's image, without a network, and sees the log of one container.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import tarfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError
from pydantic import TypeAdapter

from workshop_kit.engine import containers, images
from workshop_kit.engine.containers import Running
from workshop_kit.engine.labels import COLLECT
from workshop_kit.engine.spec import Spec
from workshop_kit.engine.stack import Stack
from workshop_kit.errors import WorkshopError
from workshop_kit.exercises.check_api import CheckEnded, CheckResult, Context, check, found
from workshop_kit.exercises.result import Finding, Verdict
from workshop_kit.exercises.trial import MEMORY_BYTES, NO_HEALTHCHECK, SECRETS, SMALL_LOG
from workshop_kit.progress import Step

FOLDER = "/var/lib/collector"
MODULE = "/app/collector/checkpoint.py"
STATE = "/tmp/state.json"  # noqa: S108 - in the container: written whenever the logs are read
INSIDE = Path(__file__).with_name("collector_inside.py")
LINES, RATE, KILLS = 8_000, 2_500, 2
FLUSH_SECONDS = 0.3
LARGEST_BYTES = 16 * 1024 * 1024
DEADLINE_SECONDS = 15.0
NAME = "check"  # the stack's own collector leaves containers with this label
LOST = "Lines were read, then the collector died. The checkpoint said that they are safe, and they were in no part."
TWICE = "Lines came twice: a part had them already, and the checkpoint did not know."
LOOK = "What is on the disk, and what only in memory, at the moment in which the checkpoint says how far we are?"

WRITER = """
import sys, time
start = time.monotonic()
for n in range(%d):
    sys.stdout.write('{"n": %%d}\\n' %% n)
    if n %% 50 == 0:
        sys.stdout.flush()
        time.sleep(max(0, start + n / %d - time.monotonic()))
""" % (LINES, RATE)  # noqa: UP031


@dataclass(frozen=True)
class Count:
    """Numbered lines that were lost, or came twice; ``steps`` is how often the collector died."""

    lost: int
    twice: int
    steps: int

    def __str__(self) -> str:
        return f"{self.lost:,} lost, {self.twice:,} twice"


@check("logging.collector")
def collector(context: Context) -> CheckResult:
    """Kill a collector with the participant's module while lines come in, and at each step of a commit."""
    context.report(Step("Check", None, f"{LINES:,} lines, and a collector that is killed {KILLS} times"))
    with ThreadPoolExecutor(1) as pool:
        stepping = pool.submit(_die_at_steps, context.stack, context.text)
        killed = _kill(context.stack, context.text)
        stepped = stepping.result()
    findings = (
        all_once(killed, f"{LINES:,} lines, and kill -9 while they are collected, {killed.steps} times"),
        all_once(stepped, f"Death before each of {stepped.steps} steps that it takes to commit"),
    )
    summary = "Whenever it dies, every line is there once."
    if not findings[0].passed:
        summary = f"It was killed {killed.steps} times: of {LINES:,} lines {killed}."
    elif not findings[1].passed:
        summary = f"A death at the wrong moment costs: of 40 lines {stepped}."
    return CheckResult(summary, findings)


def all_once(count: Count, called: str) -> Finding:
    """Find whether every line is there once."""
    fine = count.lost == count.twice == 0
    return found(fine, called, str(count), "0 lost, 0 twice", LOST if count.lost else TWICE, LOOK)


def _kill(stack: Stack, text: str) -> Count:
    """Kill the collector while a container writes, start it again, and count the lines that the uploader would send."""
    image = images.tags(stack.root)["base"]
    log = {"LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "2"}}}
    spec = Spec(image, command=("python3", "-c", WRITER), labels={COLLECT: NAME}, host=log, tmpfs={})
    ends_at = time.monotonic() + DEADLINE_SECONDS
    with containers.run(stack.session, spec) as writer, _collector(stack, text, writer) as reader:
        for kills in range(KILLS + 1):
            _wait_reading(reader)
            if kills < KILLS:
                time.sleep(FLUSH_SECONDS * 1.5)
                reader.container.kill()
                reader.container.start()
        writer.wait_ended(within_seconds=max(1.0, ends_at - time.monotonic()))
        time.sleep(FLUSH_SECONDS)
        _raise_if_ended(reader)
        reader.stop(4)
        return _count(reader)


def _die_at_steps(stack: Stack, text: str) -> Count:
    """Run collector_inside.py, in which the collector dies before each step of a commit."""
    word = f"told-{secrets.token_hex(8)}:"
    program = "/app/inside.py"
    spec = _spec(stack, {MODULE: text, program: INSIDE.read_text()}, ("python3", program), (word,))
    with containers.run(stack.session, spec) as running:
        try:
            running.wait_ended(within_seconds=DEADLINE_SECONDS)
        except WorkshopError:
            raise _did_not_collect(running, "it never came to an end.") from None
        line = next((line for line in running.log_tail().split("\n") if line.startswith(word)), "")
        try:
            return TypeAdapter(Count).validate_json(line.removeprefix(word))
        except ValueError:
            raise _did_not_collect(running, "its methods could not be called.") from None


def _collector(stack: Stack, text: str, writer: Running) -> Running:
    """Start a collector with the participant's module, without a bucket, and with one container's log."""
    folder = f"{stack.session.engine.client.info()['DockerRootDir']}/containers/{writer.id}"
    files = {MODULE: text, f"{SECRETS}/collector_key": "unused"}
    spec = _spec(
        stack,
        files,
        ("/venv/bin/python", "-m", "collector"),
        (),
        binds=(f"{folder}:/engine/{writer.id}:ro",),
        environment={
            "WORKSHOP_SESSION": stack.session.identity.session,
            "COLLECTOR_ENDPOINT": "http://127.0.0.1:9",  # the discard port: the parts stay on the disk
            "COLLECTOR_BUCKET": "none",
            "COLLECTOR_KEY_ID": "none",
            "COLLECTOR_KEY_FILE": f"{SECRETS}/collector_key",
            "COLLECTOR_NAME": NAME,
            "COLLECTOR_FLUSH_SECONDS": f"{FLUSH_SECONDS}",
        },
    )
    return containers.run(stack.session, spec)


def _spec(
    stack: Stack, files: dict[str, str], entrypoint: tuple[str, ...], command: tuple[str, ...], **more: Any
) -> Spec:
    return Spec(
        images.tags(stack.root)["collector"],
        entrypoint=entrypoint,
        command=command,
        volumes=("/app", SECRETS, FOLDER),
        files=files,
        network="none",
        labels={COLLECT: "no"},
        memory_bytes=MEMORY_BYTES,
        pids=50,
        healthcheck=NO_HEALTHCHECK,
        host={"LogConfig": SMALL_LOG},
        **more,
    )


def _count(reader: Running) -> Count:
    """Count the numbers in the parts that the checkpoint covers."""
    stream, _ = reader.container.get_archive(FOLDER)
    archive = io.BytesIO()
    for chunk in stream:
        archive.write(chunk)
        if archive.tell() > LARGEST_BYTES:
            raise _did_not_collect(reader, f"it wrote more than {LARGEST_BYTES // 1024**2} MiB.")
    archive.seek(0)
    with tarfile.open(fileobj=archive) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.isfile()}
        texts = {Path(name).name: file.read() for name, file in files.items() if file is not None}
    try:
        generation = int(json.loads(texts["checkpoint.json"])["generation"])
    except (KeyError, ValueError, TypeError, RecursionError):
        raise _did_not_collect(reader, "it left no checkpoint.") from None
    numbers: Counter[int] = Counter()
    for name, text in texts.items():
        if re.fullmatch(r"\d{12}~.*", name) and int(name[:12]) <= generation:
            numbers.update(map(int, re.findall(rb'\{\\"n\\": (\d+)\}', text)))
    return Count(sum(n not in numbers for n in range(LINES)), numbers.total() - len(numbers), KILLS)


def _raise_if_ended(reader: Running) -> None:
    """Raise CheckEnded if a reader has ended by itself."""
    state = reader.inspect()["State"]
    if not state["Running"]:
        raise _did_not_collect(reader, f"it ended by itself, with exit code {state['ExitCode']}.")


def _wait_reading(reader: Running) -> None:
    """Wait until a collector reads logs. Raises CheckEnded if it does not."""
    try:
        reader.wait_until(lambda: reader.exec("cat", STATE).exit_code == 0, what="read logs")
    except (WorkshopError, APIError):
        _raise_if_ended(reader)
        raise _did_not_collect(reader, "it did not begin to read.") from None


def _did_not_collect(running: Running, means: str) -> CheckEnded:
    called = "Run the collector with your checkpoint.py"
    finding = Finding(False, called, means, "it collects", means, "Its last lines.")
    lines = running.log_tail()[-4096:]
    return CheckEnded(CheckResult(f"It did not collect: {means}", (finding,), Verdict.DID_NOT_START, lines))
