"""The image of a seat: built on the base image, with the workshop's images in it as a bundle."""

from __future__ import annotations

from workshop_kit.bundle import images as bundle_images
from workshop_kit.bundle.manifest import version_of
from workshop_kit.engine import images, recipes
from workshop_kit.engine.recipes import OCI, Recipe, image_labels
from workshop_kit.engine.session import Session
from workshop_kit.paths import CHECKOUT
from workshop_kit.progress import Report, Step, silent

RECIPE = Recipe("seat", ".")
"""Its context is the checkout: the kit is in the image."""
DOCKERFILE = CHECKOUT / "images" / "seat" / "Dockerfile"
BUNDLE = CHECKOUT / "build" / "seat" / "bundle"


def tag() -> str:
    """Return the image's tag, with the version of the workshop: ``workshop/seat:1.0.0``."""
    return f"workshop/seat:{image_labels(CHECKOUT)[f'{OCI}version']}"


def build(session: Session, report: Report = silent) -> str:
    """Build the image from this checkout and return its tag; the workshop's other images are built already."""
    tags = recipes.tags(CHECKOUT)
    bundle_images.save(session.engine, tags, BUNDLE, version_of(CHECKOUT), report)
    options = (f"--file={DOCKERFILE}", f"--build-context=bundle={BUNDLE}")
    images.build(session, CHECKOUT, RECIPE, {"BASE": tags["base"]}, tag(), report, options)
    report(Step(RECIPE.name, 1.0, done=True))
    return tag()
