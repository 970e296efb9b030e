"""The SCORM export: 1.2 or 2004, one unit (SCO) with its own menu or one for each chapter, no outside request.

The zip has the manifest and the schemas at its root, and the same bytes for the same course. `check` looks for what
the schemas of SCORM cannot say; a package that fails it is never delivered.
"""

from importlib import resources

from coursegen_api.base import FailureClass, Packaging, ScormOptions
from coursegen_worker.documents import Course
from coursegen_worker.exporters import Exported, archive, page
from coursegen_worker.exporters.scorm import check, manifest
from coursegen_worker.exporters.scorm.editions import EDITIONS, Edition
from coursegen_worker.exporters.scorm.manifest import Unit
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.progress import Advance

MEDIA_TYPE = "application/zip"
MANIFEST = "imsmanifest.xml"
_SCRIPT = "scorm.js"


def export(course: Course, options: ScormOptions, advance: Advance) -> Exported:
    """Write the package; raises BadOutput if its own checker finds fault with it."""
    edition = EDITIONS[options.version]
    parts = _parts(course, edition, options.packaging)
    files: dict[str, bytes] = {}
    units = []
    for number, part in enumerate(parts, start=1):
        single = len(part) == len(course.chapters)
        unit = _unit(course, part, single)
        units.append(unit)
        files[unit.page] = page.render(page.Unit(course, part, _SCRIPT, edition.facts())).encode()
        advance(0.9 * number / len(parts), f"writing page {number} of {len(parts)}")
    script = resources.files("coursegen_worker.exporters.scorm").joinpath(_SCRIPT).read_bytes()
    shared = page.static() | {_SCRIPT: script}
    rendered = manifest.render(course, edition, units, sorted(shared))
    data = archive.pack(files | shared | edition.schemas() | {MANIFEST: rendered.encode()}, first=MANIFEST)
    if faults := check.faults(data, edition):
        raise TaskFailedError(FailureClass.BAD_OUTPUT, f"the SCORM package is not sound: {'; '.join(faults[:3])}")
    advance(1.0, "packed")
    asked = options.packaging is Packaging.SINGLE and len(units) > 1
    why = f", since {edition.name} could not keep so many answers in one" if asked else ""
    count = "one unit" if len(units) == 1 else f"{len(units)} units"
    return Exported(
        data, MEDIA_TYPE, f"{len(data)} bytes of {edition.name}, {len(course.chapters)} chapters in {count}{why}"
    )


def _parts(course: Course, edition: Edition, packaging: Packaging) -> list[list[int]]:
    """Give the places of the chapters of each unit; what a platform cannot keep in one is divided after all."""
    places = range(len(course.chapters))
    if packaging is Packaging.SINGLE and page.state_chars(course.chapters) <= edition.max_state:
        return [list(places)]
    return [[place] for place in places]


def _unit(course: Course, part: list[int], single: bool) -> Unit:
    chapters = [course.chapters[place] for place in part]
    if single:
        return Unit("sco", course.course.title, "index.html")
    index = chapters[0].index
    return Unit(f"sco-{index}", f"{index}. {chapters[0].title}", f"chapter-{index:03}.html")
