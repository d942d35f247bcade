"""A file cell replaces the definitions that it names, and adds those that are new; all else keeps every byte."""

from __future__ import annotations

import ast
import textwrap

import pytest

from tests.examples import given, st
from workshop_kit.workspace import merge
from workshop_kit.workspace.definitions import apply, names_in, remove, split
from workshop_kit.workspace.syntax import UnreadableText, is_same, read

FILE = "my_service/app.py"
NAMES = ("alpha", "beta", "gamma")
IMPORTS = ("import json\n", "import os\n", "from time import sleep\n", "from time import monotonic, sleep\n")
ABOVE = ("", "# why\n", "@cached\n", "# why\n@cached\n@other(1)\n")
BODIES = ("return 1\n", '"""Say what it does."""\nreturn 2\n', "text = '''a\n\nb'''\n# a remark\nreturn text\n")


def functions(name: str) -> st.SearchStrategy[str]:
    """Functions with comments, decorators and docstrings."""
    heads = st.sampled_from(ABOVE).map(lambda above: f"{above}def {name}(self=None):\n")
    return st.builds(lambda head, body: head + textwrap.indent(body, "    "), heads, st.sampled_from(BODIES))


def assignments(name: str) -> st.SearchStrategy[str]:
    """Constants and fields, some with a comment or a text."""
    with_text = f'{name} = [\n    3,\n]\n"""Three."""\n'
    return st.sampled_from((f"{name} = 1\n", f"{name}: int = 2  # two\n", f"# four\n{name} = 4\n", with_text))


def classes(name: str) -> st.SearchStrategy[str]:
    """Classes with methods and fields."""
    heads = st.sampled_from((f"class {name}:\n", f'# of things\nclass {name}(Base):\n    """A thing."""\n\n'))
    members = st.tuples(*(st.none() | assignments(member) | functions(member) for member in NAMES))

    def built(head: str, texts: tuple[str | None, ...]) -> str:
        body = "\n".join(text for text in texts if text) or "pass\n"
        return head + textwrap.indent(body, "    ")

    return st.builds(built, heads, members)


def definitions_of(name: str) -> st.SearchStrategy[str]:
    """A constant, a function or a class of this name."""
    return assignments(f"{name}_constant") | functions(name) | classes(name.title())


@st.composite
def files(draw: st.DrawFn) -> str:
    """Python files that people might have, in any order."""
    docstring = draw(st.sampled_from(("", '"""A file."""\n\n')))
    imports = draw(st.lists(st.sampled_from(IMPORTS), unique_by=lambda line: line[:9], max_size=3))
    blocks = draw(st.permutations(NAMES).flatmap(lambda names: st.tuples(*map(definitions_of, names))))
    end = draw(st.sampled_from(("", "\n\nif __name__ == '__main__':\n    main()\n", "\n# the end\n")))
    return docstring + "".join(imports) + "\n\n" + "\n\n".join(blocks) + end


@given(files(), files())
def test_by_name(mine: str, cell: str) -> None:
    """What is there changes nothing; twice is once; what is not named keeps every byte; the result is Python."""
    assert apply(FILE, mine, mine) == mine
    result = apply(FILE, mine, cell)
    ast.parse(result)
    assert apply(FILE, result, cell) == result
    assert apply(FILE, mine.replace("\n", "\r\n"), cell) == result.replace("\n", "\r\n")

    own = split(FILE, mine)
    new = names_in(FILE, cell)
    after = split(FILE, result)
    assert after.keys() == own.keys() | new.keys()
    for name, text in after.items():
        if not name.startswith("from "):  # its names are joined
            assert text.strip("\n") == new.get(name, own.get(name, "")).strip("\n")

    is_new = {name for name in new if name not in own}
    without = split(FILE, remove(FILE, result, is_new))
    assert without.keys() == own.keys()


SHOP = '''"""A shop."""

import json
from time import sleep

LIMIT = 1


class Shop:
    """It sells."""

    name: str = "tea"

    def sell(self):
        return self.name


def run():
    sleep(LIMIT)


if __name__ == "__main__":
    run()
'''


@pytest.mark.parametrize(
    ("cell", "before", "after"),
    [
        ("import httpx\n", "\n\nLIMIT", "\n\nimport httpx\n\nLIMIT"),
        ("from shop import a\nimport httpx\n", "\n\nLIMIT", "\n\nimport httpx\n\nfrom shop import a\n\nLIMIT"),
        ("from time import monotonic\n", "import sleep", "import monotonic, sleep"),
        ("OTHER = 2\n", "LIMIT = 1\n", "LIMIT = 1\nOTHER = 2\n"),
        ("LIMIT = 1\nOTHER = 2\n", "LIMIT = 1\n", "LIMIT = 1\nOTHER = 2\n"),
        ("shop = Shop()\n", "name\n\n\ndef run", "name\n\n\nshop = Shop()\n\n\ndef run"),
        ("def stop():\n    pass\n", "\n\n\nif", "\n\n\ndef stop():\n    pass\n\n\nif"),
        ("def stop():\n    pass\n\n\ndef run():\n    sleep(LIMIT)\n", "def run", "def stop():\n    pass\n\n\ndef run"),
        ("class Shop:\n    # …\n    price = 3\n", '"tea"\n', '"tea"\n    price = 3\n'),
        ("class Shop:\n    # …\n    price = 3\n    # …\n", '"tea"\n', '"tea"\n    price = 3\n'),
        ("class Shop:\n    price = 3\n    name: str\n    # …\n", 'name: str = "tea"\n', "price = 3\n    name: str\n"),
        (
            "class Shop:\n    def buy(self):\n        pass\n    # …\n",
            "name\n\n\n",
            "name\n\n    def buy(self):\n        pass\n\n\n",
        ),
        ('"""A stall."""\n', "A shop", "A stall"),
        ('if __name__ == "__main__":\n    Shop()\n', "    run()\n", "    Shop()\n"),
        ("# …\nLIMIT = 2\n# …\n", "1", "2"),
    ],
)
def test_where_it_stands(cell: str, before: str, after: str) -> None:
    """Imports are joined and sorted, constants stand above functions, methods in their class, all above the end."""
    assert before in SHOP
    assert apply(FILE, SHOP, cell) == SHOP.replace(before, after, 1)


@pytest.mark.parametrize(
    ("mine", "cell", "after"),
    [
        ("LIMIT = 1", "OTHER = 2\n", "LIMIT = 1\nOTHER = 2\n"),
        ("a = 1; b = (\n    2)\n", "a = 3\n", "a = 3\n"),
        ("from  x import a  # from x\n", "from x import b\n", "from x import a, b\n"),
        ("from x import a\nfrom x import b\n", "from x import c\n", "from x import a, b, c\n"),
        ("@one\ndef f(): ...\n\n\n@two\ndef f(): ...\n", "def f(): pass\n", "def f(): pass\n"),
    ],
)
def test_unusual_python(mine: str, cell: str, after: str) -> None:
    """Files as people have them; two definitions of the same name are one."""
    assert apply(FILE, mine, cell) == after


def test_kept_definitions_stay() -> None:
    """Also members of a class."""
    cell = SHOP.replace("1", "2").replace("tea", "coffee").replace("self.name", "None")
    assert apply(FILE, SHOP, cell, kept=["LIMIT", "Shop.name"]) == SHOP.replace("self.name", "None")


ANCHOR = "x-common: &common\n  cpus: 1\n"
COMPOSE = f"""# mine
{ANCHOR}services:
  # the first
  my-service: # built here
    build: .
    ports: ["127.0.0.1::8080"]
    networks: {{ default: {{ aliases: [a, b] }} }}

  database: &db
    image: mariadb
    volumes:
      - data:/var/lib/mysql
      # one more
      - ./schema.sql:/schema.sql
volumes: {{ data: }}
"""


@pytest.mark.parametrize(
    ("cell", "before", "after"),
    [
        ("services:\n  my-service:\n    build: ./here\n", "build: .\n", "build: ./here\n"),
        ("services:\n  my-service:\n    mem_limit: 96m # most\n", "] } }\n", "] } }\n    mem_limit: 96m # most\n"),
        ("services:\n  my-service:\n    cpus: 1\n    build: .\n", "    build", "    cpus: 1\n    build"),
        (
            "services:\n  database:\n    volumes: [data]\n",
            COMPOSE[COMPOSE.index("volumes:\n") : COMPOSE.index("volumes: {")],
            "volumes: [data]\n",
        ),
        (
            f"{ANCHOR}services:\n  database:\n    <<: *common\n    image: mariadb\n",
            "    image",
            "    <<: *common\n    image",
        ),
        ("x-common:\n  pids_limit: 40\n", "cpus: 1\n", "cpus: 1\n  pids_limit: 40\n"),
        ("services:\n  redis:\n    image: redis\n", "volumes: {", "  redis:\n    image: redis\nvolumes: {"),
        ("volumes: { more: }\n", "{ data: }", "{ more: }"),
    ],
)
def test_yaml(cell: str, before: str, after: str) -> None:
    """A name is a key path of block mappings; lists and flow mappings are values. Comments and anchors stay."""
    assert apply("compose.yaml", COMPOSE, COMPOSE) == COMPOSE
    result = apply("compose.yaml", COMPOSE, cell)
    assert result == COMPOSE.replace(before, after, 1)
    assert apply("compose.yaml", result, cell) == result


DOCKERFILE = """# syntax=docker/dockerfile:1
ARG BASE=python
FROM ${BASE}
COPY requirements.txt .
RUN pip install \\
    # as it is pinned
    -r requirements.txt
COPY . .
CMD ["python", "main.py"]
"""
OTHER_DOCKERFILE = "ARG BASE\nFROM a\nCOPY a .\nRUN b\nCOPY c .\nCMD d\n"


@pytest.mark.parametrize(
    ("cell", "before", "after"),
    [
        ("CMD exec python main.py\n", 'CMD ["python", "main.py"]', "CMD exec python main.py"),
        ("HEALTHCHECK CMD true\n", "CMD", "HEALTHCHECK CMD true\nCMD"),
        ("ARG VERSION=dev\nLABEL a=1 \\\n  b=2\n", "CMD", "ARG VERSION=dev\nLABEL a=1 \\\n  b=2\nCMD"),
        ("ARG BASE=alpine\n", "BASE=python", "BASE=alpine"),
        ("RUN true\n", DOCKERFILE[DOCKERFILE.index("RUN") : DOCKERFILE.index("COPY . .")], "RUN true\n"),
        ("COPY main.py .\n", "COPY . .", "COPY main.py ."),
        (OTHER_DOCKERFILE, DOCKERFILE, OTHER_DOCKERFILE),
        ("USER app\nUSER 1\n", "CMD", "USER app\nUSER 1\nCMD"),
    ],
)
def test_a_dockerfile(cell: str, before: str, after: str) -> None:
    """An instruction stands once, or the last one counts; a whole file with repeated instructions replaces it."""
    result = apply("Dockerfile", DOCKERFILE, cell)
    assert result == DOCKERFILE.replace(before, after, 1)
    assert apply("Dockerfile", result, cell) == result


def test_a_dockerfile_keeps_what_a_whole_one_lacks() -> None:
    """So a solution that comes late takes nothing of a later lesson away, and neither does a reset."""
    later = "HEALTHCHECK CMD python probe.py\nLABEL title=mine\nCMD"
    naive = "FROM python\nCOPY . .\nRUN pip install -r requirements.txt\nCMD python main.py\n"
    solved = naive.replace("COPY", "COPY requirements.txt .\nCOPY").replace("CMD python", "CMD exec python")
    assert apply("Dockerfile", naive, solved) == solved
    assert apply("Dockerfile", naive.replace("CMD", later), solved) == solved.replace("CMD", later)

    mine = solved.replace("CMD", later.replace("mine", "ours"))
    names = ("FROM", "COPY", "RUN", "CMD")
    restored = merge.restore("Dockerfile", mine, naive.replace("CMD", later), names)
    assert restored == naive.replace("CMD", later.replace("mine", "ours"))


@pytest.mark.parametrize(
    ("name", "mine", "cell", "after"),
    [
        (
            "requirements.txt",
            "# web\nuvicorn\nmine==1",
            "uvicorn==2\n# new\nredis==3\n",
            "# web\nuvicorn==2\n# new\nredis==3\nmine==1\n",
        ),
        (".dockerignore", ".env\n*.pyc\n", ".git\n.env\n", ".git\n.env\n*.pyc\n"),
        ("settings.env", "A=1\n# b\nB=2\n", "A=3\nC=4\n", "A=3\nC=4\n# b\nB=2\n"),
        ("start.sh", "mine\n", "#!/bin/sh\n", "#!/bin/sh\n"),
    ],
)
def test_lists_and_other_files(name: str, mine: str, cell: str, after: str) -> None:
    """A list gains the lines that it lacks; any other file is written whole."""
    assert apply(name, mine, cell) == after
    assert apply(name, after, cell) == after


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [("app.py", "a = 1\ndef f(:\n", 2), ("compose.yaml", "a: 1\nb: [\n", 3), ("compose.yaml", "a: 1\n\tb: 2\n", 2)],
)
def test_a_file_that_cannot_be_read(name: str, text: str, line: int) -> None:
    """The line is named, whichever of the two texts it is in."""
    for mine, cell in ((text, "a = 2\n"), ("b = 1\n", text)):
        with pytest.raises(UnreadableText, match=f"{name}, line {line}: "):
            apply(name, mine, cell)
    with pytest.raises(UnreadableText, match=r"app\.py: "):
        read("app.py", "a = '\0'\n")


def test_a_file_that_is_indented_in_another_way() -> None:
    """A class with tabs gets no member with spaces: the file is left alone."""
    with pytest.raises(UnreadableText, match=f"do not fit into {FILE}, which is indented in another way"):
        apply(FILE, "class A:\n\ta = 1\n", "class A:\n    # …\n    b = 2\n")


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        ("    def f(self):\n        return 'a'  #b\n", 'def f(self):\r\n  return ("a")  # b\r\n', True),
        ("class A(B):\n", "\n\nclass A(\n    B,\n):\n", True),
        ("    # …\n    price = 3\n", "    price = 3\n", True),
        ("LIMIT = 1  # a\n", "LIMIT = 1  # b\n", False),
        ("def f():\n    return 1\n", "def f():\n    return 2\n", False),
    ],
)
def test_what_is_the_same(text: str, other: str, same: bool) -> None:
    """A formatter's work makes no difference; a comment or a value does."""
    assert is_same(FILE, text, other) is same
