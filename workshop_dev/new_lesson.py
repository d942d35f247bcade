"""Write the files of a new lesson from the templates beside this module; docs/adding-a-lesson.md explains them.

The templates lie as their files will lie in the checkout, and run as they are. In names and texts, ``99_placeholder``
stands for the lesson's name, and ``placeholder`` for the prefix of its exercises.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import replace
from pathlib import Path

from workshop_kit.errors import WrongUsage
from workshop_kit.files import write_atomically
from workshop_kit.workspace.course import FILE, LessonTime, load_course
from workshop_room.timetable.plan import timetable

TEMPLATES = Path(__file__).parent / "templates" / "lesson"
SUFFIX = ".template"
NAME = re.compile(r"\d\d_([a-z]+)(_[a-z]+)*")
MINUTES = 20
LAST_LESSON = re.compile(r"(?:^\d\d[a-z]?_\w+ = \{.*\n)+", re.MULTILINE)
FULL_TRACK = re.compile(r"^(full = \{ minutes = )\d+(.* total = )\d+", re.MULTILINE)
FIRST_EXERCISE = re.compile(r"^\[\[exercise\]\]$", re.MULTILINE)


def write(root: Path, name: str) -> list[Path]:
    """Write the files of the lesson ``name`` (``07_network``); return their paths below ``root``.

    Raises WrongUsage, before it writes, for a name that does not fit or that is taken.
    """
    words = _words_by_placeholder(root, name)
    texts: dict[Path, str] = {}
    for template in sorted(TEMPLATES.rglob(f"*{SUFFIX}")):
        template_name = template.relative_to(TEMPLATES).as_posix().removesuffix(SUFFIX)
        path = Path(_replace_words(template_name, words))
        texts[path] = _replace_words(template.read_text(encoding="utf-8"), words)

    course_path = Path(FILE)
    texts[course_path] = _course_text(root, name, words, texts[course_path])

    new_paths = [path for path in texts if path != course_path]
    existing_paths = [path for path in new_paths if (root / path).exists()]
    if existing_paths:
        raise WrongUsage(f"{existing_paths[0]} exists, and nothing was written.", "Choose another name.")

    for path, text in texts.items():
        write_atomically(root / path, text.encode())
    return list(texts)


def _words_by_placeholder(root: Path, name: str) -> dict[str, str]:
    """Return the words for a lesson, by the words of the templates that they replace.

    Raises WrongUsage for a name that does not fit, or whose number or first word another lesson has.
    """
    match = NAME.fullmatch(name)
    if match is None or keyword.iskeyword(match[1]):
        raise WrongUsage(
            f"{name!r} is no name for a lesson: two digits, then words of small letters, joined by underscores.",
            "Write, for example, ./workshop new lesson 07_network.",
        )

    number, _, title = name.partition("_")
    prefix = match[1]
    for lesson in load_course(root).lessons:
        duplicate = ""
        if lesson.name[:2] == number:
            duplicate = "number"
        elif lesson.prefix == prefix:
            duplicate = "first word"
        if duplicate:
            sentence = f"{lesson.name} has that {duplicate} already, and nothing was written."
            raise WrongUsage(sentence, "Choose another one.")

    return {
        "99_placeholder": name,
        "lesson 99": f"lesson {number}",
        "# 99 ": f"# {number} ",
        "Placeholder": title.replace("_", " ").capitalize(),
        "placeholder": prefix,
    }


def _replace_words(text: str, words: dict[str, str]) -> str:
    """Return the text with each placeholder replaced by its word, in the order of ``words``."""
    for placeholder, word in words.items():
        text = text.replace(placeholder, word)
    return text


def _course_text(root: Path, name: str, words: dict[str, str], entries: str) -> str:
    """Return exercises.toml with the lesson, its minutes on the track ``full``, its sections, and its exercise.

    ``entries`` has the sections and the exercise, from the template.
    """
    lesson = LessonTime(name, words["Placeholder"], words["placeholder"], {"full": MINUTES})
    minutes, total_minutes = _full_track_minutes(root, lesson)
    line = f'{name} = {{ title = "{lesson.title}", prefix = "{lesson.prefix}", minutes = {{ full = {MINUTES} }} }}\n'
    sections, exercise = FIRST_EXERCISE.split(entries)

    def add_line(lines: re.Match[str]) -> str:
        return f"{lines[0]}{line}"

    text = (root / FILE).read_text(encoding="utf-8")
    text = FULL_TRACK.sub(rf"\g<1>{minutes}\g<2>{total_minutes}", text, count=1)
    text = LAST_LESSON.sub(add_line, text, count=1)
    text = FIRST_EXERCISE.sub(f"{sections}[[exercise]]", text, count=1)
    return f"{text}\n[[exercise]]{exercise}"


def _full_track_minutes(root: Path, lesson: LessonTime) -> tuple[int, int]:
    """Return the minutes of the track ``full`` with a new lesson: those of its lessons, and those of its timetable."""
    course = load_course(root)
    lessons = tuple(sorted([*course.lessons, lesson], key=lambda lesson_time: lesson_time.name))
    longer_course = replace(course, lessons=lessons, notebooks=(*course.notebooks, lesson.name))
    blocks = timetable(longer_course, "full", "09:30")

    minutes = course.tracks["full"].minutes + MINUTES
    total_minutes = sum(block.minutes for block in blocks)
    return minutes, total_minutes
