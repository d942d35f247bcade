"""A participant's work as one JSON file, for a change of machine: progress, seed, track, and the files they edited.

Passwords stay behind: hidden files and folders named ``secrets`` are not exported. Nor are outputs of notebooks.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, NonNegativeInt, StringConstraints, ValidationError

from workshop_kit.errors import NotReady, WorkshopError, WrongUsage, first_problem
from workshop_kit.exercises.progress import Document, Progress
from workshop_kit.files import files_below, is_left_out, read_small_text, write_atomically
from workshop_kit.paths import CHECKOUT
from workshop_kit.workspace import content, naive_copy
from workshop_kit.workspace.content import Backup
from workshop_kit.workspace.course import MY_SERVICE, TRACKS
from workshop_kit.workspace.folder import BASE, EDITED, HIDDEN, WRITTEN, Workspace
from workshop_kit.workspace.merge import notebook_bytes

MAX_BYTES = 64_000_000
SECRETS = "secrets"
NEXT_STEP = "Name a file that `./workshop progress export` wrote."


def _require_edited_name(name: str) -> str:
    """Return ``name`` if it is the plain path of a file in a folder that participants edit. Raises ValueError."""
    path = PurePosixPath(name)
    is_outside = len(path.parts) < 2 or path.parts[0] not in EDITED or ".." in path.parts
    is_plain = path.as_posix() == name and name.isprintable()
    if is_outside or is_left_out(path) or not is_plain:
        raise ValueError(f"{name!r} is no file of {', '.join(EDITED)}")
    return name


class EditedFile(BaseModel, strict=True):
    """The lines of one file: ``text`` as they are now, ``base`` as the participant got them.

    ``written``: as a file cell wrote them last; None if none did.
    """

    text: list[str]
    base: list[str] | None = None
    written: list[str] | None = None


class Work(BaseModel, strict=True):
    """The content of an exported file; the keys of ``files`` are paths in the workspace."""

    format: Literal["container-design-workshop progress 1"]
    seed: NonNegativeInt
    track: Annotated[str, StringConstraints(pattern=f"^({'|'.join(TRACKS)})$")]
    progress: Document
    files: dict[Annotated[str, AfterValidator(_require_edited_name)], EditedFile]


def export_work(workspace: Workspace, target: Path) -> tuple[list[str], list[str]]:
    """Write the work of a workspace to the new file ``target``.

    Return the names of the files in it, and of those that cannot be exported. Answers that were set aside for the
    colleague's lines are put back first. Raises WrongUsage if the target exists or would be too large; NotReady.
    """
    if target.exists():
        raise WrongUsage(f"{target} exists, and an export overwrites nothing.", "Name a new file.")

    naive_copy.put_all_back(workspace, CHECKOUT)
    files = {}
    left_out_files = []
    paths = [path for folder in EDITED for path in files_below(workspace.folder / folder)]
    for path in paths:
        name = path.relative_to(workspace.folder).as_posix()
        edited_file = _read_edited_file(workspace, name)
        if edited_file is None:
            left_out_files.append(name)
        elif name.startswith(f"{MY_SERVICE}/") or edited_file.text != edited_file.base:
            files[name] = edited_file

    work = Work(
        format="container-design-workshop progress 1",
        seed=workspace.seed,
        track=workspace.track,
        progress=Progress(workspace.progress_path).document(),
        files=files,
    )
    data = f"{work.model_dump_json(indent=1, exclude_none=True)}\n".encode()
    if len(data) > MAX_BYTES:
        raise WrongUsage(
            f"Your files have more than {MAX_BYTES / 1e6:g} MB.", f"Move the large ones out of {MY_SERVICE}."
        )

    write_atomically(target, data, mode=0o600)
    return [*files], left_out_files


def import_work(workspace: Workspace, source: Path) -> tuple[list[str], Backup]:
    """Bring the exported file ``source`` into a workspace.

    Return the names of the changed files, and the backup with the replaced ones. The exported progress is added to the
    workspace's, and replaces an entry that both have. Raises WrongUsage for any other file, and WorkshopError if a file
    of the workspace cannot be read; nothing is written then.
    """
    work = read_work(source)
    changed_files = [name for name, file in work.files.items() if _current_lines(workspace, name) != file.text]
    backup = Backup(workspace)
    for name in [*changed_files, workspace.progress_path.name]:
        if (workspace.folder / name).exists():
            backup.keep(name)

    workspace.share_seed(work.seed)
    workspace.choose_track(work.track)
    for name, file in work.files.items():
        _write_lines(workspace.folder / HIDDEN / BASE / name, file.base)
        _write_lines(workspace.folder / HIDDEN / WRITTEN / name, file.written)
        if name in changed_files:
            text = "\n".join(file.text)
            content.write(workspace, name, _without_outputs(name, text))

    content.follow_track(workspace)
    Progress(workspace.progress_path).add(work.progress)
    return changed_files, backup


def read_work(source: Path) -> Work:
    """Return the content of an exported file. Raises WrongUsage for any other file, NotReady for too large a file."""
    try:
        return Work.model_validate_json(read_small_text(source, max_bytes=MAX_BYTES))
    except FileNotFoundError:
        raise WrongUsage(f"There is no file {source}.", NEXT_STEP) from None
    except ValidationError as error:
        raise WrongUsage(f"{source} is no exported progress: {first_problem(error)[:300]}.", NEXT_STEP) from None


def _write_lines(path: Path, lines: list[str] | None) -> None:
    """Write a file of these lines; for None do nothing."""
    if lines is not None:
        write_atomically(path, "\n".join(lines).encode())


def _read_edited_file(workspace: Workspace, name: str) -> EditedFile | None:
    """Return a file with its earlier versions; None for one that is secret or not text."""
    if SECRETS in PurePosixPath(name).parts:
        return None
    try:
        lines = _current_lines(workspace, name) or []
        base = _current_lines(workspace, f"{HIDDEN}/{BASE}/{name}")
        written = _current_lines(workspace, f"{HIDDEN}/{WRITTEN}/{name}")
    except NotReady:
        return None
    return EditedFile(text=lines, base=base, written=written)


def _current_lines(workspace: Workspace, name: str) -> list[str] | None:
    """Return the lines of a file, None without one; a notebook has all its cells, without outputs.

    Raises WorkshopError for a path that leads out of the workspace, or a file that cannot be read as text.
    """
    path = workspace.folder / name
    if not path.resolve().is_relative_to(workspace.folder.resolve()):
        raise WorkshopError(f"{path} leads out of the workspace by a link.", "Move the link away, and try again.")

    data = content.read_current(workspace, name)
    if data is None:
        return None
    try:
        return _without_outputs(name, data.decode()).split("\n")
    except UnicodeDecodeError as error:
        raise NotReady(f"{path} is not text in UTF-8.", "Save it as UTF-8, or move it away.") from error


def _without_outputs(name: str, text: str) -> str:
    """Return a notebook without its outputs, which are large and may run scripts; any other text as it is."""
    if not name.endswith(".ipynb"):
        return text
    try:
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"] = []
                cell["execution_count"] = None
    except (ValueError, LookupError, TypeError, RecursionError):
        return text
    return notebook_bytes(notebook).decode()
