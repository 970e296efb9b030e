"""The SCORM 1.2 export: one SCO with its own menu, which runs without any outside request.

The zip has the manifest at its root and the same bytes for the same course. `check` looks for what the
schemas of SCORM cannot say; a package that fails it is never delivered.
"""

import zipfile
from importlib import resources
from io import BytesIO

from coursegen_api.base import FailureClass
from coursegen_worker.documents import Course
from coursegen_worker.exporters import Exported
from coursegen_worker.exporters.scorm import check, manifest, page
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.progress import Advance

MEDIA_TYPE = "application/zip"
_STATIC = ("course.css", "course.js", "scorm.js")
_DATE = (2000, 1, 1, 0, 0, 0)


def export(course: Course, include_assessments: bool, advance: Advance) -> Exported:
    """Write the package; raises BadOutput if its own checker finds fault with it."""
    files: dict[str, bytes] = {"index.html": page.render(course, include_assessments, advance).encode()}
    folder = resources.files("coursegen_worker.exporters.scorm").joinpath("static")
    for name in _STATIC:
        files[name] = folder.joinpath(name).read_bytes()
    assessed = include_assessments and any(chapter.questions for chapter in course.chapters)
    files["imsmanifest.xml"] = manifest.render(course, sorted(files), assessed).encode()
    data = pack(files)
    if faults := check.faults(data):
        raise TaskFailedError(FailureClass.BAD_OUTPUT, f"the SCORM package is not sound: {'; '.join(faults[:3])}")
    advance(1.0, "packed")
    return Exported(data, MEDIA_TYPE, f"{len(data)} bytes of SCORM 1.2, {len(course.chapters)} chapters in one SCO")


def pack(files: dict[str, bytes]) -> bytes:
    """Zip files with the manifest first, in a fixed order and with a fixed date."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(files, key=lambda n: (n != "imsmanifest.xml", n)):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], compresslevel=9)
    return buffer.getvalue()
