"""The cmi5 export: one assignable unit, or one for each chapter, that tells a platform by xAPI what a learner does.

The zip has `cmi5.xml` at its root, asks for nothing outside but the platform that launched it, and has the same bytes
for the same course. Source of the rules: cmi5 Quartz, sections 8 to 14.
"""

from importlib import resources

from coursegen_api.base import Cmi5Options, Packaging
from coursegen_worker.documents import Course
from coursegen_worker.exporters import Exported, archive, page
from coursegen_worker.exporters.cmi5 import structure
from coursegen_worker.exporters.cmi5.structure import Unit
from coursegen_worker.progress import Advance

MEDIA_TYPE = "application/zip"
STRUCTURE = "cmi5.xml"
_SCRIPT = "cmi5.js"
_SPOKEN = ("question", "leave", "no_answer", "not_recorded")


def export(course: Course, options: Cmi5Options, advance: Advance) -> Exported:
    """Write the package."""
    units = _units(course, options.packaging)
    files = page.static() | {_SCRIPT: resources.files("coursegen_worker.exporters.cmi5").joinpath(_SCRIPT).read_bytes()}
    for number, unit in enumerate(units, start=1):
        made = page.Unit(course, unit.places, _SCRIPT, {"runtime": "cmi5"}, _SPOKEN)
        files[unit.page] = page.render(made).encode()
        advance(0.9 * number / len(units), f"writing page {number} of {len(units)}")
    data = archive.pack(files | {STRUCTURE: structure.render(course, units).encode()}, first=STRUCTURE)
    advance(1.0, "packed")
    count = "one unit" if len(units) == 1 else f"{len(units)} units"
    return Exported(data, MEDIA_TYPE, f"{len(data)} bytes of cmi5, {len(course.chapters)} chapters in {count}")


def _units(course: Course, packaging: Packaging) -> list[Unit]:
    places = range(len(course.chapters))
    if packaging is Packaging.SINGLE or len(places) == 1:
        return [Unit("unit", course.course.title, "index.html", list(places), course.objectives)]
    return [
        Unit(f"chapters/{c.index}", f"{c.index}. {c.title}", f"chapter-{c.index:03}.html", [place], c.objectives)
        for place, c in enumerate(course.chapters)
    ]
