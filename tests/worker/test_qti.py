"""QTI packages: valid by the schemas of QTI 2.1 and of content packaging, each question with one right answer."""

import zipfile
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path

import foreign_courses
import judges
import pytest
from foreign_courses import ARABIC, ENGLISH, JAPANESE
from lxml import etree
from worker_support import DEMO, as_course, compose, ignore

from coursegen_worker.documents import Chapter, Course, Question
from coursegen_worker.exporters import qti

HOSTILE = ('<script>alert(1)</script> & "quoted" ]]> <!--', "&nbsp; </prompt> `code", "{title} %s \x07 \ufffe")
LONG = ("A long title " * 800, ENGLISH[1], ENGLISH[2])
QTI = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"


@cache
def demo() -> Course:
    outline, chapters = compose(*DEMO)
    return as_course(outline, chapters)


def many() -> Course:
    course = foreign_courses.course(ENGLISH, JAPANESE, ARABIC, HOSTILE, LONG, title="& < > 🐍")
    return course.model_copy(update={"chapters": [*course.chapters, silent(course.chapters[0])]})


def silent(chapter: Chapter) -> Chapter:
    """Give a chapter with a question whose options say nothing to who chooses them."""
    [question] = chapter.questions
    options = [option.model_copy(update={"feedback": " "}) for option in question.options]
    return chapter.model_copy(update={"index": 9, "questions": [question.model_copy(update={"options": options})]})


@cache
def files_of(course: str) -> dict[str, bytes]:
    made = {"demo": demo, "many": many}[course]()
    with zipfile.ZipFile(BytesIO(qti.export(made, ignore).data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> etree.XMLSchema:
    """Read the schema of QTI."""
    return judges.qti_schema(tmp_path_factory.mktemp("schema"))


@pytest.mark.parametrize("course", ["demo", "many"])
def test_every_document_is_valid_by_the_schema_of_qti(course: str, schema: etree.XMLSchema) -> None:
    for name, data in files_of(course).items():
        if name != qti.MANIFEST:
            assert schema.validate(etree.fromstring(data)), (name, schema.error_log)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<prompt>", b"<p>"),
        (b' timeDependent="false"', b""),
        (b'baseType="identifier"', b'baseType="word"'),
        (b"<correctResponse>", b"<correctResponse><b/>"),
        (b' showHide="show"', b""),
    ],
)
def test_the_schema_finds_what_is_broken(old: bytes, new: bytes, schema: etree.XMLSchema) -> None:
    item = files_of("demo")["question-1-1.xml"]
    assert old in item
    broken = item.replace(old, new).replace(b"</prompt>", b"</p>" if new == b"<p>" else b"</prompt>")
    assert not schema.validate(etree.fromstring(broken))


@pytest.mark.parametrize("course", ["demo", "many"])
def test_the_manifest_is_valid_and_names_each_file_once(course: str) -> None:
    files = files_of(course)
    assert next(iter(files)) == qti.MANIFEST
    schemas = Path(str(resources.files("coursegen_worker.exporters.scorm").joinpath("schema/scorm-2004-4th")))
    manifest = etree.fromstring(files[qti.MANIFEST])
    etree.XMLSchema(etree.parse(schemas / "imscp_v1p1.xsd")).assertValid(manifest)
    resource = {r.get("identifier"): r for r in manifest.iter("{*}resource")}
    assert [r.get("href") for r in resource.values()] == [r.find("{*}file").get("href") for r in resource.values()]
    assert {r.get("href") for r in resource.values()} == set(files) - {qti.MANIFEST}
    items = {d.get("identifierref") for d in resource["test"].iter("{*}dependency")}
    assert items == set(resource) - {"test"}
    assert {r.get("type") for name, r in resource.items() if name in items} == {"imsqti_item_xmlv2p1"}
    test = etree.fromstring(files["test.xml"])
    assert {r.get("identifier"): r.get("href") for r in test.iter(f"{QTI}assessmentItemRef")} == {
        name: resource[name].get("href") for name in items
    }


def text_of(element: etree._Element) -> str:
    return "".join(element.itertext())


def asked(course: Course) -> list[tuple[str, Question]]:
    return [(f"question-{c.index}-{n}.xml", q) for c in course.chapters for n, q in enumerate(c.questions, start=1)]


def test_an_item_asks_what_the_course_asks_and_knows_the_answer() -> None:
    files = files_of("demo")
    assert {name for name, _ in asked(demo())} == set(files) - {"test.xml", qti.MANIFEST}
    for name, question in asked(demo()):
        item = etree.fromstring(files[name])
        choices = {c.get("identifier"): text_of(c) for c in item.iter(f"{QTI}simpleChoice")}
        told = {f.get("identifier"): text_of(f) for f in item.iter(f"{QTI}modalFeedback")}
        right = item.findtext(f"{QTI}responseDeclaration/{QTI}correctResponse/{QTI}value")
        plain = [option.text.replace("`", "") for option in question.options]
        assert text_of(next(item.iter(f"{QTI}prompt"))) == question.stem.replace("`", "")
        assert list(choices.values()) == plain
        assert choices[right] == plain[question.answer]
        assert list(told.values()) == [option.feedback.replace("`", "") for option in question.options]
        assert list(told) == list(choices)


def test_questions_without_feedback_are_scored_by_the_template_that_every_platform_knows() -> None:
    item = etree.fromstring(files_of("many")["question-9-1.xml"])
    assert str(item.find(f"{QTI}responseProcessing").get("template")).endswith("/match_correct")
    assert [d.get("identifier") for d in item.iter(f"{QTI}outcomeDeclaration")] == ["SCORE"]


def test_who_takes_the_test_does_not_read_what_is_for_its_authors() -> None:
    views = {r.get("view") for r in etree.fromstring(files_of("demo")["test.xml"]).iter(f"{QTI}rubricBlock")}
    assert views == {"author tutor"}


def test_another_language_is_named() -> None:
    xml_lang = "{http://www.w3.org/XML/1998/namespace}lang"
    assert [etree.fromstring(files_of("many")[f"question-{n}-1.xml"]).get(xml_lang) for n in (1, 2, 3)] == [
        "en",
        "ja",
        "ar",
    ]
