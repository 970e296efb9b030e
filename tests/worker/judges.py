"""Judges of the exports that are not ours: programs from Debian, npm and Maven, fetched once into the user's cache.

What cannot be had fails the test that needs it, in words; it never passes unjudged.
"""

import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from localcluster import lock
from tests import programs

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coursegen-tests"
VERAPDF = ("org.verapdf.apps:greenfield-apps:1.28.2", "org.verapdf.apps.GreenfieldCliWrapper")
EPUBCHECK = ("org.w3c:epubcheck:5.2.1", "com.adobe.epubcheck.tool.Checker")
_POM = """<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>
<dependencies><dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency></dependencies>
</project>"""


def java(tool: tuple[str, str], arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a Java tool, named by Maven coordinates and main class, with its jars fetched by Maven."""
    coordinates, main = tool
    jars = CACHE / coordinates.replace(":", "-")
    with _made_once(jars) as folder:
        if folder:
            pom = folder / "pom.xml"
            pom.write_text(_POM.format(*coordinates.split(":")))
            fetch = ["-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}/jars"]
            _run([programs.maven(), *fetch])
            (folder / "jars").rename(jars)
    command = [programs.java(), "-cp", f"{jars}/*", main, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def npm_package(name: str, version: str) -> Path:
    """Give the folder of an npm package, whose scripts are never run."""
    package = CACHE / f"{name}-{version}"
    with _made_once(package) as folder:
        if folder:
            _run([programs.npm(), "pack", "--silent", f"--pack-destination={folder}", f"{name}@{version}"])
            with tarfile.open(next(folder.glob("*.tgz"))) as archive:
                archive.extractall(folder, filter="data")
            (folder / "package").rename(package)
    return package


@contextmanager
def _made_once(target: Path) -> Iterator[Path | None]:
    """Give a folder to make the target in, or nothing where it is there; tests of two processes wait for each other."""
    with lock.held(target.with_name(f".{target.name}.lock")):
        if target.exists():
            yield None
            return
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            yield Path(folder)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    what = f"{' '.join(command[:2])} failed, so the judge of this test is missing"
    assert done.returncode == 0, f"{what}: {(done.stderr or done.stdout)[-2000:]}"
