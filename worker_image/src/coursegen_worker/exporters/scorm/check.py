"""What the schemas of SCORM do not catch, and learning platforms trip over."""

import re
import zipfile
from io import BytesIO
from xml.etree import ElementTree

from coursegen_worker.exporters import outside
from coursegen_worker.exporters.scorm.editions import Edition

_CP = {"1.2": "{http://www.imsproject.org/xsd/imscp_rootv1p1p2}", "2004": "{http://www.imsglobal.org/xsd/imscp_v1p1}"}
_TYPE = {
    "1.2": "{http://www.adlnet.org/xsd/adlcp_rootv1p2}scormtype",
    "2004": "{http://www.adlnet.org/xsd/adlcp_v1p3}scormType",
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._-]*")


def faults(package: bytes, edition: Edition) -> list[str]:
    """Name what is wrong with a package, as sentences; nothing for a sound one."""
    with zipfile.ZipFile(BytesIO(package)) as archive:
        names = archive.namelist()
        if "imsmanifest.xml" not in names:
            return ["there is no imsmanifest.xml at the root of the zip"]
        data = archive.read("imsmanifest.xml")
        texts = {n: archive.read(n).decode("utf-8", "replace") for n in names if n.endswith((".html", ".css"))}
    if data.startswith(b"\xef\xbb\xbf"):
        return ["the manifest begins with a byte order mark"]
    try:
        root = ElementTree.fromstring(data)  # noqa: S314 - made by ourselves a moment ago
    except ElementTree.ParseError as error:
        return [f"the manifest is not XML: {error}"]
    return [
        *_identifiers(root),
        *_version(root, edition),
        *_organizations(root, edition),
        *_resources(root, edition),
        *_files(root, names, edition),
        *_outside(texts),
    ]


def _identifiers(root: ElementTree.Element) -> list[str]:
    found = [e.get("identifier", "") for e in root.iter() if e.get("identifier") is not None]
    twice = sorted({i for i in found if found.count(i) > 1})
    return [f"the identifier {i} is there twice" for i in twice] + [
        f"the identifier {i!r} is not an XML name" for i in found if not _NAME.fullmatch(i)
    ]


def _version(root: ElementTree.Element, edition: Edition) -> list[str]:
    cp = _CP[edition.runtime]
    version = root.findtext(f"{cp}metadata/{cp}schemaversion")
    return [] if version == edition.schema_version else [f"schemaversion is {version!r}, not {edition.schema_version}"]


def _organizations(root: ElementTree.Element, edition: Edition) -> list[str]:
    cp, kind = _CP[edition.runtime], _TYPE[edition.runtime]
    organizations = root.find(f"{cp}organizations")
    found = [] if organizations is None else organizations.findall(f"{cp}organization")
    default = None if organizations is None else organizations.get("default")
    wrong = [] if len(found) == 1 else [f"there are {len(found)} organizations, not one"]
    if default not in {o.get("identifier") for o in found}:
        wrong.append(f"the default organization {default!r} does not exist")
    scos = {r.get("identifier") for r in root.iter(f"{cp}resource") if r.get(kind) == "sco" and r.get("href")}
    for item in root.iter(f"{cp}item"):
        if item.get("identifierref") not in scos:
            wrong.append(f"the item {item.get('identifier')} leads to no SCO with a page")
        if not (item.findtext(f"{cp}title") or "").strip():
            wrong.append(f"the item {item.get('identifier')} has no title")
    return wrong


def _resources(root: ElementTree.Element, edition: Edition) -> list[str]:
    """Some platforms launch the first resource that has a page, whatever the items say."""
    cp, kind = _CP[edition.runtime], _TYPE[edition.runtime]
    found = list(root.iter(f"{cp}resource"))
    known = {r.get("identifier") for r in found}
    first = next((r for r in found if r.get("href")), None)
    wrong = [] if first is not None and first.get(kind) == "sco" else ["the first resource with a page is no SCO"]
    return wrong + [
        f"the dependency on {d.get('identifierref')} leads nowhere"
        for d in root.iter(f"{cp}dependency")
        if d.get("identifierref") not in known
    ]


def _files(root: ElementTree.Element, names: list[str], edition: Edition) -> list[str]:
    cp = _CP[edition.runtime]
    listed = {f.get("href", "") for f in root.iter(f"{cp}file")}
    launched = {r.get("href", "") for r in root.iter(f"{cp}resource") if r.get("href")}
    schemas = set(edition.schemas())  # beside the manifest, and like it in no resource
    there = set(names) - {"imsmanifest.xml"} - schemas
    return [
        *(f"{name} is listed but not in the zip" for name in sorted((listed | launched) - there)),
        *(f"{name} is in the zip but not listed" for name in sorted(there - listed)),
        *(f"the schema {name} is missing" for name in sorted(schemas - set(names))),
        *(f"{name} is in the zip twice" for name in sorted({n for n in names if names.count(n) > 1})),
        *(f"{name} leaves the package" for name in names if name.startswith("/") or ".." in name.split("/")),
    ]


def _outside(texts: dict[str, str]) -> list[str]:
    asked = {n: outside.of_page(t) if n.endswith(".html") else outside.of_style(t) for n, t in texts.items()}
    return [
        f"{name} asks for something outside the package: {found[0][:200]}" for name, found in asked.items() if found
    ]
