"""The pages of the site lead to pages of the site, and a site replaces nothing but a site."""

from __future__ import annotations

from pathlib import Path

import pytest

from workshop_dev import site
from workshop_kit.bundle import site_copy
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


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A site of one page, built from version "new"."""
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / site_copy.MARK).write_text("new")
    (folder / "index.html").write_text("hello")
    return folder


def files(folder: Path) -> dict[str, str]:
    """The files of a folder with their texts."""
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_site_replaces_a_site_and_nothing_else(made: Path, tmp_path: Path) -> None:
    """A folder with other files stays as it is; pages of the older site go."""
    output = tmp_path / "output"
    output.mkdir()
    (output / "thesis.txt").write_text("mine")
    with pytest.raises(WorkshopError, match="holds other files"):
        site_copy.copy(made, output)
    assert files(output) == {"thesis.txt": "mine"}
    (output / site_copy.MARK).write_text("old")
    site_copy.copy(made, output)
    assert files(output) == files(made)


def test_a_bundle_takes_a_site_of_its_own_version(made: Path, tmp_path: Path) -> None:
    """A site of another version, and none, are left out with what to do."""
    assert site_copy.save(made, tmp_path / "bundle", "newer").startswith("site: left out, it was built from new. Run ")
    assert site_copy.save(tmp_path / "none", tmp_path / "bundle", "new").startswith(
        "site: left out, it was not built. Run "
    )
    assert not (tmp_path / "bundle").exists()
    assert site_copy.save(made, tmp_path / "bundle", "new") == "site: open site/index.html in a browser"
    assert files(tmp_path / "bundle" / "site") == files(made)
