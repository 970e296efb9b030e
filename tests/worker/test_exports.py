"""The files: valid by their own schemas, the same bytes each time, about this course only, opened by real readers."""

import hashlib
import json
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import foreign_courses
import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from pypdf import PdfReader
from worker_support import BIOLOGY, DEMO, as_course, compose, ignore

from coursegen_api.base import ExportFormat, FailureClass, ScormVersion, Usage
from coursegen_worker.documents import Chapter, Course
from coursegen_worker.exporters import Wanted, export
from coursegen_worker.exporters.scorm import check
from coursegen_worker.exporters.scorm.editions import EDITIONS
from coursegen_worker.failures import TaskFailedError

FORMATS = list(ExportFormat)
WITH_TEXT = [form for form in FORMATS if form is not ExportFormat.QTI]
"""Those that are more than questions."""
PAGES = (ExportFormat.SCORM, ExportFormat.CMI5)
"""Those that run scripts."""
SCORM_1_2 = EDITIONS[ScormVersion.V1_2]
HOSTILE = [
    '#import "evil": * #read("/etc/passwd") $x^2$ <label> @ref *bold* _it_ `code',
    "<script>alert(1)</script> </script><!-- & &amp; ]]> \"quoted\" 'single'",
    r"\input{/etc/passwd} $\frac{1}{2}$ \end{document} %comment",
    "مقدمة في البرمجة \u202eevil\u202c",
    "入門 Python 🐍👩‍🏫 — ℕ ∑",
    "W" * 200,
    "= Heading  == Sub  - item  + item  / term: x  // comment /* */",
]


@pytest.fixture(scope="module")
def demo() -> Course:
    outline, chapters = compose(*DEMO)
    return as_course(outline, chapters)


def small(title: str) -> Course:
    course = BIOLOGY.model_copy(update={"title": title})
    outline, chapters = compose(course, [f"Explain {title}"[:300]], count=1)
    return as_course(outline, chapters)


def data(course: Course, form: ExportFormat, assessments: bool = True) -> bytes:
    return export(course, Wanted(form, assessments), ignore).data


def text_of(file: bytes, form: ExportFormat) -> str:
    if form is ExportFormat.PDF:
        return "\n".join(page.extract_text() for page in PdfReader(BytesIO(file)).pages)
    if form in (ExportFormat.SCORM, ExportFormat.EPUB, ExportFormat.QTI, ExportFormat.CMI5):
        with zipfile.ZipFile(BytesIO(file)) as archive:
            return "\n".join(archive.read(name).decode() for name in archive.namelist())
    return file.decode()


# ---- every format -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_course_gives_the_same_bytes(demo: Course, form: ExportFormat) -> None:
    assert data(demo, form) == data(demo, form)


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_is_about_its_course_and_says_who_wrote_it(demo: Course, form: ExportFormat) -> None:
    text = re.sub(r"\s+", " ", text_of(data(demo, form), form))
    for wanted in ("Python Programming", "Learn Python basics", "Build applications", "No language model wrote this"):
        assert wanted in text
    for chapter in demo.chapters:
        assert chapter.title in text


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (ExportFormat.PDF, "7. A variable"),
        (ExportFormat.MARKDOWN, "\n7. A variable"),
        (ExportFormat.HTML, '<ol start="7"><li>A variable'),
        (ExportFormat.EPUB, '<ol start="7"><li>A variable'),
        (ExportFormat.SCORM, '<ol start="7"><li>A variable'),
        (ExportFormat.CMI5, '<ol start="7"><li>A variable'),
        (ExportFormat.JSON, '"start": 7'),
    ],
)
def test_a_list_that_goes_on_shows_its_number(form: ExportFormat, shown: str) -> None:
    texts = ("Variables", "A variable is a name for a value.", "It can be changed.")
    assert shown in text_of(data(foreign_courses.course(texts), form), form)


@pytest.mark.parametrize("form", [f for f in FORMATS if f not in (ExportFormat.JSON, ExportFormat.MARKDOWN)])
def test_backticks_mark_code_wherever_a_text_stands(form: ExportFormat) -> None:
    texts = ("The loop `for` and `__init__`", "The sign of `a < b` is not a word.", "It can be changed.")
    course = foreign_courses.course(texts)
    course.objectives[0] = course.objectives[0].model_copy(update={"text": "Use `for` loops"})
    shown = text_of(data(course, form), form)
    # What scripts show is looked at in test_scorm.py; they are in no other file.
    shown = re.sub(r"<script.*?</script>|\"use strict\";.*?\n\}\)?[;()]", "", shown, flags=re.DOTALL)
    assert "__init__" in shown
    assert "`" not in shown


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (ExportFormat.PDF, "print(i)"),
        (ExportFormat.MARKDOWN, "**1.1** What is shown?\n\n```python\nfor i in x:\n    print(i)\n```\n\n- A. "),
        (ExportFormat.QTI, "<code>for i in x:<br/>\u00a0\u00a0\u00a0\u00a0print(i)</code>"),
        *((form, '<code dir="ltr" class="block">for i in x:\n    print(i)</code>') for form in PAGES),
        (ExportFormat.HTML, '<code dir="ltr" class="block">for i in x:\n    print(i)</code>'),
        (ExportFormat.EPUB, '<code dir="ltr" class="block">for i in x:\n    print(i)</code>'),
    ],
)
def test_a_question_may_show_lines_of_code(form: ExportFormat, shown: str) -> None:
    course = foreign_courses.course(("Loops", "A loop is a way to do it again.", "It ends."))
    [question] = course.chapters[0].questions
    stem = "What is shown?\n\n```python\nfor i in x:\n    print(i)\n```"
    course.chapters[0].questions[0] = question.model_copy(update={"stem": stem})
    assert shown in (text := text_of(data(course, form), form))
    assert form is ExportFormat.MARKDOWN or "python" not in text.replace("print('", "")


def secrets_of(chapter: Chapter) -> list[str]:
    """Give what must not be in a file without assessments: stems, options, feedback, solutions."""
    found = [q.stem for q in chapter.questions]
    found += [t for q in chapter.questions for o in q.options for t in (o.text, o.feedback) if len(t) > 25]
    found += [b.text for s in chapter.sections for b in s.solution or [] if hasattr(b, "text")]
    return found


@pytest.mark.parametrize("form", WITH_TEXT)
def test_without_assessments_no_byte_of_them_is_there(demo: Course, form: ExportFormat) -> None:
    raw = data(demo, form, assessments=False)
    text = re.sub(r"\s+", " ", text_of(raw, form))
    blocks = [b for c in demo.chapters for s in c.sections for b in s.blocks]
    taught = re.sub(r"[\s`]+", " ", " ".join(getattr(b, "text", "") for b in blocks))
    for chapter in demo.chapters:
        for secret in secrets_of(chapter):
            line = re.sub(r"\s+", " ", secret.replace("`", "")).strip()[:60]
            if line not in taught:  # a right answer may say what the text says
                assert line not in text
    assert not re.search(r'"(answer|feedback|solution|options)"\s*:', text)


def test_questions_alone_without_questions_are_refused(demo: Course) -> None:
    with pytest.raises(TaskFailedError, match="no questions") as refused:
        data(demo, ExportFormat.QTI, assessments=False)
    assert refused.value.failure is FailureClass.INVALID_INPUT


@pytest.mark.parametrize("form", FORMATS)
def test_missing_chapters_are_said(demo: Course, form: ExportFormat) -> None:
    partial_course = demo.model_copy(update={"chapters": demo.chapters[:2], "missing_chapters": [3, 4]})
    text = re.sub(r"\s+", " ", text_of(data(partial_course, form), form))
    wanted = '"missingChapters": [ 3, 4 ]' if form is ExportFormat.JSON else "left out: 3, 4."
    assert wanted in text


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_is_data(form: ExportFormat, title: str) -> None:
    raw = data(small(title), form)
    text = text_of(raw, form)
    assert "root:x:0" not in text
    if form is ExportFormat.SCORM:
        assert check.faults(raw, SCORM_1_2) == []
    if form not in (ExportFormat.PDF, ExportFormat.JSON, ExportFormat.MARKDOWN):
        assert "<script>alert" not in text
    if form is ExportFormat.JSON:
        assert json.loads(raw)["name"] == title


LINE = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=200
).filter(lambda t: bool(t.strip()) and "\ufffe" not in t and "\uffff" not in t)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LINE)
def test_any_title_gives_sound_files(title: str) -> None:
    course = small(title)
    assert data(course, ExportFormat.PDF).startswith(b"%PDF")
    assert check.faults(data(course, ExportFormat.SCORM), SCORM_1_2) == []
    assert json.loads(data(course, ExportFormat.JSON))["name"] == title
    for form in (ExportFormat.QTI, ExportFormat.CMI5):
        with zipfile.ZipFile(BytesIO(data(course, form))) as archive:
            for name in archive.namelist():
                if name.endswith(".xml"):
                    etree.fromstring(archive.read(name))


# ---- PDF ------------------------------------------------------------------------------------------------------


def test_the_pdf_is_tagged_titled_and_paged(demo: Course) -> None:
    exported = export(demo, Wanted(ExportFormat.PDF), ignore)
    reader = PdfReader(BytesIO(exported.data))
    root: Any = reader.trailer["/Root"]
    assert "PDF/UA-1" in exported.note
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"].startswith("en")
    assert reader.metadata is not None
    assert reader.metadata.title == "Python Programming"
    headings = [entry["/Title"] for entry in reader.outline if isinstance(entry, dict)]
    assert [f"{c.index}  {c.title}" for c in demo.chapters] == headings[:-1][-len(demo.chapters) :]
    assert headings[-1] == "Answers and model solutions"


# ---- JSON -----------------------------------------------------------------------------------------------------

TOOLS = Path(__file__).parents[2] / "worker_image/tools"


def published_schema() -> dict[str, Any]:
    path = TOOLS.parent / "src/coursegen_worker/exporters/schema/course.schema.json"
    schema: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return schema


def test_the_published_schema_is_that_of_the_model() -> None:
    import runpy

    made = runpy.run_path(str(TOOLS / "make_schema.py"))["text"]()
    assert json.loads(made) == published_schema(), "run worker_image/tools/make_schema.py"


@pytest.mark.parametrize("assessments", [True, False])
def test_the_json_export_is_valid_by_its_published_schema(demo: Course, assessments: bool) -> None:
    file = json.loads(data(demo, ExportFormat.JSON, assessments))
    jsonschema.Draft202012Validator.check_schema(published_schema())
    jsonschema.validate(file, published_schema(), cls=jsonschema.Draft202012Validator)
    assert file["@context"] == "https://schema.org"
    assert file["generators"][0]["llm"] is False
    assert file["assessmentsIncluded"] is assessments
    assert all(part["quality"]["readability"] > 80 for part in file["hasPart"])


def test_scores_do_not_depend_on_what_is_left_out(demo: Course) -> None:
    with_questions = json.loads(data(demo, ExportFormat.JSON, True))
    without = json.loads(data(demo, ExportFormat.JSON, False))
    assert [p["quality"] for p in with_questions["hasPart"]] == [p["quality"] for p in without["hasPart"]]


def test_hashes_of_the_stored_chapters_are_kept(demo: Course) -> None:
    hashes = {c.index: hashlib.sha256(c.seal()).hexdigest() for c in demo.chapters}
    file = json.loads(data(demo.model_copy(update={"hashes": hashes}), ExportFormat.JSON))
    assert [p["sha256"] for p in file["hasPart"]] == list(hashes.values())


def test_what_the_chapters_have_cost_is_told_as_far_as_it_is_known(demo: Course) -> None:
    paid = Usage(prompt_tokens=1000, completion_tokens=500, cost_micro_usd=75)
    known = {c.index: paid for c in demo.chapters}
    file = json.loads(data(demo.model_copy(update={"usage": known}), ExportFormat.JSON))
    count = len(demo.chapters)
    assert file["usage"] == {
        "promptTokens": 1000 * count,
        "completionTokens": 500 * count,
        "costMicroUSD": 75 * count,
        "cached": False,
    }
    assert file["hasPart"][0]["usage"]["costMicroUSD"] == 75
    partly = json.loads(data(demo.model_copy(update={"usage": {1: paid}}), ExportFormat.JSON))
    assert "usage" not in partly
    assert ["usage" in part for part in partly["hasPart"]] == [True] + [False] * (count - 1)
