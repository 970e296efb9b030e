"""The cmi5 export: the course as one assignable unit that tells a platform by xAPI what a learner does.

The zip has `cmi5.xml` at its root, asks for nothing outside but the platform that launched it, and has the same bytes
for the same course. Source of the rules: cmi5 Quartz, sections 8 to 14.
"""

from html import escape
from importlib import resources
from urllib.parse import quote

from coursegen_worker import words
from coursegen_worker.documents import Course
from coursegen_worker.exporters import Exported, archive, html, page
from coursegen_worker.exporters.describe import course_facts, language_of, notes, shortened
from coursegen_worker.progress import Advance

MEDIA_TYPE = "application/zip"
STRUCTURE = "cmi5.xml"
_SCRIPT = "cmi5.js"
_TITLE_CHARS = 200
_COURSE_STRUCTURE = """\
<?xml version="1.0" encoding="UTF-8"?>
<courseStructure xmlns="https://w3id.org/xapi/profiles/cmi5/v1/CourseStructure.xsd">
  <course id="{id}">
{named}
  </course>
{objectives}  <au id="{id}/unit" moveOn="{move_on}"{mastery} launchMethod="AnyWindow">
{named}
{references}    <url>index.html</url>
  </au>
</courseStructure>
"""


def export(course: Course, advance: Advance) -> Exported:
    """Write the package."""
    places = list(range(len(course.chapters)))
    unit = page.Unit(course, places, _SCRIPT, {"runtime": "cmi5"})
    advance(0.2, "writing the page")
    script = resources.files("coursegen_worker.exporters.cmi5").joinpath(_SCRIPT).read_bytes()
    files = page.static() | {
        _SCRIPT: script,
        "index.html": page.render(unit).encode(),
        STRUCTURE: _structure(course).encode(),
    }
    data = archive.pack(files, first=STRUCTURE)
    advance(1.0, "packed")
    return Exported(data, MEDIA_TYPE, f"{len(data)} bytes of cmi5, {len(course.chapters)} chapters in one unit")


def _structure(course: Course) -> str:
    """Write what the platform imports: ids are the same for each export of a course, so that it sees an update."""
    lang = language_of(course)
    identifier = f"https://coursegen.dev/courses/{quote(course.course_id, safe='')}"
    assessed = any(chapter.questions for chapter in course.chapters)
    own = words.of(lang)
    said = " ".join([*(f"{fact}." for fact in course_facts(course, own)), *notes(course, own)])
    ids = [f"{identifier}/objectives/{n}" for n in range(1, len(course.objectives) + 1)]
    objectives = "".join(
        f'    <objective id="{name}">\n{_text("title", o.text, lang)}\n{_text("description", o.text, lang)}\n'
        "    </objective>\n"
        for name, o in zip(ids, course.objectives, strict=True)
    )
    references = "".join(f'      <objective idref="{name}"/>\n' for name in ids)
    return _COURSE_STRUCTURE.format(
        id=identifier,
        named=f"{_text('title', course.course.title, lang)}\n{_text('description', said, own.lang)}",
        move_on="CompletedAndPassed" if assessed else "Completed",
        mastery=f' masteryScore="{page.MASTERY_SCORE / 100}"' if assessed else "",
        objectives=f"  <objectives>\n{objectives}  </objectives>\n" if objectives else "",
        references=f"    <objectives>\n{references}    </objectives>\n" if references else "",
    )


def _text(tag: str, plain: str, lang: str) -> str:
    cut = plain if tag == "description" else shortened(plain, _TITLE_CHARS)
    shown = escape(html.clean(cut).strip(), quote=False) or "Untitled"
    return f'    <{tag}><langstring lang="{lang}">{shown}</langstring></{tag}>'
