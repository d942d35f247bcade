"""The commands of ``./workshop``: their table (standard library only), and a module for each group."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One command. ``may_install`` allows it to install packages."""

    summary: str
    may_install: bool = False
    developer_packages: bool = False


COMMANDS = {
    "setup": Command("Prepare this machine: Python packages, an engine, the images.", may_install=True),
    "start": Command("Prepare what is missing and open the first lesson in JupyterLab.", may_install=True),
    "doctor": Command("Look at the machine and say what is good and what is not; install nothing."),
    "check": Command("Check an exercise on real containers: ./workshop check container.limits."),
    "watch": Command("Check an exercise whenever its file is saved; h hint, s solution, q quit."),
    "hint": Command("Give the next hint of an exercise."),
    "solution": Command("Show the solution of an exercise, once it is passed (or with --anyway)."),
    "reset": Command("Put an exercise back to its start; what was there is kept aside."),
    "status": Command("Show which exercises are done and how many minutes are left."),
    "goto": Command("Jump to the start of a lesson: files, containers, earlier exercises solved."),
    "update": Command("Bring changed lessons into the workspace; what was edited there stays."),
    "progress": Command("For a change of machine: export your progress and files to one file, and import it there."),
    "tour": Command("Run every lesson (or those named) from top to bottom without a browser.", may_install=True),
    "plan": Command("Print a timetable with breaks: ./workshop plan --track half-day --start 09:30."),
    "notes": Command("Write the instructor's notes of each lesson as pages to print."),
    "handout": Command("Write pages to print: an abstract, a handout, a pre-flight card for each platform."),
    "desk": Command("Open the instructor's desk: load, faults, checkpoints, a page for the audience, a live room."),
    "join": Command("Join an instructor's live room: ./workshop join 7K2M-Q9FD-30XA; --leave ends it."),
    "audit": Command("Test your image or container against the factors and principles."),
    "grade": Command("For teachers: judge by their effect what people handed in."),
    "bundle": Command("Without a network: save all that set-up needs to a folder, and load it elsewhere."),
    "down": Command("Remove what the workshop made: this workspace's containers, networks and volumes."),
    "seat": Command("For rooms: run the server of one seat, as a JupyterHub does; --build builds the seats' image."),
    "hub": Command("For rooms: seats on one machine for people without an engine.", may_install=True),
    "test": Command("Run the whole test suite.", may_install=True, developer_packages=True),
    "bench": Command("Measure speed, as ratios measured side by side.", may_install=True, developer_packages=True),
    "new": Command("For authors: make the files of a new lesson: ./workshop new lesson 07_network."),
    "build": Command("For authors: regenerate what is generated (exercises, lock files).", developer_packages=True),
    "site": Command("Build lessons, guides and notes as a site to read.", may_install=True, developer_packages=True),
}
