"""Format observations in Prometheus' text format.

The metric names are those of cAdvisor, so that its queries and dashboards work. The label ``service`` is the compose
service, ``container`` the short id, as in the collected logs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from images.agent.cgroups import Account
from images.agent.neighbors import Traffic


class Observation(NamedTuple):
    """One container at one time; ``service`` is empty if it is not on the agent's network."""

    service: str
    account: Account
    traffic: Traffic | None

    def value(self, field: str) -> float | None:
        """Return a field of the account, or of the traffic; None if it is not known."""
        number: float | None = getattr(self.account if hasattr(self.account, field) else self.traffic, field, None)
        return number


class Metric(NamedTuple):
    """A metric's name, and the field of `Account` or `Traffic` that it exports."""

    name: str
    kind: str
    field: str
    help: str


METRICS = (
    Metric("container_cpu_usage_seconds_total", "counter", "cpu_seconds", "CPU time used."),
    Metric("container_cpu_limit_cores", "gauge", "cpu_limit_cores", "CPU limit; 1 is one core."),
    Metric(
        "container_cpu_cfs_periods_total",
        "counter",
        "periods",
        "Periods of the scheduler in which the container wanted to run.",
    ),
    Metric(
        "container_cpu_cfs_throttled_periods_total",
        "counter",
        "throttled_periods",
        "Periods in which it was held back by its limit.",
    ),
    Metric(
        "container_cpu_cfs_throttled_seconds_total",
        "counter",
        "throttled_seconds",
        "Time for which it was held back, added up over its threads.",
    ),
    Metric(
        "container_memory_working_set_bytes",
        "gauge",
        "memory_bytes",
        "Memory used less file cache that can be given back: what counts against the limit.",
    ),
    Metric("container_memory_usage_bytes", "gauge", "memory_used_bytes", "Memory used, file cache included."),
    Metric("container_spec_memory_limit_bytes", "gauge", "memory_limit_bytes", "Memory limit."),
    Metric(
        "container_oom_events_total",
        "counter",
        "oom_kills",
        "Processes killed for memory while the container lived on.",
    ),
    Metric("container_threads", "gauge", "processes", "Processes and threads."),
    Metric("container_threads_max", "gauge", "processes_limit", "Their limit."),
    Metric("container_network_receive_bytes_total", "counter", "received_bytes", "Bytes received over the network."),
    Metric("container_network_transmit_bytes_total", "counter", "sent_bytes", "Bytes sent over the network."),
    Metric("container_network_receive_packets_total", "counter", "received_packets", "Packets received over it."),
    Metric("container_network_transmit_packets_total", "counter", "sent_packets", "Packets sent over it."),
)


def exposition(seen: Iterable[Observation], seconds: float) -> str:
    """Return the complete answer, each metric's lines together; unknown values are left out.

    ``seconds`` is the duration of the read.
    """
    labelled = [(f'{{service="{escaped(one.service)}",container="{one.account.container[:12]}"}}', one) for one in seen]
    lines = []
    for metric in METRICS:
        lines += [f"# HELP {metric.name} {metric.help}", f"# TYPE {metric.name} {metric.kind}"]
        values = ((labels, one.value(metric.field)) for labels, one in labelled)
        lines += [f"{metric.name}{labels} {value}" for labels, value in values if value is not None]
    lines += ["# HELP agent_look_seconds How long this look took.", "# TYPE agent_look_seconds gauge"]
    lines += [f"agent_look_seconds {seconds:.6f}", ""]
    return "\n".join(lines)


def escaped(text: str) -> str:
    """Return a label's value as it stands between quotes.

    >>> escaped('say "hi"')
    'say \\\\"hi\\\\"'
    """
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
