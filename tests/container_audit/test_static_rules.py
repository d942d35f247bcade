"""Static rules: settings of containers, twin images, and the limits of a clone."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from container_audit import catalog, clone_spec, mounted_files
from container_audit.clone_spec import private_network
from container_audit.findings import AuditReport, RuleVerdict
from container_audit.report import as_text
from container_audit.rules import confinement, logs
from container_audit.runner import run_audit
from container_audit.targets import resolve
from tests.container_audit import bad_images
from tests.container_audit.bad_images import BAD_IMAGE_RULES, CONFINED, SETTINGS
from workshop_kit.engine.containers import create
from workshop_kit.engine.dialect import Dialect, PodmanDialect
from workshop_kit.engine.recipes import OCI
from workshop_kit.engine.session import Session
from workshop_kit.errors import WrongUsage

INSPECTED = [rule.id for rule in catalog.rules() if rule.looks_at == "inspect"]

ALL_ON_PODMAN = "CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT"
"""How Podman 5.4 answers for a container that was started with --cap-drop ALL."""


@pytest.mark.parametrize(
    ("dialect", "dropped", "verdict"),
    [
        (PodmanDialect({}, ""), ALL_ON_PODMAN.split(), RuleVerdict.HOLDS),
        (PodmanDialect({}, ""), ALL_ON_PODMAN.split()[1:], RuleVerdict.FAILS),
        (Dialect({}, ""), ALL_ON_PODMAN.split(), RuleVerdict.FAILS),  # Docker gives three more by default
    ],
)
def test_podman_writes_out_what_all_stands_for(dialect: Dialect, dropped: list[str], verdict: RuleVerdict) -> None:
    """Its list counts as ALL, on Podman alone; and whether its log has a limit cannot be told."""
    host = {"CapDrop": dropped, "SecurityOpt": ["no-new-privileges"], "LogConfig": {"Type": "json-file"}}
    subject: Any = SimpleNamespace(
        session=SimpleNamespace(engine=SimpleNamespace(dialect=dialect)),
        target=SimpleNamespace(container={"Mounts": []}, host=host),
    )
    assert confinement.privileges(subject).verdict is verdict
    assert logs.rotation(subject).verdict is (
        RuleVerdict.CANNOT_TELL if dialect.product == "Podman" else RuleVerdict.FAILS
    )


def test_faults_in_the_settings_of_a_container_are_found(session: Session, images: dict[str, str]) -> None:
    """Each fault is found by its rule, and by no other that inspects; a confined container has none."""
    cases = {**SETTINGS, "confined": ("", {})}
    failing_rules = {}
    for name, (_, changes) in cases.items():
        settings = {key: value for key, value in {**CONFINED, **changes}.items() if value is not None}
        with bad_images.created(session, images["app"], **settings) as word:
            failing_rules[name] = {finding.rule.id for finding in run_audit(session, word, only=INSPECTED).failing()}
    assert failing_rules == {name: {rule} - {""} for name, (rule, _) in cases.items()}


@pytest.fixture(scope="module")
def twins(image_session: Session, images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two images on one base with labels, some of its Dockerfile and some of its build: each fault of the one is
    right in the other.
    """

    def build(name: str, dockerfile: str, base: str, *words: str) -> str:
        tag = f"workshop-audit-{name}-{{session}}:{'latest' if name == 'bad' else '0f1e2d3c4b5a'}"
        return bad_images.build(image_session, tmp_path_factory.mktemp(name), tag, dockerfile, base, *words)

    labels = ("--label", f"{OCI}version=1.2.3", "--label", f"{OCI}revision=0f1e2d3c4b5a")
    base = build("labeled", bad_images.LABELED, images["base"], *labels)
    return {"bad": build("bad", bad_images.BAD_IMAGE, base), "good": build("good", bad_images.GOOD_IMAGE, base)}


def test_twin_images_are_told_apart(session: Session, twins: dict[str, str]) -> None:
    """Files in hidden layers count, and inherited labels do not; a job needs no health check; no secret is shown."""
    bad, good = (run_audit(session, twins[name], only=["static"]).targets[0] for name in ("bad", "good"))
    findings = {finding.rule.id: finding for finding in bad.failing}
    assert set(findings) == BAD_IMAGE_RULES
    files = "/srv/.env", "/srv/.env.production", "/srv/.git/HEAD"
    assert all(path in str(findings["config.no-secret-files"].evidence) for path in files)
    observations = [evidence.observation for evidence in findings["config.no-secrets-in-history"].evidence]
    of_the_token = [observation for observation in observations if "DEPLOY_TOKEN" in observation]
    assert len(of_the_token) == 1  # several steps show it
    assert "correct-horse" not in as_text(AuditReport("bad", (bad,)))
    verdicts = {finding.rule.id: finding.verdict for finding in good.findings if finding.rule.id in BAD_IMAGE_RULES}
    assert verdicts.pop("monitoring.health-check") is RuleVerdict.CANNOT_TELL
    assert set(verdicts.values()) == {RuleVerdict.HOLDS}


def test_a_clone_has_bounds_and_nothing_of_the_hosts(session: Session, images: dict[str, str], tmp_path: Path) -> None:
    """Memory, CPU, processes, files and log are limited; folders, sockets, namespaces and privileges stay away.

    Of the host a clone gets copies of single small files.
    """
    careless = {
        "privileged": True,
        "pid_mode": "host",
        "network_mode": "host",
        "cap_add": ["SYS_ADMIN"],
        "volumes": [
            "/var/run/docker.sock:/var/run/docker.sock",
            "/var/run:/h:ro",
            f"{tmp_path}:/mine",
            f"{tmp_path}/setting:/opt/setting:ro",
        ],
    }
    (tmp_path / "setting").write_text("a setting")
    with ExitStack() as block:
        word = block.enter_context(bad_images.created(session, images["app"], **careless))
        (target,) = resolve(session.engine, word)
        network = block.enter_context(private_network(session))
        assert target.container is not None
        files = mounted_files.read_mounted_files(session, target.container)
        copies = block.enter_context(mounted_files.copied_files(session, target.image["Id"], files))
        spec = clone_spec.clone_spec(target, {}, network, copies)
        clone = block.enter_context(create(session, spec))
        host = clone.inspect()["HostConfig"]
        mounts = clone.inspect()["Mounts"]
        internal = session.engine.client.networks.get(network).attrs["Internal"]
    assert internal
    assert host["NetworkMode"] == network
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (1024**3, 1_000_000_000, 256)
    assert host["LogConfig"]["Config"] == {"max-size": "4m", "max-file": "2"}
    assert {ulimit["Name"]: ulimit["Hard"] for ulimit in host["Ulimits"]}["fsize"] == 64 * 1024**2
    assert (host["Privileged"], host["PidMode"], host["CapAdd"] or []) == (False, "", [])
    assert [(mount["Type"], mount["Destination"], mount["RW"]) for mount in mounts] == [("volume", "/opt", False)]
    assert [file.texts() for file in files] == [{"/opt/setting": "a setting"}]
    assert not host["Binds"]


def test_a_word_that_names_no_target_is_wrong_usage(session: Session) -> None:
    """One sentence names the missing target."""
    with pytest.raises(WrongUsage, match=r"No container belongs to a compose project 'no-such-project'\."):
        run_audit(session, "compose:no-such-project")
