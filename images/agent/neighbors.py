"""Names of a group's containers, and their network traffic. Reads files, and asks the DNS server two questions.

A cgroup gives a container's id, and neither its name nor its traffic. Both are found without the engine's socket:

- **Name.** The engine's DNS server resolves each neighbor's short id; the reverse lookup of the address gives the
  container's name, ``PROJECT-SERVICE-NUMBER.NETWORK``.
- **Traffic.** On the host, a network of the engine is a bridge with one port for each container, and the kernel counts
  at every port. The bridge's forwarding table maps hardware addresses to ports; the agent's ARP table has a
  neighbor's hardware address after one empty datagram. The counters are read from a read-only mount of
  ``/sys/devices/virtual/net``: it holds names, addresses and counters of all virtual interfaces, also those of other
  networks, and no process, no environment, no packet.

No namespace is shared with a neighbor, so nothing is stale after a restart: the old port is gone, and the new one is
looked up. A container that is not on the agent's network has neither name nor traffic here.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DNS_SECONDS = 0.3
ARP_SECONDS = 0.05
ASK_AGAIN_SECONDS = 5.0  # the engine forwards questions about unknown names to the outside
ADDRESS = 1
POINTER = 12
DISCARD_PORT = 9
ARP = Path("/proc/net/arp")
OWN_ADDRESS = Path("/sys/class/net/eth0/address")


@dataclass(frozen=True)
class Traffic:
    """Bytes and packets that a container has received and sent over the agent's network since it was connected."""

    received_bytes: int
    sent_bytes: int
    received_packets: int
    sent_packets: int


class Neighbors:
    """Names and ports of the neighbors. ``interfaces`` is the mount, ``project`` the compose project."""

    def __init__(self, interfaces: Path, project: str) -> None:
        self.interfaces = interfaces
        self.project = project
        self.names: dict[str, str] = {}
        self.ports: dict[str, str] = {}
        self.asked_at: dict[tuple[str, str], float] = {}

    def forget_others(self, containers: Iterable[str]) -> None:
        """Forget every container except these."""
        there = set(containers)
        self.names = {one: name for one, name in self.names.items() if one in there}
        self.ports = {one: port for one, port in self.ports.items() if one in there}
        self.asked_at = {key: at for key, at in self.asked_at.items() if key[0] in there}

    def service(self, container: str) -> str:
        """Return the compose service, else the container's name; "" if it is not on the agent's network."""
        if container not in self.names and self._may_ask(container, "name"):
            address = dns(container[:12], ADDRESS)
            name = dns(".".join(reversed(address.split("."))) + ".in-addr.arpa", POINTER) if address else None
            if name:
                self.names[container] = service_in(name, self.project)
        return self.names.get(container, "")

    def traffic(self, container: str) -> Traffic | None:
        """Return the counters of the container's port; None if it is not on the agent's network."""
        if (port := self.ports.get(container)) and (counted := self._counted(port)):
            return counted
        self.ports.pop(container, None)
        if self._may_ask(container, "port") and (port := self._port(container)):
            self.ports[container] = port
            self.asked_at.pop((container, "port"))  # the next may follow at once
            return self._counted(port)
        return None

    def _may_ask(self, container: str, what: str) -> bool:
        """Whether the next question about a container is due."""
        now = time.monotonic()
        if now - self.asked_at.get((container, what), -ASK_AGAIN_SECONDS) < ASK_AGAIN_SECONDS:
            return False
        self.asked_at[container, what] = now
        return True

    def _port(self, container: str) -> str | None:
        """Return the interface of the container's port on the bridge."""
        address = dns(container[:12], ADDRESS)
        own = OWN_ADDRESS.read_text().strip()
        hardware = self._hardware_address(address, own) if address else None
        return port_of(self.interfaces, hardware, own) if hardware else None

    def _hardware_address(self, address: str, own: str) -> str | None:
        """Read the ARP table; a datagram to the neighbor fills it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            try:
                sender.connect((address, DISCARD_PORT))
                if sender.getsockname()[0] == address:
                    return own
                sender.send(b"")
            except OSError:
                return None
        deadline = time.monotonic() + ARP_SECONDS
        while (found := in_arp_table(ARP.read_text(), address)) is None and time.monotonic() < deadline:
            time.sleep(0.005)
        return found

    def _counted(self, port: str) -> Traffic | None:
        """The other end of the cable: what the switch sent there, the container has received."""
        folder = self.interfaces / port / "statistics"
        names = ("tx_bytes", "rx_bytes", "tx_packets", "rx_packets")
        try:
            return Traffic(*(int((folder / name).read_text()) for name in names))
        except OSError:
            return None


def service_in(name: str, project: str) -> str:
    """The service in a name as the engine's DNS gives it.

    >>> service_in("mine-master-db-1.mine_default", "mine")
    'master-db'
    """
    container = name.rpartition(".")[0] or name
    found = re.fullmatch(re.escape(project) + r"-(.+)-\d+", container)
    return found[1] if found else container


def in_arp_table(table: str, address: str) -> str | None:
    """Find a hardware address in the text of ``/proc/net/arp``; None if it is unknown or incomplete."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 4 and fields[0] == address and int(fields[2], 16) & 2:
            return fields[3]
    return None


def port_of(interfaces: Path, hardware_address: str, own_address: str) -> str | None:
    """Find the interface behind which the agent's own bridge has seen a hardware address."""
    for bridge in interfaces.glob("*/brforward"):
        with contextlib.suppress(OSError):  # a port of another network may vanish during the read
            seen = forwarding(bridge.read_bytes())
            if own_address in seen and hardware_address in seen:
                for port in (bridge.parent / "brif").iterdir():
                    if int((port / "port_no").read_text(), 16) == seen[hardware_address]:
                        return port.name
    return None


def forwarding(table: bytes) -> dict[str, int]:
    """Parse a bridge's ``brforward``: hardware address to port number, 16 bytes an entry, without the bridge itself."""
    entries = (table[start : start + 16] for start in range(0, len(table) - 15, 16))
    return {entry[:6].hex(":"): entry[6] | entry[12] << 8 for entry in entries if not entry[7]}


def dns(name: str, kind: int) -> str | None:
    """Send one question to the engine's DNS server; None if it has no answer or is late."""
    server = re.search(r"^nameserver (\S+)", Path("/etc/resolv.conf").read_text(), re.MULTILINE)
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", kind, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(DNS_SECONDS)
        try:
            asker.connect((server[1] if server else "127.0.0.11", 53))
            asker.send(question)
            return answer_in(asker.recv(4096), len(question))
        except (OSError, IndexError, struct.error):
            return None


def answer_in(message: bytes, start: int) -> str | None:
    """Return the first answer of a supported type in a DNS message whose question ends at ``start``."""
    answers = struct.unpack_from(">H", message, 6)[0]
    for _ in range(answers):
        _, start = name_at(message, start)
        kind, _, _, length = struct.unpack_from(">2HIH", message, start)
        start += 10
        if kind == ADDRESS:
            return socket.inet_ntoa(message[start : start + 4])
        if kind == POINTER:
            return name_at(message, start)[0]
        start += length
    return None


def name_at(message: bytes, start: int) -> tuple[str, int]:
    """Return a name in a DNS message, and the position after it."""
    labels: list[str] = []
    after = None
    for _ in range(64):  # names in a message may point in circles
        length = message[start]
        if length >= 0xC0:
            after = after or start + 2
            start = struct.unpack_from(">H", message, start)[0] & 0x3FFF
        elif length:
            labels.append(message[start + 1 : start + 1 + length].decode("ascii", "replace"))
            start += 1 + length
        else:
            break
    return ".".join(labels), after or start + 1
