"""The commands for rooms: ``seat``, and ``hub prepare``, ``start``, ``capacity`` and ``end``."""

from __future__ import annotations

from typing import Annotated

import typer

from workshop_kit import provision
from workshop_kit.commands.options import Address, NoInstall
from workshop_kit.engine import images, reach, reaper
from workshop_kit.errors import NotReady
from workshop_kit.terminal import TerminalReport, answer, say
from workshop_kit.workspace.folder import own_workspace
from workshop_room.seats import hub_seats, hub_server, seat_server
from workshop_room.seats.hub_seats import HubSettings, folder_of
from workshop_room.seats.hub_server import HubServer

hub = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


def seat(
    build: Annotated[bool, typer.Option("--build", help="Build the image of a seat, and print its name.")] = False,
    no_install: NoInstall = False,
) -> None:
    """Run the server of one seat, as a JupyterHub does; or build the image that seats run in."""
    if build:
        answer(_build_seat_image(may_install=not no_install))
        return
    seat_server.require_hub()
    seat_server.serve(own_workspace())


@hub.command("prepare")
def prepare(
    seats: Annotated[int, typer.Argument(help="The number of participants, 1 to 254.")],
    no_install: NoInstall = False,
) -> None:
    """Build the seats' image, install the hub, and print a name and a code for each seat."""
    settings = HubSettings.prepare(own_workspace(), seats, seat_server.tag())
    _build_seat_image(may_install=not no_install)
    with TerminalReport() as report:
        hub_server.ensure(may_install=not no_install, report=report)

    for name, code in settings.codes.items():
        answer(f"{name:<12}{code}")

    possible_seats, sentence = hub_seats.capacity_of_machine(reach.connect())
    say(sentence)
    if possible_seats < seats:
        say(f"Plan a larger machine: {seats} seats want more than this one has.")
    say("Give each participant one line of the list. Next: ./workshop hub start")


@hub.command("start")
def start(
    port: Annotated[int, typer.Option(help="The port of the hub's page; the next one is the proxy's own.")] = 8000,
    address: Address = None,
) -> None:
    """Start the hub and all seats; Ctrl-C ends the hub, and the seats run on."""
    from workshop_kit.display.page_server import network_address  # lazily: a slow import

    reaper.interrupt_on_termination()
    workspace = own_workspace()
    engine = reach.connect()
    # The port is not tried: the proxy of a hub that was killed still has it, and the next hub ends that proxy.
    server = HubServer(folder_of(workspace), HubSettings.read(workspace), address or network_address(), port)
    if not images.has_image(engine, server.settings.image):
        raise NotReady(f"The image {server.settings.image} is not built.", "Run ./workshop hub prepare SEATS.")

    hub_seats.create(engine.client, server.settings)
    process = server.start(engine)
    try:
        _start_seats(server)
        process.wait()
        raise NotReady("The hub ended by itself.", f"Read {server.log}, then run ./workshop hub start.")
    except KeyboardInterrupt:
        say("The hub has ended, and the seats run on. Next: ./workshop hub start, or ./workshop hub end.")
    finally:
        hub_server.end(process)


def _start_seats(server: HubServer) -> None:
    """Start all seats of a hub that runs, and say how many are ready, and which did not start."""
    with TerminalReport() as report:
        failed_seats = server.start_seats(report)
    if failed_seats:
        say(f"Not started: {', '.join(failed_seats)}. {server.log} says why; a login tries again.")

    ready_count = len(server.settings.seats) - len(failed_seats)
    answer(f"Seats ready: {ready_count}. The hub: {server.address}")
    say("Ctrl-C ends the hub; ./workshop hub end removes the seats.")


@hub.command("capacity")
def show_capacity() -> None:
    """Say how many seats this machine carries, by its memory and its disk."""
    _, sentence = hub_seats.capacity_of_machine(reach.connect())
    answer(sentence)


@hub.command("end")
def end(
    volumes: Annotated[bool, typer.Option("--volumes", help="Also the participants' work and engines.")] = False,
) -> None:
    """Remove the seats and their networks, and nothing else; their volumes stay unless you say so."""
    settings = HubSettings.read(own_workspace())
    with TerminalReport() as report:
        counts = hub_seats.remove(reach.connect().client, settings, volumes=volumes, report=report)
    count_texts = [f"{count} {kind}s" for kind, count in counts.items()]
    say(f"Removed: {', '.join(count_texts)}.")


def _build_seat_image(*, may_install: bool) -> str:
    """Make the workspace ready, then build the image of a seat and return its tag."""
    with TerminalReport() as report:
        stack = provision.make_ready(own_workspace(), may_install=may_install, report=report)
        return seat_server.build(stack.session, report)
