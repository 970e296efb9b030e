"""The folders of the fonts for scripts that typst's own fonts lack: Noto, from packages that hold nothing else."""

from importlib.util import find_spec

_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
"""Pinned to one version in pyproject.toml: another font is another PDF."""


def folders() -> list[str]:
    """Give the folders; the packages are found and never imported.

    Raises:
        FileNotFoundError: a package is not installed. Without it a course would lose its letters unseen.
    """
    found = []
    for package in _PACKAGES:
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise FileNotFoundError(f"the fonts of {package} are not installed")
        found.extend(spec.submodule_search_locations)
    return found
