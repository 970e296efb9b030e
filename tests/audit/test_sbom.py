"""A bill of materials has what uv.lock has for its image: all of it, in that version, with its hashes."""

import json
import tomllib
from typing import Any

import pytest
from packaging.markers import Marker

from checks import bom
from demo import registry

LOCK = tomllib.loads((bom.ROOT / "uv.lock").read_text())["package"]
STARTS = {
    "coursegen/operator": ("coursegen-operator", ("gateway",)),
    "coursegen/worker": ("coursegen-worker", ()),
    "coursegen/worker-quality": ("coursegen-worker", ("embedding",)),
}
"""What is installed into each image: a package of the workspace, and extras of it."""


@pytest.fixture(scope="module")
def bills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    written = bom.write(tmp_path_factory.mktemp("sbom"))
    return {image: json.loads(file.read_text()) for image, file in zip(registry.PARTS, written, strict=True)}


def locked(name: str, version: str | None = None) -> dict[str, Any]:
    [package] = [p for p in LOCK if p["name"] == name and version in (None, p["version"])]
    return package


def needed(name: str, version: str | None, extras: tuple[str, ...], found: dict[str, dict[str, Any]]) -> None:
    """Find the packages that one stands on in an image, as the lock file has it."""
    package = locked(name, version)
    wanted = [] if name in found else [*package.get("dependencies", ())]
    wanted += [d for extra in extras for d in package.get("optional-dependencies", {})[extra]]
    found[name] = package
    for d in wanted:
        if "marker" not in d or Marker(d["marker"]).evaluate(bom.IN_IMAGE):
            needed(d["name"], d.get("version"), tuple(d.get("extra", ())), found)


def of_image(image: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    package, extras = STARTS[image]
    needed(package, None, extras, found)
    return {name: p for name, p in found.items() if "editable" not in p["source"]}


@pytest.mark.parametrize("image", registry.PARTS)
def test_it_lists_what_the_lock_file_has_for_the_image_and_nothing_else(
    bills: dict[str, dict[str, Any]], image: str
) -> None:
    listed = sorted((c["name"], c["version"]) for c in bills[image]["components"])
    assert listed == sorted((name, p["version"]) for name, p in of_image(image).items())
    assert len(listed) > 10


@pytest.mark.parametrize("image", registry.PARTS)
def test_every_package_has_the_hashes_that_it_is_installed_by(bills: dict[str, dict[str, Any]], image: str) -> None:
    packages = of_image(image)
    for component in bills[image]["components"]:
        package = packages[component["name"]]
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        said = {h["content"] for r in component["externalReferences"] for h in r.get("hashes", ())}
        assert said, component["name"]
        assert said <= {f["hash"].removeprefix("sha256:") for f in files}, component["name"]


def test_the_bills_speak_of_the_python_of_the_images() -> None:
    for file, _ in registry.PARTS.values():
        assert f"ARG BASE_IMAGE=python:{bom.IN_IMAGE['python_version']}-slim\n" in (bom.ROOT / file).read_text()
