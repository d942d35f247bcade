"""My own helpers, for all lessons that follow. `client` is the Docker SDK's client."""

import time
from pathlib import Path

#: from 02b
import boto3

#: always
import httpx

FOLDER = Path(__file__).resolve().parents[1] / "my_service"
SECRETS = FOLDER / "secrets"


def build(client, tag="my-service"):
    """Build my service, and return the image."""
    image, _ = client.images.build(path=str(FOLDER), tag=tag)
    return image


def settings(as_files=True):
    """Return the settings of settings.env: the password as a file's name, or as text."""
    environment = {}
    for line in (FOLDER / "settings.env").read_text().splitlines():
        name, _, value = line.partition("=")
        if name.endswith("_FILE") and not as_files:
            environment[name.removesuffix("_FILE")] = (SECRETS / "password").read_text()
        elif value:
            environment[name] = value
    return environment


def start(client, image, name="my-service", environment=None, **options):
    """Start a container with settings.env, or with another environment; the secrets are mounted."""
    return client.containers.run(
        image,
        name=name,
        detach=True,
        environment=environment or settings(),
        ports={"8080/tcp": None},
        volumes={str(SECRETS): {"bind": "/run/secrets", "mode": "ro"}},
        **options,
    )


def url(container, port=8080):
    """Return where a container answers. Raises LookupError while it has no such port."""
    container.reload()
    published = container.ports[f"{port}/tcp"][0]
    return f"http://127.0.0.1:{published['HostPort']}"


def ask(container, method, path, timeout=5, **options):
    """Send a request, and return the answer. While the service starts, try again."""
    for _ in range(600):
        try:
            return httpx.request(method, url(container) + path, timeout=timeout, **options)
        except (httpx.NetworkError, httpx.RemoteProtocolError, LookupError):
            time.sleep(0.1)
    raise TimeoutError(container.logs(tail=5).decode())


#: from 02b


def run_task(definition, client):
    """Start a container from its definition, as Amazon ECS does. The store gives each secret now."""
    environment = {}
    for variable in definition.get("environment", []):
        environment[variable["name"]] = variable["value"]

    ssm = boto3.client("ssm")  # with the credentials of this process
    for secret in definition.get("secrets", []):
        answer = ssm.get_parameter(Name=secret["valueFrom"], WithDecryption=True)
        environment[secret["name"]] = answer["Parameter"]["Value"]

    return client.containers.run(
        definition["image"],
        name=definition["name"],
        detach=True,
        environment=environment,
        ports={"8080/tcp": None},
    )
