"""A CycloneDX bill of materials for each image's Python packages, with their hashes, from uv.lock."""

import re
import subprocess
from pathlib import Path

from packaging.requirements import Requirement

from demo import registry

from . import tools

ROOT = Path(__file__).resolve().parents[2]
IN_IMAGE = {
    "python_version": "3.13",
    "python_full_version": "3.13.0",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
}
"""What the base image is, in the words of PEP 508: the lock file has some packages for it, and others for others."""


def write(folder: Path) -> list[Path]:
    """Write the bills of all images into a folder, and give them; subprocess.CalledProcessError if one cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_of_image(image, folder / f"{image.rpartition('/')[2]}.cdx.json") for image in registry.PARTS]


def installed(image: str) -> list[str]:
    """Say which packages of the lock file are in an image, as options of uv, from its Dockerfile."""
    file, arguments = registry.PARTS[image]
    steps = (ROOT / file).read_text()
    for name, value in arguments.items():
        steps = steps.replace(f"${name}", value)
    [dependencies] = [line for line in steps.splitlines() if "--no-install-workspace" in line]
    return [f"--{option}={value}" for option, value in re.findall(r"--(package|extra)[ =](\S+)", dependencies)]


def _of_image(image: str, out: Path) -> Path:
    argv = ["export", "--quiet", "--locked", "--no-dev", "--no-emit-workspace", *installed(image)]
    locked = in_image(_run(["uv", *argv, "--format=requirements-txt"]))
    _run([tools.cyclonedx(), "requirements", "-", f"--output-file={out}", "--output-reproducible"], locked)
    return out


def in_image(locked: str) -> str:
    """Leave out of a list of requirements what it has for other machines and Pythons than an image's."""
    lines = [line for line in locked.replace("\\\n", " ").splitlines() if line and not line.lstrip().startswith("#")]
    return "".join(f"{line}\n" for line in lines if _is_wanted(line.partition(" --hash")[0]))


def _is_wanted(requirement: str) -> bool:
    marker = Requirement(requirement).marker
    return marker is None or marker.evaluate(dict(IN_IMAGE))


def _run(argv: list[str], stdin: str = "") -> str:
    return subprocess.run(argv, input=stdin, check=True, capture_output=True, text=True, cwd=ROOT).stdout
