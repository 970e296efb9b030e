"""The EPUB 3 export: a chapter a page, contents, and the answers at the end; the same bytes for the same course."""

import uuid
from importlib import resources

from coursegen_worker.documents import Chapter, Course
from coursegen_worker.exporters import Exported, archive, html, language
from coursegen_worker.exporters.describe import chapter_facts, course_facts, language_of, without_marks
from coursegen_worker.progress import Advance

MEDIA_TYPE = "application/epub+zip"
_MODIFIED = "2000-01-01T00:00:00Z"
"""The same bytes for the same course: no clock goes into the file."""
_CONTAINER = """\
<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
  <rootfiles><rootfile full-path="book/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
_PACKAGE = """\
<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="{lang}">
  <metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
    <dc:identifier id="id">{identifier}</dc:identifier>
    <dc:title>{title}</dc:title>
    <dc:language>{lang}</dc:language>
    <dc:creator>Course generator</dc:creator>
{described}
    <meta property="dcterms:modified">{modified}</meta>
    <meta property="schema:accessMode">textual</meta>
    <meta property="schema:accessModeSufficient">textual</meta>
    <meta property="schema:accessibilityFeature">structuralNavigation</meta>
    <meta property="schema:accessibilityFeature">tableOfContents</meta>
    <meta property="schema:accessibilityFeature">readingOrder</meta>
    <meta property="schema:accessibilityHazard">none</meta>
    <meta property="schema:accessibilitySummary">Text only, with headings in order and no images.</meta>
  </metadata>
  <manifest>
{items}
  </manifest>
  <spine page-progression-direction="{direction}">
{spine}
  </spine>
</package>
"""
_PAGE = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="{lang}" xml:lang="{lang}"\
 dir="{direction}">
<head><meta charset="utf-8"/><title>{title}</title><link rel="stylesheet" href="style.css"/></head>
<body>
{body}
</body>
</html>
"""


def export(course: Course, advance: Advance) -> Exported:
    """Write the book."""
    book = _Book(course)
    pages = {"title.xhtml": (course.course.title, book.title_page())}
    for number, chapter in enumerate(course.chapters, start=1):
        pages[f"chapter-{chapter.index:03}.xhtml"] = (f"{chapter.index}. {chapter.title}", book.chapter(chapter))
        advance(0.9 * number / len(course.chapters), f"writing chapter {number} of {len(course.chapters)}")
    if answers := book.answers():
        pages["answers.xhtml"] = (book.words("answers"), answers)
    style = resources.files("coursegen_worker.exporters").joinpath("epub.css").read_bytes()
    files = {"META-INF/container.xml": _CONTAINER.encode(), "book/style.css": style}
    files["book/package.opf"] = book.package(list(pages)).encode()
    files["book/nav.xhtml"] = book.page(book.words("contents"), book.contents(pages)).encode()
    files |= {f"book/{name}": book.page(title, body).encode() for name, (title, body) in pages.items()}
    files["mimetype"] = MEDIA_TYPE.encode()  # first and as it is: a reader knows the file by its first bytes
    data = archive.pack(files, first="mimetype", stored=True)
    advance(1.0, "packed")
    return Exported(data, MEDIA_TYPE, f"{len(data)} bytes of EPUB 3, {len(course.chapters)} chapters")


class _Book:
    """Writes the pages of one course."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.write = html.Writer(language_of(course))
        self.words = self.write.words

    def page(self, title: str, body: str) -> str:
        """Give a whole page."""
        lang = self.write.lang
        return _PAGE.format(
            lang=lang,
            direction=language.direction(lang),
            title=self.write.short(title) or self.write.said("untitled"),
            body=body,
        )

    def package(self, pages: list[str]) -> str:
        """Give the package document: what the book is, and its pages in order."""
        course, lang = self.course, self.write.lang
        items = [
            '    <item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
            '    <item id="style" href="style.css" media-type="text/css"/>',
            *(
                f'    <item id="{name.removesuffix(".xhtml")}" href="{name}" media-type="application/xhtml+xml"/>'
                for name in pages
            ),
        ]
        order = [pages[0].removesuffix(".xhtml"), "nav", *(name.removesuffix(".xhtml") for name in pages[1:])]
        subject = course.course.subject_domain
        return _PACKAGE.format(
            lang=lang,
            identifier=f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'https://coursegen.dev/courses/{course.course_id}')}",
            title=html.text(without_marks(course.course.title)).strip() or self.write.said("untitled"),
            described=f"    <dc:subject>{html.text(subject)}</dc:subject>" if subject and subject.strip() else "",
            modified=_MODIFIED,
            items="\n".join(items),
            spine="\n".join(f'    <itemref idref="{name}"/>' for name in order),
            direction=language.direction(lang),
        )

    def contents(self, pages: dict[str, tuple[str, str]]) -> str:
        """Give the navigation document's list."""
        items = "".join(
            f'<li><a href="{name}">{self.write.short(title) or self.write.said("untitled")}</a></li>'
            for name, (title, _) in pages.items()
        )
        title = f"<h1 {self.write.ours}>{self.write.said('contents')}</h1>"
        return f'<nav epub:type="toc" id="toc">{title}<ol>{items}</ol></nav>'

    def title_page(self) -> str:
        """Give title, facts, objectives and who wrote it."""
        course, write = self.course, self.write
        title = course.course.title
        facts = "".join(f"<p {write.ours}>{html.text(fact)}</p>" for fact in course_facts(course, self.words))
        items = "".join(f"<li{write.mark(o.text)}>{html.inline(o.text)}</li>" for o in course.objectives)
        goals = f"<h2 {write.ours}>{write.said('objectives')}</h2><ul>{items}</ul>" if items else ""
        return f"<h1{write.mark(title)}>{html.inline(title)}</h1>{facts}{goals}{write.notes(course)}"

    def chapter(self, chapter: Chapter) -> str:
        """Give a chapter without its answers."""
        write, name = self.write, f"chapter-{chapter.index}"
        sections = "\n".join(
            write.section(section.model_copy(update={"solution": None}), f"{name}-{n}")
            for n, section in enumerate(chapter.sections, start=1)
        )
        questions = "\n".join(write.asked(q, f"{chapter.index}.{n}") for n, q in enumerate(chapter.questions, start=1))
        quiz = f"<section><h2 {write.ours}>{write.said('questions')}</h2>{questions}</section>" if questions else ""
        return (
            f"<h1{write.mark(chapter.title)}>{chapter.index} {html.inline(chapter.title)}</h1>"
            f'<p class="facts" {write.ours}>{html.text(chapter_facts(chapter, self.words))}</p>{sections}{quiz}'
        )

    def answers(self) -> str:
        """Give the answers and model solutions; nothing where there are none."""
        parts = [part for chapter in self.course.chapters if (part := self._answers_of(chapter))]
        return f"<h1 {self.write.ours}>{self.write.said('answers')}</h1>{''.join(parts)}" if parts else ""

    def _answers_of(self, chapter: Chapter) -> str:
        solutions = "".join(
            f"<h3{self.write.mark(s.title)}>{html.inline(s.title)}</h3>{self.write.blocks(s.solution)}"
            for s in chapter.sections
            if s.solution
        )
        answers = "".join(
            self.write.answer(question, f"{chapter.index}.{n}") for n, question in enumerate(chapter.questions, start=1)
        )
        if not solutions and not answers:
            return ""
        return (
            f"<h2{self.write.mark(chapter.title)}>{chapter.index} {html.inline(chapter.title)}</h2>{solutions}{answers}"
        )
