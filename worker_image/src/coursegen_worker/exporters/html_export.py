"""The HTML export: the whole course as one page that stands alone: no script, no other file, no request.

To read in any browser, to print (answers stay closed), or to put on a site. Its style is that of the SCORM page.
"""

from importlib import resources

from coursegen_worker.documents import Chapter, Course, Question
from coursegen_worker.exporters import Exported, html, language, page
from coursegen_worker.exporters.describe import chapter_facts, course_facts, language_of
from coursegen_worker.progress import Advance

MEDIA_TYPE = "text/html"
_PAGE = """\
<!doctype html>
<html lang="{lang}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<a class="skip" href="#main" {ours}>{skip}</a>
<aside><nav aria-label="{contents}"><a class="home" href="#start">{title}</a><ol>{menu}</ol></nav></aside>
<main id="main">
{start}
{chapters}
</main>
</body>
</html>
"""


def export(course: Course, advance: Advance) -> Exported:
    """Write the page."""
    write = html.Writer(language_of(course))
    chapters = []
    for number, chapter in enumerate(course.chapters, start=1):
        chapters.append(_chapter(write, chapter))
        advance(number / len(course.chapters), f"writing chapter {number} of {len(course.chapters)}")
    own = resources.files("coursegen_worker.exporters").joinpath("html_export.css").read_text("utf-8")
    text = _PAGE.format(
        lang=write.lang,
        direction=language.direction(write.lang),
        ours=write.ours,
        skip=write.said("skip"),
        contents=write.said("contents"),
        title=write.short(course.course.title).strip() or write.said("untitled"),
        style=page.static()["course.css"].decode() + own,
        menu="".join(
            f'<li><a href="#chapter-{c.index}"><span class="number">{c.index}</span>'
            f"<span>{write.short(c.title)}</span></a></li>"
            for c in course.chapters
        ),
        start=_start(write, course),
        chapters="\n".join(chapters),
    )
    data = text.encode()
    return Exported(data, MEDIA_TYPE, f"{len(data)} bytes of HTML, {len(course.chapters)} chapters on one page")


def _start(write: html.Writer, course: Course) -> str:
    title = course.course.title
    facts = "".join(f"<li>{html.text(fact)}</li>" for fact in course_facts(course, write.words))
    items = "".join(f"<li>{html.inline(o.text)}</li>" for o in course.objectives)
    spoken = write.mark(" ".join(o.text for o in course.objectives))
    goals = f"<h2 {write.ours}>{write.said('objectives')}</h2><ul{spoken}>{items}</ul>" if items else ""
    told = write.notes(course)
    shown = html.inline(title).strip() or write.said("untitled")
    return (
        f'<header id="start"><h1{write.mark(title)}>{shown}</h1><ul class="facts" {write.ours}>{facts}</ul>'
        f"{goals}{told}</header>"
    )


def _chapter(write: html.Writer, chapter: Chapter) -> str:
    name = f"chapter-{chapter.index}"
    sections = "\n".join(write.section(s, f"{name}-{n}", 3) for n, s in enumerate(chapter.sections, start=1))
    questions = "\n".join(_question(write, q, f"{chapter.index}.{n}") for n, q in enumerate(chapter.questions, start=1))
    quiz = (
        f'<section class="quiz"><h3 {write.ours}>{write.said("questions")}</h3>{questions}</section>'
        if questions
        else ""
    )
    return (
        f'<article id="{name}"><header><p class="facts" {write.ours}>'
        f"{write.said('chapter', number=chapter.index)} · {html.text(chapter_facts(chapter, write.words))}</p>"
        f"<h2{write.mark(chapter.title)}>{html.inline(chapter.title)}</h2></header>{sections}{quiz}</article>"
    )


def _question(write: html.Writer, question: Question, number: str) -> str:
    return (
        f'<div class="question">{write.asked(question, number)}'
        f"<details><summary {write.ours}>{write.said('show_solution')}</summary>"
        f"{write.answer(question, number)}</details></div>"
    )
