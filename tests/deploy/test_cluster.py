"""Seats on a cluster: the pod that the hub makes of the values, and its codes.

Nothing runs here: no machine of the tests has a Kubernetes. The packages are installed into a folder of the test's own.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from docker.utils import parse_bytes

from tests.commands import run
from tests.quality.test_style import tool
from workshop_kit.host import ENOUGH_BYTES
from workshop_kit.paths import CHECKOUT

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
FOLDER = CHECKOUT / "deploy" / "cluster"
VALUES = FOLDER / "values.yaml"
README = FOLDER / "README.md"
PACKAGES = ("jupyterhub==5.5.0", "jupyterhub-kubespawner==7.0.0", "kubernetes-validate==1.37.0", "pyyaml")
"""The hub of chart 4.4.0, and the validator with Kubernetes' own schemas."""
KUBERNETES = ("1.29", "1.36")
SECRET = "a-secret-of-the-tests"
NO_CLUSTER = {
    "current-context": "none",
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
    "users": [{"name": "none", "user": {}}],
}
"""The settings of a cluster that does not exist: KubeSpawner reads some, and sends nothing while it makes a pod."""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the hub's packages."""
    folder = tmp_path_factory.mktemp("hub")
    for words in (("venv", folder), ("pip", "install", "--python", folder, *PACKAGES)):
        run(tool("uv"), "--quiet", *words)
    return folder / "bin"


@pytest.fixture(scope="module")
def pod(hub: Path) -> dict[str, Any]:
    """The pod of a seat."""
    manifest: dict[str, Any] = ask_hub(hub)["pod"]
    return manifest


def ask_hub(hub: Path, *attempts: str) -> dict[str, Any]:
    """Return the pod, and the names that log in."""
    settings = hub / "kube.json"
    settings.write_text(json.dumps(NO_CLUSTER))
    program = Path(__file__).with_name("hub_program.py")
    output = run(hub / "python", program, VALUES, SECRET, *attempts, KUBECONFIG=str(settings))
    answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    return answer


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_pod_of_a_seat_is_valid(hub: Path, pod: dict[str, Any], tmp_path: Path, version: str) -> None:
    """Kubernetes knows every key and value of the pod that the hub makes of the values."""
    file = tmp_path / "pod.yaml"
    file.write_text(yaml.safe_dump(pod))
    run(hub / "kubernetes-validate", "--kubernetes-version", version, "--strict", file)


def test_only_the_engine_is_privileged(pod: dict[str, Any]) -> None:
    """A seat has no account in the cluster, no folder and no namespace of its node; its engine is privileged."""
    spec = pod["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert not {"serviceAccountName", "hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert all("emptyDir" in volume for volume in spec["volumes"])
    containers = [*spec["initContainers"], *spec["containers"]]
    privileged = [container for container in containers if container.get("securityContext", {}).get("privileged")]
    assert [container["name"] for container in privileged] == ["engine"]


def test_a_seat_uses_the_engine_beside_it(pod: dict[str, Any]) -> None:
    """The engine starts first and stays; both are one image, and have socket and workspace under the same paths."""
    (engine,) = pod["spec"]["initContainers"]
    (seat,) = pod["spec"]["containers"]
    assert engine["restartPolicy"] == "Always"
    assert engine["image"] == seat["image"]
    environment = {variable["name"]: variable.get("value") for variable in seat["env"]}
    assert f" dockerd --host={environment['DOCKER_HOST']}\n" in engine["args"][0]
    assert f"--host={environment['DOCKER_HOST']}" in engine["startupProbe"]["exec"]["command"]
    engine_volumes = volumes_of(engine)
    seat_volumes = volumes_of(seat)
    assert seat_volumes.items() <= engine_volumes.items()
    assert {environment["DOCKER_HOST"].removesuffix("/docker.sock"), f"unix://{environment['WORKSHOP_WORKSPACE']}"} <= {
        f"unix://{path}" for path in seat_volumes
    }


def volumes_of(container: Mapping[str, Any]) -> dict[str, str]:
    """The names of a container's volumes by their paths in it."""
    return {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}


def quantity(text: str | float) -> float:
    """Return a quantity of Kubernetes as a number: ``400m``, ``1536Mi`` or ``0.1``."""
    words = str(text)
    if words.endswith("m"):
        return float(words[:-1]) / 1000
    return float(parse_bytes(words.removesuffix("i"))) if words.endswith("i") else float(words)


def test_a_code_opens_its_own_seat(hub: Path, tmp_path: Path) -> None:
    """The slips that README.md prints log in, however a phone writes the name; a neighbor's code does not."""
    (loop,) = re.findall(r"^```sh\n(for .*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "seats.secret").write_text(f"{SECRET}\n")
    printed = subprocess.run(["sh", "-c", loop], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    codes = dict(line.split() for line in printed.splitlines())
    assert len(codes) == len(set(codes.values())) == 201
    right = [f"{name}:{codes[name]}" for name in ("seat001", "seat200", "instructor")]
    wrong = [f"seat002:{codes['seat003']}", "seat004:", "seat005:ß", f"instructor:{codes['seat001']}"]
    opened = ask_hub(hub, *right, f" Seat006:{codes['seat006']}", *wrong)["opened"]
    assert opened == ["seat001", "seat200", "instructor", "seat006"]


def test_a_seat_has_the_memory_that_lessons_want(pod: dict[str, Any]) -> None:
    """The limits of the seat and of its engine are what ``./workshop doctor`` in them calls enough."""
    for container in (*pod["spec"]["initContainers"], *pod["spec"]["containers"]):
        assert quantity(container["resources"]["limits"]["memory"]) >= ENOUGH_BYTES


def test_seats_stay_on_nodes_that_are_thrown_away(pod: dict[str, Any]) -> None:
    """A seat asks for the label that README.md puts on the pool, and tolerates its taint."""
    label, taint = re.findall(r"kubectl (?:label|taint) nodes .* (\S+)", README.read_text())
    ((key, value),) = pod["spec"]["nodeSelector"].items()
    assert f"{key}={value}" == label
    [toleration] = pod["spec"]["tolerations"]
    assert f"{toleration['key']}={toleration['value']}:{toleration['effect']}" == taint


def test_a_placeholder_holds_room_for_a_seat(pod: dict[str, Any]) -> None:
    """It asks for as much as the seat and its engine together, and there is one for each of 200 people."""
    containers = (*pod["spec"]["initContainers"], *pod["spec"]["containers"])
    requests = [container["resources"]["requests"] for container in containers]
    scheduling = yaml.safe_load(VALUES.read_text())["scheduling"]
    placeholder = scheduling["userPlaceholder"]

    placeholder_requests = placeholder["resources"]["requests"]
    for name, text in placeholder_requests.items():
        total = sum(quantity(request.get(name, 0)) for request in requests)
        assert quantity(text) == pytest.approx(total), name
    assert placeholder["replicas"] == 200
    assert scheduling["podPriority"]["enabled"]
