"""A downloaded file is what status says, whole or not there at all. The store is a folder; S3 is met in tests/e2e."""

import hashlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from coursegen import store
from coursegen.errors import CoursegenError, NotFoundError
from coursegen_api.base import Artifact

from .things import UID

KEY = f"{UID}/export/a.pdf"


def artifact(content: bytes, key: str = KEY) -> Artifact:
    digest = hashlib.sha256(content).hexdigest()
    return Artifact(key=key, sha256=digest, bytes=len(content), media_type="application/pdf")


@pytest.fixture
def known(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "store" / UID / "export").mkdir(parents=True)
    (tmp_path / "store" / KEY).write_bytes(b"%PDF")
    return {"COURSEGEN_STORE_URL": f"file://{tmp_path}/store"}


def test_a_file_is_saved_in_a_folder_that_is_made(known: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "out" / "a.pdf"
    with store.opened(known, []) as opened:
        assert store.answers(opened, UID) == ""
        store.save(opened, artifact(b"%PDF"), path)
    assert path.read_bytes() == b"%PDF"
    assert [p.name for p in path.parent.iterdir()] == ["a.pdf"]


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        (artifact(b"something else"), CoursegenError, "SHA-256 differs"),
        (artifact(b"%PDF", f"{UID}/export/b.pdf"), NotFoundError, "The store has no"),
    ],
)
def test_what_is_not_what_status_says_is_not_written(
    known: dict[str, str], tmp_path: Path, wanted: Artifact, error: type[Exception], words: str
) -> None:
    path = tmp_path / "out" / "a.pdf"
    with store.opened(known, []) as opened, pytest.raises(error, match=words):
        store.save(opened, wanted, path)
    assert not path.exists()


@pytest.mark.parametrize("url", [None, "gs://c", "az://c"])
def test_a_url_that_no_worker_takes_is_said(url: str | None) -> None:
    known = {"COURSEGEN_STORE_URL": url} if url else {}
    with pytest.raises(CoursegenError, match="it has to begin with s3://"), store.opened(known, []):
        pass


def test_settings_that_are_for_other_programs_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has AWS' own tools has such variables; workers pass them over as well."""
    for name, value in {"AWS_PROFILE": "me", "AWS_PAGER": "", "AWS_REGION": "eu-central-1"}.items():
        monkeypatch.setenv(name, value)
    known = store.credentials(None, "courses", "s3://c")  # type: ignore[arg-type]  # the caller's own: nobody is asked
    with store.opened(known, []) as opened:
        assert opened.config == {"bucket": "c", "region": "eu-central-1"}  # type: ignore[union-attr]


def test_settings_that_make_no_sense_are_said() -> None:
    known = {"COURSEGEN_STORE_URL": "s3://c", "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "perhaps"}
    with pytest.raises(CoursegenError, match="AWS_"), store.opened(known, []):
        pass


def test_a_store_without_a_way_is_said() -> None:
    inside = {"COURSEGEN_STORE_URL": "s3://c", "AWS_ENDPOINT_URL": "http://s3.coursegen-system.svc:7070"}
    with pytest.raises(CoursegenError, match="no kubectl on the PATH"), store.opened(inside, ["no-such-kubectl"]):
        pass
    with store.tunnel("s3.example.com", 443, []) as reached:
        assert reached == ("s3.example.com", 443)


class Forwarded(BaseHTTPRequestHandler):
    """Stands in for a store behind a forwarded port."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def test_a_store_in_the_cluster_is_asked_past_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "example.com")  # put back afterwards
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with HTTPServer(("127.0.0.1", 0), Forwarded) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        kubectl = tmp_path / "kubectl"
        kubectl.write_text(
            f"#!/bin/sh\necho Warning >&2\necho Forwarding from 127.0.0.1:{server.server_port}\nexec sleep 60\n"
        )
        kubectl.chmod(0o755)
        known = {"COURSEGEN_STORE_URL": "s3://c", "AWS_ENDPOINT_URL": "http://s3.coursegen-system.svc:7070"}
        known |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
        with store.opened(known, [str(kubectl)]) as opened:
            assert store.answers(opened, UID) == ""
        server.shutdown()


def test_a_way_into_the_cluster_that_is_none_is_said_in_kubectls_words(tmp_path: Path) -> None:
    (tmp_path / "kubectl").write_text("#!/bin/sh\necho Warning\necho 'error: no such pod' >&2\nexit 1\n")
    (tmp_path / "kubectl").chmod(0o755)
    refused = pytest.raises(CoursegenError, match=r"(?s)could not be reached by kubectl port-forward: .*no such pod")
    with refused, store.tunnel("s3.coursegen-system.svc", 7070, [str(tmp_path / "kubectl")]):
        pass
