"""Judges of the exports that are not ours: programs from Debian, npm and Maven, fetched once into the user's cache.

What cannot be had fails the test that needs it, in words; it never passes unjudged.
"""

import json
import os
import re
import subprocess
import tarfile
import tempfile
import uuid
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lxml import etree

from localcluster import lock
from tests import programs

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coursegen-tests"
VERAPDF = ("org.verapdf.apps:greenfield-apps:1.28.2", "org.verapdf.apps.GreenfieldCliWrapper")
EPUBCHECK = ("org.w3c:epubcheck:5.2.1", "com.adobe.epubcheck.tool.Checker")
JQTI = "com.github.equella.legacy:qtiworks-jqtiplus:1.0-beta3"
VNU = ("vnu-jar", "26.9.27")
MARKDOWNLINT = "markdownlint@0.42.1"
XAPI = "@learninglocker/xapi-validation@3.0.0"
_POM = """<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>
<dependencies><dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency></dependencies>
</project>"""


def java(tool: tuple[str, str], arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a Java tool, named by Maven coordinates and main class, with its jars fetched by Maven."""
    coordinates, main = tool
    command = [programs.java(), "-cp", f"{_jars(coordinates)}/*", main, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def _jars(coordinates: str) -> Path:
    """Give the folder of an artifact of Maven's, with what it depends on."""
    jars = CACHE / coordinates.replace(":", "-")
    with _made_once(jars) as folder:
        if folder:
            pom = folder / "pom.xml"
            pom.write_text(_POM.format(*coordinates.split(":")))
            fetch = ["-q", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}/jars"]
            _run([programs.maven(), *fetch])
            (folder / "jars").rename(jars)
    return jars


def qti_schema(folder: Path) -> etree.XMLSchema:
    """Give the schema of QTI 2.1 as JQTI+ has it, with all that it imports, unpacked into a folder."""
    [jar] = _jars(JQTI).glob("*.jar")
    inside = "uk/ac/ed/ph/jqtiplus/xml-catalog/"
    with zipfile.ZipFile(jar) as archive:
        for name in archive.namelist():
            if name.startswith(inside) and name.endswith(".xsd"):
                path = folder / name.removeprefix(inside)
                path.parent.mkdir(parents=True, exist_ok=True)
                schema = etree.fromstring(archive.read(name))
                for imported in schema.findall("{*}import[@schemaLocation]"):
                    away = str(imported.get("schemaLocation"))
                    imported.set("schemaLocation", re.sub("^https?://", f"{folder.as_uri()}/", away))
                path.write_bytes(etree.tostring(schema))
    root = folder / "www.imsglobal.org/xsd/imsqti_v2p1.xsd"
    return etree.XMLSchema(etree.parse(root, etree.XMLParser(no_network=True)))


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


def vnu(paths: Sequence[Path]) -> list[str]:
    """Give what the Nu HTML Checker says about pages, warnings and all."""
    jar = npm_package(*VNU) / "build/dist/vnu.jar"
    command = [programs.java(), "-jar", str(jar), "--format", "json", "--stdout", "--exit-zero-always"]
    done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [f"{m['type']}: {m['message']} ({m.get('extract')})" for m in json.loads(done.stdout)["messages"]]


def markdownlint(paths: Sequence[Path], rules: dict[str, Any]) -> dict[str, list[str]]:
    """Give what markdownlint finds, by file; nothing for a file without faults."""
    found = _node(
        MARKDOWNLINT,
        """import { lint } from "markdownlint/promise";
        const said = await lint({ files: given.files, config: given.rules });
        say(said);""",
        {"files": [str(path) for path in paths], "rules": rules},
    )
    return {
        file: [f"line {f['lineNumber']}: {'/'.join(f['ruleNames'])} {f.get('errorContext')}" for f in faults]
        for file, faults in found.items()
        if faults
    }


def xapi(statements: Sequence[Any]) -> list[str]:
    """Give what Learning Locker's validator has against statements."""
    found: list[str] = _node(
        XAPI,
        """import { createRequire } from "node:module";
        const judge = createRequire(import.meta.url)("@learninglocker/xapi-validation").default;
        say(given.flatMap((statement) => judge(statement).map((w) => `${w.constructor.name}: ${w.path.join(".")}`)));
        """,
        list(statements),
    )
    return found


def _node(package: str, code: str, given: Any) -> Any:
    """Run some lines of JavaScript beside an npm package with all that it needs, whose scripts are never run."""
    folder = CACHE / package.replace("/", "-")
    with _made_once(folder) as made:
        if made:
            command = [programs.npm(), "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
            _run([*command, f"--prefix={made}/project", package])
            (made / "project").rename(folder)
    script = folder / f"{uuid.uuid4().hex}.mjs"
    script.write_text(f"const given = {json.dumps(given)}; const say = (x) => console.log(JSON.stringify(x));{code}")
    try:
        done = subprocess.run([programs.node(), script], capture_output=True, text=True, timeout=120, check=False)
    finally:
        script.unlink()
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


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
