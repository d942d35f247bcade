"""The settings of a room's JupyterHub. `./workshop hub start` starts it, with its values in WORKSHOP_HUB as JSON."""

import json
import os
from secrets import compare_digest

from jupyterhub.auth import Authenticator

c = get_config()  # noqa: F821  # JupyterHub defines it
hub = json.loads(os.environ["WORKSHOP_HUB"])


class SeatAuthenticator(Authenticator):
    """Each seat has a code of its own: with a shared password, a participant could open the seat of another one."""

    async def authenticate(self, handler, data):  # noqa: ARG002
        """Return the user's name if the code is that of the seat."""
        code, typed = hub["codes"].get(data["username"], ""), data["password"].strip().upper()
        return data["username"] if code and compare_digest(code.encode(), typed.encode()) else None


def use_own_network(spawner):
    """Put a seat into its own network, which the other seats do not reach."""
    spawner.network_name = f"{hub['prefix']}-{spawner.user.name}"


# Where participants open it, where seats find the hub, and how the hub tells the proxy about seats.
c.JupyterHub.bind_url = hub["bind_url"]
c.JupyterHub.hub_bind_url = c.JupyterHub.hub_connect_url = hub["hub_url"]
c.JupyterHub.template_vars = {"announcement_login": "Username: your seat, such as seat01. Password: its code."}
c.ConfigurableHTTPProxy.command = hub["proxy_command"]
c.ConfigurableHTTPProxy.api_url = hub["proxy_api"]

c.JupyterHub.authenticator_class = SeatAuthenticator
c.Authenticator.allowed_users = set(hub["codes"])
c.Authenticator.admin_users = {hub["instructor"]}

# `hub start` starts the seats, a few at a time. A limit here would refuse a login meanwhile, with status 429.
c.JupyterHub.services = [{"name": "start", "api_token": hub["token"]}]
c.JupyterHub.load_roles = [{"name": "start-seats", "services": ["start"], "scopes": ["admin:servers"]}]
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.cleanup_servers = False  # seats outlive a restart of the hub

c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.DockerSpawner.client_kwargs = {"base_url": hub["engine"]}
c.DockerSpawner.image = hub["image"]
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.remove = True  # the volumes stay
c.DockerSpawner.prefix = hub["prefix"]
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.pre_spawn_hook = use_own_network
c.DockerSpawner.volumes = {
    f"{hub['prefix']}-{{username}}-engine": "/var/lib/docker",
    f"{hub['prefix']}-{{username}}-work": "/work",
}
c.DockerSpawner.mem_limit = hub["memory_bytes"]
c.DockerSpawner.cpu_limit = 2
c.DockerSpawner.extra_create_kwargs = {"hostname": "{username}", "labels": hub["labels"]}
c.DockerSpawner.extra_host_config = {"privileged": True, "pids_limit": 4000}
# The first start loads the images into the seat's engine: minutes, where many start at once.
c.DockerSpawner.start_timeout = c.DockerSpawner.http_timeout = 900
