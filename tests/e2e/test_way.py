"""The ways that work takes when all is well."""

import hashlib
import io
import json
import zipfile

import jsonschema
import yaml
from pypdf import PdfReader

from coursegen_api import names
from coursegen_api.base import ScormVersion
from coursegen_worker.exporters import json_export
from coursegen_worker.exporters.scorm import check
from coursegen_worker.exporters.scorm.editions import EDITIONS
from coursegen_worker.quality import embedding

from .scene import SECONDS, Scene, chapter, condition, course, outcomes
from .system import ROOT

EXAMPLES = ROOT / "examples"


def test_the_example_course_is_generated_and_its_files_are_about_it(scene: Scene) -> None:
    scene.kubectl("apply", "-f", str(EXAMPLES / "python-programming.yaml"))
    running = scene.until("CourseGeneration", "course-123", lambda s: s.get("chapters", {}).get("running"))
    for number in range(1, running["chapters"]["total"] + 1):
        scene.until("ChapterGeneration", f"course-123-chapter-{number:02d}", lambda s: s.get("phase"))
    seen = scene.kubectl("get", "coursegen,chaptergen,genqueue")
    scene.kubectl("wait", "--for=condition=Succeeded", "coursegeneration/course-123", f"--timeout={SECONDS}s")

    status = scene.until_ended("course-123")  # our own watch may hear of it after kubectl's
    assert (status["phase"], status["stage"], status["progressPercentage"]) == ("Succeeded", "Done", 100)
    assert condition(status, "Finished") == ("True", "Succeeded")
    assert condition(status, "QualityPassed")[0] == "True"
    assert (status["retryCount"], status.get("errorDetails")) == (0, None)
    assert scene.phases("CourseGeneration", "course-123")[-2:] == ["Running", "Succeeded"]
    scene.until_event("course-123", "CourseSucceeded")
    spec = yaml.safe_load((EXAMPLES / "python-programming.yaml").read_text())["spec"]
    exports = {e["format"]: e["artifact"] for e in status["exports"]}
    pdf, scorm, document = scene.system.fetch([exports[f]["key"] for f in ("pdf", "scorm", "json")])
    for name, content in (("pdf", pdf), ("scorm", scorm), ("json", document)):
        assert hashlib.sha256(content).hexdigest() == exports[name]["sha256"]
        assert len(content) == exports[name]["bytes"]
    _is_the_course_as_pdf(pdf, spec)
    _is_the_course_as_scorm(scorm, spec)
    _is_the_course_as_json(document, spec, status["chapters"]["total"])
    _reads_well(seen, status["chapters"]["total"])


def _is_the_course_as_pdf(content: bytes, spec: dict) -> None:
    reader = PdfReader(io.BytesIO(content))
    text = "\n".join(page.extract_text() for page in reader.pages)
    assert len(reader.pages) > 10
    assert reader.metadata
    assert reader.metadata.title == spec["title"]
    for words in (spec["title"], *spec["learningObjectives"]):
        assert words in text


def _is_the_course_as_scorm(content: bytes, spec: dict) -> None:
    assert not check.faults(content, EDITIONS[ScormVersion.V1_2])
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert spec["title"] in package.read("imsmanifest.xml").decode()


def _is_the_course_as_json(content: bytes, spec: dict, chapters: int) -> None:
    document = json.loads(content)
    jsonschema.validate(document, json_export.schema())
    assert (document["name"], document["about"], document["teaches"]) == (
        spec["title"],
        spec["subjectDomain"],
        spec["learningObjectives"],
    )
    assert [c["position"] for c in document["hasPart"]] == list(range(1, chapters + 1))
    assert all("Python" in json.dumps(c) for c in document["hasPart"])
    assert [c["usage"]["costMicroUSD"] for c in document["hasPart"]] == [0] * chapters


def _reads_well(printed: str, chapters: int) -> None:
    """A line for the course, one a chapter and one a queue, each of which says what it is doing."""
    tables = [[line.split() for line in table.splitlines()] for table in printed.strip().split("\n\n")]
    courses, parts, queues = tables
    assert courses[0] == ["NAME", "PHASE", "PROGRESS%", "STAGE", "CHAPTERS", "WAITING", "ERROR", "AGE"]
    assert courses[1][:2] == ["coursegeneration.coursegen.dev/course-123", "Running"]
    assert (courses[1][3], courses[1][4].partition("/")[2]) == ("Chapters", str(chapters))
    assert parts[0] == ["NAME", "PHASE", "PROGRESS%", "STAGE", "WAITING", "RETRIES", "ERROR", "AGE"]
    assert len(parts) == 1 + chapters
    assert {words[1] for words in parts[1:]} <= {"Pending", "Running", "Succeeded", "Held"}
    assert queues[0] == ["NAME", "PRIORITY", "CAPACITY", "ACTIVE", "PENDING", "OLDEST", "CIRCUIT", "AGE"]
    assert {(words[0].partition("/")[2], words[1]) for words in queues[1:]} >= {
        (name, str(priority)) for name, priority in names.QUEUE_PRIORITIES.items()
    }


def test_a_chapter_a_validation_and_an_export_stand_alone(scene: Scene) -> None:
    scene.kubectl("apply", "-f", str(EXAMPLES / "single-chapter.yaml"), "-f", str(EXAMPLES / "own-text.yaml"))
    scene.create("QualityValidation", "of-chapter", {"chapterName": "loops"})
    scene.create("CourseExport", "of-chapter", {"chapterName": "loops", "format": "json"})
    held = scene.until_was("CourseExport", "of-chapter", lambda s: s.get("holdReason"))
    assert held["holdReason"] == "DependencyPending"

    made = scene.until_ended("loops", "ChapterGeneration")
    assert (made["phase"], outcomes(made)) == ("Succeeded", ["Succeeded"])
    scene.create("CourseExport", "by-key", {"artifactKey": made["artifact"]["key"], "format": "scorm"})
    ends = {
        (kind, name): scene.until_ended(name, kind)
        for kind, name in (
            ("QualityValidation", "of-chapter"),
            ("QualityValidation", "my-text"),
            ("CourseExport", "of-chapter"),
            ("CourseExport", "by-key"),
            ("CourseExport", "my-text-pdf"),
        )
    }
    assert {k: s["phase"] for k, s in ends.items()} == dict.fromkeys(ends, "Succeeded")
    assert condition(ends["QualityValidation", "of-chapter"], "QualityPassed")[0] == "True"
    assert ends["QualityValidation", "my-text"]["quality"]["alignmentMethod"] == embedding.NAME
    [report] = scene.system.fetch([ends["QualityValidation", "my-text"]["artifact"]["key"]])
    assert json.loads(report)["methods"]["alignment"] == embedding.NAME
    ran = {p["spec"]["containers"][0]["image"] for p in scene.pods() if p["metadata"]["name"].startswith("of-chapter")}
    images = scene.system.images
    assert ran == {images[name].reference for name in ("coursegen/worker", "coursegen/worker-quality")}
    exported, package, pdf = scene.system.fetch(
        [ends["CourseExport", n]["artifact"]["key"] for n in ("of-chapter", "by-key", "my-text-pdf")]
    )
    assert json.loads(exported)["hasPart"][0]["name"] == "Loops"
    assert not check.faults(package, EDITIONS[ScormVersion.V1_2])
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]
    assert "A loop runs the same lines again" in "".join(pages)
    scene.until_event("loops", "ChapterSucceeded")


def test_a_finished_course_is_validated_and_exported_by_name(scene: Scene) -> None:
    scene.create("CourseExport", "later", {"courseName": "c", "format": "json"})
    scene.create("QualityValidation", "later", {"courseName": "c"})
    assert condition(scene.until("CourseExport", "later", lambda s: s.get("holdReason")), "Stalled") == (
        "True",
        "Misconfigured",
    )
    scorm = {"format": "scorm", "scorm": {"version": "scorm-2004-4th", "packaging": "PerChapter"}}
    formats = ("epub", "qti", "markdown", "html", "cmi5")
    scene.create("CourseGeneration", "c", course(exports=[scorm, *({"format": name} for name in formats)]))
    for kind in ("CourseExport", "QualityValidation"):
        assert scene.until_ended("later", kind)["phase"] == "Succeeded"
    made = {e["format"]: e["artifact"]["key"] for e in scene.until_ended("c")["exports"]}
    files = dict(zip(made, scene.system.fetch(list(made.values())), strict=True))
    assert not check.faults(files["scorm"], EDITIONS[ScormVersion.V2004_4TH])
    for form, first in (("epub", "mimetype"), ("qti", "imsmanifest.xml"), ("cmi5", "cmi5.xml")):
        with zipfile.ZipFile(io.BytesIO(files[form])) as package:
            assert package.namelist()[0] == first
    title = course()["title"]
    assert files["markdown"].decode().startswith(f"# {title}\n")
    assert f"<title>{title}</title>" in files["html"].decode()
    assert scene.status("CourseGeneration", "c")["phase"] == "Succeeded"


def test_a_chapter_made_anew_gets_the_course_new_exports(scene: Scene) -> None:
    scene.create("CourseGeneration", "c", course(exports=[{"format": "json"}]))
    first = scene.until_ended("c")
    before = scene.status("ChapterGeneration", "c-chapter-02")["artifact"]["key"]
    wish = {"requestId": "simplify-1", "feedback": "Content too advanced for beginners", "focusArea": "simplification"}
    scene.change("ChapterGeneration", "c-chapter-02", spec={"regeneration": wish})
    scene.until("CourseGeneration", "c", lambda s: s["revision"] == 1)
    second = scene.until_ended("c")

    assert second["phase"] == "Succeeded"
    assert scene.status("ChapterGeneration", "c-chapter-02")["revision"] == 1
    assert scene.status("ChapterGeneration", "c-chapter-02")["artifact"]["key"] != before
    assert scene.status("ChapterGeneration", "c-chapter-01")["revision"] == 0
    assert second["exports"][0]["artifact"]["sha256"] != first["exports"][0]["artifact"]["sha256"]
    [document] = scene.system.fetch([second["exports"][0]["artifact"]["key"]])
    parts = json.loads(document)["hasPart"]
    assert [len(p["revisions"]) for p in parts] == [0, 1]
    assert scene.system.recorder.until(
        lambda: len(scene.names("CourseExport")) == 1, SECONDS, lambda: f"exports: {scene.names('CourseExport')}"
    )


def test_a_course_that_is_deleted_and_applied_again_is_not_written_again(scene: Scene) -> None:
    """As a GitOps tool does it after a mistake, or on a new cluster with the old store.

    A file in JSON would differ: it says what the course has cost.
    """
    spec = course(exports=[{"format": "markdown"}])
    manifest = {"apiVersion": names.API_VERSION, "kind": "CourseGeneration", "metadata": {"name": "c"}, "spec": spec}
    runs = []
    for _ in range(2):
        scene.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(manifest))
        ended = scene.until_ended("c")
        assert scene.kubectl("diff", "-f", "-", stdin=yaml.safe_dump(manifest)) == ""
        runs.append((ended, [scene.status("ChapterGeneration", n) for n in scene.names("ChapterGeneration")]))
        scene.delete("CourseGeneration", "c")
        scene.until_gone("CourseGeneration", "ChapterGeneration", "CourseExport", "Job", "Pod")
    (first, written), (second, found) = runs
    assert (first["phase"], second["phase"], len(written)) == ("Succeeded", "Succeeded", 2)
    assert [c["artifact"] for c in found] == [c["artifact"] for c in written]
    assert [c["usage"].get("cached", False) for c in written + found] == [False, False, True, True]
    spent = {k: v for k, v in second["usage"].items() if k != "cached" and v}
    assert not spent, spent
    assert second["exports"][0]["artifact"] == first["exports"][0]["artifact"]


def test_suspend_starts_nothing_new_and_resume_goes_on(scene: Scene) -> None:
    scene.create("CourseGeneration", "c", course(suspend=True))
    status = scene.until("CourseGeneration", "c", lambda s: s.get("phase") == "Suspended")
    assert (status["holdReason"], scene.jobs()) == ("Suspended", [])
    scene.change("CourseGeneration", "c", spec={"suspend": False})
    scene.until("ChapterGeneration", "c-chapter-01", lambda s: s.get("attempts"))
    scene.change("CourseGeneration", "c", spec={"suspend": True})
    scene.until(
        "CourseGeneration", "c", lambda s: s.get("chapters", {}).get("running") == 0 or s["phase"] == "Succeeded"
    )
    scene.change("CourseGeneration", "c", spec={"suspend": False})
    assert scene.until_ended("c")["phase"] == "Succeeded"


def test_cancel_stops_what_runs_and_retry_goes_on_with_it(scene: Scene) -> None:
    scene.create("ChapterGeneration", "slow", chapter(queueName="slow"))
    scene.until_pod_runs("slow")
    scene.annotate("ChapterGeneration", "slow", names.ANNOTATION_CANCEL, "enough")
    status = scene.until_ended("slow", "ChapterGeneration")
    assert (status["phase"], status["requests"]["cancel"], outcomes(status)) == ("Cancelled", "enough", ["Cancelled"])
    assert condition(status, "Succeeded")[0] == "False"
    scene.until_gone("Job", "Pod")
    scene.until_event("slow", "ChapterCancelled")

    scene.change("ChapterGeneration", "slow", spec={"queueName": "chapter-generation"})
    scene.annotate("ChapterGeneration", "slow", names.ANNOTATION_RETRY, "again")
    status = scene.until("ChapterGeneration", "slow", lambda s: s["revision"] == 1 and s["phase"] == "Succeeded")
    assert (status["requests"]["retry"], outcomes(status)) == ("again", ["Succeeded"])


def test_a_clean_up_keeps_what_is_in_use_and_what_is_young(scene: Scene) -> None:
    scene.create("ChapterGeneration", "c", chapter())
    key = scene.until_ended("c", "ChapterGeneration")["artifact"]["key"]
    scene.create("ArtifactCleanup", "artifacts", {})
    status = scene.until_ended("artifacts", "ArtifactCleanup")
    assert (status["phase"], outcomes(status)) == ("Succeeded", ["Succeeded"])
    assert status["cleanup"] == {"removed": 0, "removedBytes": 0, "kept": 1, "complete": True}
    content, told = scene.system.fetch([key, status["artifact"]["key"]])
    assert content
    assert json.loads(told)["removed"] == []
