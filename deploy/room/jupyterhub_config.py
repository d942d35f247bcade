"""The settings of a room's JupyterHub; README.md beside this file has the four commands."""

import secrets
import tomllib
from ipaddress import IPv4Network
from pathlib import Path

import docker
from docker.types import IPAMConfig, IPAMPool
from jupyterhub.auth import Authenticator

c = get_config()
SEATS = 40
CODES = Path("codes.txt")
LABELS = {"workshop.room": "seat"}
RANGES = list(IPv4Network("10.214.0.0/20").subnets(new_prefix=28))
PROJECT = Path(__file__).parents[2] / "pyproject.toml"
NAME = "workshop-room"
client = docker.from_env()

# Each seat has a code of its own: with a shared password, a participant could open the seat of another one.
if not CODES.exists():
    names = ["instructor", *(f"seat{number:02}" for number in range(1, SEATS + 1))]
    CODES.touch(mode=0o600)
    CODES.write_text("".join(f"{name} {secrets.token_hex(4)}\n" for name in names))
codes = dict(line.split() for line in CODES.read_text().splitlines())


class SeatAuthenticator(Authenticator):
    """A seat's name and its code open this seat alone."""

    async def authenticate(self, handler, data):
        """Return the user's name if the code is that of the seat."""
        name = data["username"].strip().lower()
        code = codes.get(name, "")
        typed = data["password"].strip()
        return name if code and secrets.compare_digest(code.encode(), typed.encode()) else None


def make_network(name, subnet):
    """Make a network unless it is there; with ranges of Docker's own, they would end after thirty."""
    if name not in {network.name for network in client.networks.list()}:
        pool = IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))
        client.networks.create(name, ipam=IPAMConfig(pool_configs=[pool]), labels=LABELS)


def prepare_seat(spawner):
    """Give a seat volumes for its engine and its work, and a network that the other seats do not reach."""
    name = spawner.object_name
    spawner.network_name = name
    spawner.volumes = {f"{name}-engine": "/var/lib/docker", f"{name}-work": "/work"}
    for volume in spawner.volumes:
        client.volumes.create(volume, labels=LABELS)  # one that exists stays as it is
    make_network(name, RANGES[spawner.user.id])


c.JupyterHub.template_vars = {"announcement_login": "Username: your seat, such as seat01. Password: its code."}
c.JupyterHub.authenticator_class = SeatAuthenticator
c.Authenticator.allowed_users = set(codes)
c.Authenticator.admin_users = {"instructor"}
# From a learning platform, with the package jupyterhub-ltiauthenticator, these three in place of class and users:
# c.JupyterHub.authenticator_class = "ltiauthenticator.LTI11Authenticator"
# c.LTI11Authenticator.consumers = {"KEY": "SECRET"}
# c.Authenticator.allow_all = True

# Seats find the hub in a network of its own: the engine in a seat has the addresses of Docker's first network, too.
make_network(NAME, RANGES[0])
c.JupyterHub.hub_ip = str(RANGES[0][1])
c.JupyterHub.cleanup_servers = False  # seats outlive a restart of the hub
c.ConfigurableHTTPProxy.command = ["node_modules/.bin/configurable-http-proxy"]

version = tomllib.loads(PROJECT.read_text())["project"]["version"]
c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.DockerSpawner.image = f"localhost/workshop/seat:{version}"
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.remove = True  # the volumes stay
c.DockerSpawner.prefix = NAME
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.pre_spawn_hook = prepare_seat
c.DockerSpawner.mem_limit = "4G"
c.DockerSpawner.cpu_limit = 2
c.DockerSpawner.extra_create_kwargs = {"hostname": "{username}", "labels": LABELS}
c.DockerSpawner.extra_host_config = {"privileged": True, "pids_limit": 4000}
# The first start loads the images into the seat's engine: minutes, where many start at once.
c.DockerSpawner.start_timeout = c.DockerSpawner.http_timeout = 900
