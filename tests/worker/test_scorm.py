"""SCORM packages: valid by their schemas, sound by our checker, and taken to the end in a real browser."""

import re
import zipfile
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import foreign_courses
import learning_platform
import pytest
from foreign_courses import ARABIC, ENGLISH, JAPANESE
from lxml import etree
from worker_support import DEMO, as_course, compose, ignore

from coursegen_api.base import Packaging, ScormOptions, ScormVersion
from coursegen_worker.documents import Course
from coursegen_worker.exporters import outside, scorm, without_assessments
from coursegen_worker.exporters.archive import pack
from coursegen_worker.exporters.scorm import MANIFEST, check
from coursegen_worker.exporters.scorm.editions import EDITIONS

VERSIONS = list(ScormVersion)
V1_2, V2004_3RD, V2004_4TH = VERSIONS
SINGLE, PER_CHAPTER = Packaging
LONG = ("A long title " * 800, ENGLISH[1], ENGLISH[2])
HOSTILE = (
    "<script>alert(1)</script> & \"quoted\" 'single' ]]> <!--",
    "</script><!-- `code",
    "{{ 7 * 7 }} $title ${x} \x07",
)


def package(course: Course, version: ScormVersion = V1_2, packaging: Packaging = SINGLE) -> bytes:
    return scorm.export(course, ScormOptions(version=version, packaging=packaging), ignore).data


@cache
def two_chapters() -> Course:
    outline, chapters = compose(DEMO[0], DEMO[1], count=2)
    return as_course(outline, chapters)


# ---- the zip --------------------------------------------------------------------------------------------------

ROOTS = {
    V1_2: ("imscp_rootv1p1p2", "adlcp_rootv1p2"),
    V2004_3RD: ("imscp_v1p1", "adlcp_v1p3", "adlseq_v1p3", "adlnav_v1p3", "imsss_v1p0"),
    V2004_4TH: ("imscp_v1p1", "adlcp_v1p3", "adlseq_v1p3", "adlnav_v1p3", "imsss_v1p0"),
}


def schema_of(folder: Path, version: ScormVersion) -> etree.XMLSchema:
    """Read the schemas that a package brought along, and nothing from the network."""
    parser = etree.XMLParser(no_network=True)
    imports = []
    for root in ROOTS[version]:
        space = etree.parse(folder / f"{root}.xsd", parser).getroot().get("targetNamespace")
        imports.append(f'<xs:import namespace="{space}" schemaLocation="{root}.xsd"/>')
    wrapper = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{"".join(imports)}</xs:schema>'
    return etree.XMLSchema(etree.fromstring(wrapper, parser, base_url=f"{folder}/all.xsd"))


@pytest.mark.parametrize("packaging", Packaging)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_manifest_is_valid_by_the_schemas_in_its_zip(
    version: ScormVersion, packaging: Packaging, tmp_path: Path
) -> None:
    with zipfile.ZipFile(BytesIO(package(two_chapters(), version, packaging))) as archive:
        assert archive.namelist()[0] == MANIFEST
        archive.extractall(tmp_path)
    schema = schema_of(tmp_path, version)
    schema.assertValid(etree.parse(tmp_path / MANIFEST))
    for texts in (ARABIC, LONG, HOSTILE):
        course = foreign_courses.course(texts, ENGLISH, title=texts[0][:200].strip())
        for variant in (course, without_assessments(course)):
            with zipfile.ZipFile(BytesIO(package(variant, version, packaging))) as archive:
                schema.assertValid(etree.fromstring(archive.read(MANIFEST)))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_platform_sees_one_unit_or_one_for_each_chapter(version: ScormVersion) -> None:
    for packaging, pages in ((SINGLE, ["index.html"]), (PER_CHAPTER, ["chapter-001.html", "chapter-002.html"])):
        with zipfile.ZipFile(BytesIO(package(two_chapters(), version, packaging))) as archive:
            root = etree.fromstring(archive.read(MANIFEST))
        assert [r.get("href") for r in root.iter("{*}resource") if r.get("href")] == pages
        assert len(list(root.iter("{*}item"))) == len(pages)


@pytest.mark.parametrize("packaging", Packaging)
@pytest.mark.parametrize("version", VERSIONS)
def test_no_platform_is_asked_to_judge_by_itself(version: ScormVersion, packaging: Packaging, tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(package(two_chapters(), version, packaging))) as archive:
        archive.extractall(tmp_path)
    pages = [page.name for page in tmp_path.glob("*.html")]
    assert {learning_platform.mastery_of(tmp_path, page) for page in pages} == {""}


def test_what_one_unit_could_not_remember_is_divided_and_said_so() -> None:
    course = foreign_courses.course(*[ENGLISH] * 25)
    many = [c.model_copy(update={"questions": c.questions * 180}) for c in course.chapters]
    exported = scorm.export(course.model_copy(update={"chapters": many}), ScormOptions(), ignore)
    assert "25 units, since SCORM 1.2 could not keep so many answers in one" in exported.note
    roomy = scorm.export(course.model_copy(update={"chapters": many}), ScormOptions(version=V2004_4TH), ignore)
    assert roomy.note.endswith("in one unit")


@pytest.mark.parametrize(("questions", "units"), [(4084, "one unit"), (4085, "2 units")])
def test_all_that_a_unit_remembers_fits_into_what_the_platform_keeps(questions: int, units: str) -> None:
    course = foreign_courses.course(ENGLISH, ENGLISH)
    shares = (questions // 2, questions - questions // 2)
    chapters = [
        c.model_copy(update={"questions": c.questions * n}) for c, n in zip(course.chapters, shares, strict=True)
    ]
    exported = scorm.export(course.model_copy(update={"chapters": chapters}), ScormOptions(), ignore)
    assert units in exported.note


def test_a_text_is_never_markup() -> None:
    with zipfile.ZipFile(BytesIO(package(foreign_courses.course(HOSTILE)))) as archive:
        page = archive.read("index.html").decode()
    assert "<script>alert" not in page
    assert page.count("</script>") == 3
    assert "$title ${x}" in page


@pytest.mark.parametrize(("texts", "lang", "direction"), [(ARABIC, "ar", "rtl"), (JAPANESE, "ja", "ltr")])
def test_a_page_says_its_language_and_direction(texts: tuple[str, str, str], lang: str, direction: str) -> None:
    with zipfile.ZipFile(BytesIO(package(foreign_courses.course(texts, ENGLISH, texts)))) as archive:
        page = archive.read("index.html").decode()
    assert f'<html lang="{lang}" dir="{direction}">' in page
    assert '<p lang="en" dir="ltr">In this chapter' in page


# ---- the checker ----------------------------------------------------------------------------------------------


@cache
def files_of(version: ScormVersion) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(package(foreign_courses.course(ENGLISH), version))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("version", [V1_2, V2004_4TH])
@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        (MANIFEST, 'identifierref="sco"', 'identifierref="nowhere"', "leads to no SCO"),
        (MANIFEST, '="sco" href', '="asset" href', "leads to no SCO"),
        (MANIFEST, '="sco" href', '="asset" href', "the first resource with a page is no SCO"),
        (MANIFEST, '<dependency identifierref="shared"', '<dependency identifierref="gone"', "leads nowhere"),
        (MANIFEST, 'default="organization"', 'default="other"', "does not exist"),
        (MANIFEST, '<file href="course.js"/>', "", "course.js is in the zip but not listed"),
        (MANIFEST, 'href="course.css"', 'href="gone.css"', "gone.css is listed but not in the zip"),
        (MANIFEST, 'identifier="item-sco"', 'identifier="sco"', "is there twice"),
        (MANIFEST, 'identifier="item-sco"', 'identifier="1 item"', "not an XML name"),
        (MANIFEST, "<schemaversion>", "<schemaversion>CAM ", "schemaversion"),
        (MANIFEST, "<manifest", "<<manifest", "not XML"),
        ("index.html", "course.css", "https://example.org/course.css", "outside the package"),
        ("course.css", "body {", "@import '//example.org/x.css'; body {", "outside the package"),
    ],
)
def test_the_checker_finds_what_schemas_miss(version: ScormVersion, name: str, old: str, new: str, fault: str) -> None:
    files = dict(files_of(version))
    assert old.encode() in files[name]
    files[name] = files[name].replace(old.encode(), new.encode(), 1)
    assert any(fault in found for found in check.faults(pack(files, MANIFEST), EDITIONS[version]))


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="https://example.org/x.png">',
        "<a href=http://example.org>x</a>",
        "<script src=//example.org/x.js></script>",
        '<img srcset="small.png 1x, https://example.org/large.png 2x">',
        '<img src=" ht\ntps:\\\\example.org/x.png">',
        '<form action="https&#58;//example.org"></form>',
        '<button formaction="//example.org">x</button>',
        '<video poster="https://example.org/x.png"></video>',
        '<object data="https://example.org/x.swf"></object>',
        '<svg><use xlink:href="https://example.org/x.svg#a"/></svg>',
        '<p style="background: url( //example.org/x.png )">x</p>',
        "<style>p { background: url('https://example.org/x.png') }</style>",
        '<style>@import "https://example.org/x.css";</style>',
        "<style>@import url(//example.org/x.css);</style>",
        '<p style="background: image-set(&quot;https://example.org/x.png&quot; 1x)">x</p>',
        '<meta http-equiv="refresh" content="0; url=https://example.org">',
    ],
)
def test_a_page_that_leaves_its_package_is_found(markup: str) -> None:
    assert len(outside.of_page(f"<!doctype html><body><p>x</p>{markup}<p>y</p>")) == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "shown",
    [
        "Write `background: url(https://example.com/sky.png)` into the rule.",
        "Write `<a href=https://example.com>` without quotes.",
        "Use `<script src=//cdn.example.com/x.js>`, or <img src='https://example.com/x.png'>.",
        "</script><style>@import 'https://example.com/x.css'</style> and <a href='//example.com'>x</a>.",
    ],
)
def test_a_lesson_may_show_markup_that_asks_for_the_network(version: ScormVersion, shown: str) -> None:
    course = foreign_courses.course((ENGLISH[0], shown, shown))
    assert check.faults(package(course, version), EDITIONS[version]) == []


@pytest.mark.parametrize("version", VERSIONS)
def test_the_checker_wants_manifest_and_schemas_at_the_root(version: ScormVersion) -> None:
    files = files_of(version)
    assert check.faults(pack(files, MANIFEST), EDITIONS[version]) == []
    moved = {f"folder/{name}": data for name, data in files.items()}
    assert check.faults(pack(moved, MANIFEST), EDITIONS[version]) == [
        "there is no imsmanifest.xml at the root of the zip"
    ]
    without = {name: data for name, data in files.items() if not name.startswith("adlcp")}
    assert any("is missing" in fault for fault in check.faults(pack(without, MANIFEST), EDITIONS[version]))


# ---- in a browser, under a learning platform ---------------------------------------------------------------------


def take(
    tmp_path: Path, course: Course, options: ScormOptions, *sessions: tuple[str, str], window: str = "1200,900"
) -> dict[str, Any]:
    """Take a package in Chromium; whatever it takes, no call may fail and no request leave."""
    unit = tmp_path / "unit"
    with zipfile.ZipFile(BytesIO(package(course, options.version, options.packaging))) as archive:
        archive.extractall(unit)
    runtime = EDITIONS[options.version].runtime
    told = learning_platform.attend(unit, tmp_path / "profile", runtime, sessions, window)
    assert told["mistakes"] == []
    assert told["outside"] == []
    _keeps_to_the_limits(told["calls"], EDITIONS[options.version].max_state)
    return told


def _keeps_to_the_limits(calls: list[list[str]], max_state: int) -> None:
    """Assert what scorm-again lets pass."""
    opened = False
    for name, *values in calls:
        assert opened == (name != "Initialize"), "each session is opened once, first"
        opened = name not in ("Finish", "Terminate")
        if name == "SetValue":
            field, value = values
            limit = {"cmi.suspend_data": max_state}.get(field, 255)
            assert len(value) <= limit, field
            if field.endswith(".id"):
                assert re.fullmatch(r"[A-Za-z0-9-]{1,255}", value), value
    assert not opened, "each session is closed"


def result(version: ScormVersion, end: dict[str, Any]) -> dict[str, Any]:
    """Give what both versions know, under one name."""
    cmi = end["cmi"]
    core = cmi["core"] if version is V1_2 else cmi
    both = {
        "exit": core["exit"],
        "place": core["lesson_location"] if version is V1_2 else core["location"],
        "score": core["score"]["raw"],
        "state": cmi["suspend_data"],
        "objectives": {
            o["id"]: (o.get("status") or o.get("success_status"), o["score"]["raw"]) for o in _list(cmi, "objectives")
        },
        "interactions": [(i["id"], i["result"]) for i in _list(cmi, "interactions")],
    }
    if version is V1_2:
        return both | {"status": core["lesson_status"]}
    return both | {"status": (core["completion_status"], core["success_status"]), "scaled": core["score"]["scaled"]}


def _list(cmi: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [cmi[name][key] for key in sorted(cmi[name], key=int)]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_course_is_left_in_the_middle_resumed_finished_and_read_again(version: ScormVersion, tmp_path: Path) -> None:
    course = two_chapters()
    count = sum(len(c.questions) for c in course.chapters)
    told = take(
        tmp_path,
        course,
        ScormOptions(version=version),
        ("index.html", "await unit.readAll(); unit.answer('1.1', true); unit.answer('1.2', false);"),
        ("index.html", "unit.answerAll(true);"),
        ("index.html", ""),
    )
    left, finished, read = (result(version, end) for end in told["ends"])
    done = "passed" if version is V1_2 else ("completed", "passed")
    assert left["status"] == ("incomplete" if version is V1_2 else ("incomplete", "unknown"))
    assert left["exit"] == "suspend"
    assert left["place"] == "chapter-2"
    assert left["score"] == str(round(100 / count))
    assert left["interactions"] == [
        ("question-1-1", "correct"),
        ("question-1-2", "wrong" if version is V1_2 else "incorrect"),
    ]
    assert told["seen"][1]["place"] == "chapter-2"
    assert (finished["status"], finished["score"]) == (done, "100")
    assert set(finished["objectives"].values()) == {("passed", "100")}
    assert len(finished["objectives"]) == sum(len(c.objectives) for c in course.chapters)
    assert len(finished["interactions"]) == 2 + count
    assert told["seen"][2]["checked"] == count
    assert read == finished
    if version is not V1_2:
        assert finished["scaled"] == "1"


@pytest.mark.parametrize("version", [V1_2, V2004_4TH])
def test_wrong_answers_fail_and_better_ones_pass(version: ScormVersion, tmp_path: Path) -> None:
    sessions = (
        ("index.html", "await unit.readAll(); unit.answerAll(false);"),
        ("index.html", "unit.answerAll(true); unit.answerAll(false);"),
    )
    told = take(tmp_path, two_chapters(), ScormOptions(version=version), *sessions)
    failed, passed = (result(version, end) for end in told["ends"])
    assert (failed["status"], failed["score"]) == ("failed" if version is V1_2 else ("completed", "failed"), "0")
    assert (passed["status"], passed["score"]) == ("passed" if version is V1_2 else ("completed", "passed"), "100")


def test_feedback_shows_code_as_code(tmp_path: Path) -> None:
    course = foreign_courses.course(("Loops", "The sign `a < b` is no word, a lone ` is a sign.", "It is read."))
    steps = "unit.answer('1.1', true); return unit.doc.querySelector('.feedback').innerHTML"
    told = take(tmp_path, course, ScormOptions(), ("index.html", steps))
    assert told["seen"][0]["said"] == '✓ The sign <code dir="ltr">a &lt; b</code> is no word, a lone ` is a sign.'


@pytest.mark.parametrize("version", [V1_2, V2004_4TH])
def test_nobody_is_judged_before_all_is_answered(version: ScormVersion, tmp_path: Path) -> None:
    course = two_chapters()
    sessions = (("index.html", "await unit.readAll();"), ("index.html", "unit.answer('1.1', true);"))
    told = take(tmp_path, course, ScormOptions(version=version), *sessions)
    looked, begun = (result(version, end) for end in told["ends"])
    open_yet = "incomplete" if version is V1_2 else ("incomplete", "unknown")
    assert (looked["status"], looked["score"]) == (open_yet, "")
    share = str(round(100 / sum(len(c.questions) for c in course.chapters)))
    assert (begun["status"], begun["score"]) == (open_yet, share)


@pytest.mark.parametrize("version", [V1_2, V2004_3RD])
def test_a_course_without_questions_is_completed_by_reading(version: ScormVersion, tmp_path: Path) -> None:
    course = without_assessments(two_chapters())
    told = take(tmp_path, course, ScormOptions(version=version), ("index.html", "await unit.readAll();"))
    read = result(version, told["ends"][0])
    assert read["status"] == ("completed" if version is V1_2 else ("completed", "unknown"))
    assert (read["score"], read["interactions"]) == ("", [])


@pytest.mark.parametrize("version", [V1_2, V2004_4TH])
def test_a_chapter_is_a_unit_by_itself(version: ScormVersion, tmp_path: Path) -> None:
    options = ScormOptions(version=version, packaging=PER_CHAPTER)
    told = take(tmp_path, two_chapters(), options, ("chapter-002.html", "unit.answerAll(true);"))
    passed = result(version, told["ends"][0])
    assert passed["status"] == ("passed" if version is V1_2 else ("completed", "passed"))
    assert all(name.startswith("chapter-2-") for name in passed["objectives"])


def asking_more(course: Course) -> Course:
    first, *others = course.chapters
    return course.model_copy(
        update={
            "chapters": [first.model_copy(update={"questions": [others[0].questions[0], *first.questions]}), *others]
        }
    )


def retold(course: Course) -> Course:
    """Give the course with other lessons, and other words for whoever chose wrong."""
    chapters = [
        c.model_copy(
            update={
                "title": f"{c.title} again",
                "questions": [
                    q.model_copy(
                        update={"options": [o.model_copy(update={"feedback": "Look again."}) for o in q.options]}
                    )
                    for q in c.questions
                ],
            }
        )
        for c in course.chapters
    ]
    return course.model_copy(update={"chapters": chapters})


@pytest.mark.parametrize("version", [V1_2, V2004_4TH])
def test_answers_are_taken_over_by_a_package_with_the_same_questions_alone(
    version: ScormVersion, tmp_path: Path
) -> None:
    course = two_chapters()
    for name, again in (("same", retold(course)), ("other", asking_more(course))):
        with zipfile.ZipFile(BytesIO(package(again, version))) as archive:
            archive.extractall(tmp_path / "unit" / name)
    sessions = (
        ("index.html", "await unit.readAll(); unit.answer('1.1', true); unit.answer('1.2', false);"),
        ("same/index.html", ""),
        ("other/index.html", "return unit.doc.querySelectorAll('nav a.seen').length;"),
    )
    told = take(tmp_path, course, ScormOptions(version=version), *sessions)
    left, same, other = (result(version, end) for end in told["ends"])
    assert same["state"] == left["state"]
    assert [seen["checked"] for seen in told["seen"]] == [2, 2, 0]
    assert told["seen"][2]["said"] == 1
    assert other["status"] == left["status"]


def test_what_was_done_is_kept_when_the_page_is_hidden(tmp_path: Path) -> None:
    steps = "unit.answer('1.1', true); await wait(1000); unit.hide();"
    steps += "return (await (await fetch('/record')).json()).at(-1);"
    told = take(tmp_path, two_chapters(), ScormOptions(), ("index.html", steps))
    kept = told["seen"][0]["said"]["cmi"]
    assert "|00|" in kept["suspend_data"]
    assert kept["core"]["session_time"] >= "00:00:01"


@pytest.mark.parametrize(
    ("name", "texts"), [("english", None), ("arabic", (ARABIC, LONG)), ("many", (ENGLISH, ARABIC, JAPANESE))]
)
@pytest.mark.parametrize("window", ["1200,900", "500,800"])
def test_axe_finds_nothing_to_mend_and_nothing_is_wider_than_the_window(
    name: str, texts: tuple[tuple[str, str, str], ...] | None, window: str, tmp_path: Path
) -> None:
    course = foreign_courses.course(*texts) if texts else two_chapters()
    steps = "const first = await unit.judge(); await unit.readAll(); unit.answerAll(false);"
    steps += "return [...first, ...(await unit.judge())];"
    told = take(tmp_path, course, ScormOptions(), ("index.html", steps), window=window)
    assert told["seen"][0]["said"] == []
    assert told["seen"][0]["widest"] == 0
