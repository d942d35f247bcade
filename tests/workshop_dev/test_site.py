"""The pages of the site lead to pages of the site, and a site replaces nothing but a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_dev import site
from workshop_kit.errors import WorkshopError


def test_a_page_of_the_checkout_links_to_pages_of_the_site(root: Path, tmp_path: Path) -> None:
    """A link to a page that the site lacks fails the whole site: Sphinx takes no warning."""
    site.write_sources(root, tmp_path)
    (tmp_path / "README.md").touch()  # the site has it as its index
    lost = []
    for page in sorted(tmp_path.rglob("*.md")):
        names = [name for name in site.LINK.findall(page.read_text()) if name.endswith(".md")]
        lost += [f"{page.relative_to(tmp_path)}: {name}" for name in names if not (page.parent / name).exists()]
    assert lost == []
    assert "./workshop start 01\n" in (tmp_path / "docs" / "book" / "01_container.md").read_text()


def test_a_site_replaces_a_site_and_nothing_else(tmp_path: Path) -> None:
    """A folder with other files stays as it is; pages of the older site go."""
    made = tmp_path / "made"
    output = tmp_path / "output"
    for folder in (made, output):
        folder.mkdir()
    (made / "index.html").write_text("hello")
    (output / "thesis.txt").write_text("mine")
    with pytest.raises(WorkshopError, match="holds other files"):
        site.place(made, output)
    assert (output / "thesis.txt").read_text() == "mine"

    (output / site.MARK).touch()
    site.place(made, output)
    assert sorted(path.name for path in output.iterdir()) == ["index.html", site.MARK]
