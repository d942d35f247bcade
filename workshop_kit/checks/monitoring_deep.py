"""The check of monitoring.deep: two dependencies hang, refuse connections, and are back."""

from __future__ import annotations

import re

from workshop_kit.trials.check_api import check
from workshop_kit.trials.expect import expect, require
from workshop_kit.trials.service import RunningService, Service
from workshop_kit.trials.trial import Reply

TWO = ("master-db", "redis")
LIMIT_SECONDS = 1.3
"""One second, and what a busy machine may add. Pings that wait for each other take far longer."""
AT_ONCE = 30
"""The number of simultaneous requests for /health: each leaves a connection behind if its pings go on."""
MOST_CONNECTIONS = 10
LIVEZ_REQUESTS = 5
INSIDES = re.compile(r"Errno|Error\b|Exception|Traceback|asyncmy|[Cc]an't connect|:3306|:6379|\(2003|\(1045")
"""What drivers say, and no name of a dependency."""


@check("monitoring.deep")
def deep(service: Service) -> None:
    """No database makes the orchestrator restart it, and /health answers in time."""
    with service.run(behind=TWO) as running:
        well = running.eventually("/health", 200)
        require(
            well.status == 200,
            seen=well,
            expected="200 while all dependencies are there",
            means="/health reports an outage that is none.",
            look="What does check() return for a ping that was answered?",
        )

        running.hang(*TWO)
        asks_nobody(running)
        health = running.eventually("/health", 503, LIMIT_SECONDS)
        says_so_in_time(running, "/health", health)
        if is_right(running, health):
            ready = running.eventually("/readyz", 503, LIMIT_SECONDS)
            says_so_in_time(running, "/readyz", ready)
            pings_end(running)

        running.refuse(*TWO)
        if health.status != 200:  # otherwise it would only repeat the finding on /health
            names_both_and_no_more(running)

        running.restore()
        back = running.eventually("/readyz", 200)
        expect(
            back.status == 200,
            seen=back,
            expected="200",
            means="The databases are back, and the service does not notice: a person has to restart it.",
            look="Does every ping come to an end, whatever happens to it?",
        )


def asks_nobody(running: RunningService) -> None:
    """Expect /livez to answer, and to send nothing to the dependencies, which a clock cannot tell."""
    live = running.get("/livez")
    expect(
        live.status == 200,
        seen=live,
        expected="200",
        means="The database hung, so the service is restarted, again and again: no restart mends a database.",
        look="What does live() ask, and whom would a restart help?",
        hint=1,
    )
    if live.status != 200:
        return

    sent = running.packets_for("/livez", LIVEZ_REQUESTS)
    expect(
        sent.number < LIVEZ_REQUESTS,
        seen=sent,
        expected="none: /livez asks no dependency",
        means="/livez asks its dependencies. When they are slow, it is late, and the service is restarted for it.",
        look="Which lines of live() are about this process?",
        hint=1,
    )


def is_right(running: RunningService, reply: Reply) -> bool:
    """Return whether a reply says in time that the dependencies are away."""
    return reply.status == 503 and running.is_prompt(reply, LIMIT_SECONDS)


def says_so_in_time(running: RunningService, path: str, reply: Reply) -> None:
    """Expect /health or /readyz to say that two dependencies are away, and in time."""
    means = f"{path} does not say that two dependencies are away."
    look = "check() returns words about every ping without an answer, and lets no exception out. The log has them."
    if reply.status is None or not running.is_prompt(reply, LIMIT_SECONDS):
        means = f"{path} waits as long as its slowest dependency. To a load balancer, no answer is a dead service."
        look = "A ping of Redis that hangs never ends. LIMIT_SECONDS is there, and so is asyncio.timeout()."

    expect(is_right(running, reply), seen=reply, expected="503 within 1 s", means=means, look=look, hint=2)


def pings_end(running: RunningService) -> None:
    """Expect the pings to end with their request: each that goes on keeps a connection."""
    running.get_at_once("/health", AT_ONCE)
    left = running.connections(at_most=MOST_CONNECTIONS)
    expect(
        left.number <= MOST_CONNECTIONS,
        seen=left,
        expected=f"at most {MOST_CONNECTIONS}, after {AT_ONCE} requests for /health at once",
        means="/health has answered, and its pings go on. After some hours no more connections can be opened.",
        look="asyncio.timeout() and wait_for() cancel what took too long; asyncio.wait() and shield() only stop to "
        "wait, and the task goes on until its cancel() is called.",
    )


def names_both_and_no_more(running: RunningService) -> None:
    """Expect /health to name both while they refuse, and nothing of what their drivers said."""
    health = running.eventually("/health", 503)
    hosts = [host for host in running.proxies.environment.values() if host in health.body]
    insides = [*hosts, *INSIDES.findall(health.body)]

    means = "The person on call does not learn which dependencies are away."
    look = "Both refuse connections, so both pings raise at once. check() has to return words about that, too."
    if insides:
        means = f"The body tells strangers what the drivers said (`{insides[0]}`): that belongs in the log."
        look = "What check() returns stands in the body, and anybody may read it. The log has the exception already."

    expect(
        health.status == 503 and all(name in health.body for name in TWO) and not insides,
        seen=health,
        expected="503, which names both, and nothing of what the drivers said",
        means=means,
        look=look,
    )
