"""What the worker's tests stand on: real processes, a real Redis and a real S3 server, all on loopback."""

import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from model_support import Desktop
from scripted_model import ScriptedModel
from servers import SECONDS, RedisServer, S3Server, end, wait_for_port
from tests.ports import free_port
from worker_support import NAMESPACE, Worker

from tests import programs


@pytest.fixture
def store_folder(tmp_path: Path) -> Path:
    """Give a folder that serves as the object store."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def worker(tmp_path: Path, store_folder: Path) -> Worker:
    """Give a worker with a folder as its store, and no Redis."""
    return Worker(tmp_path, store_folder.as_uri())


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    """Start a server that answers as a language model does, or as a test says."""
    server = ScriptedModel()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def desktop(model: ScriptedModel, store_folder: Path) -> Desktop:
    """Give a model writer in this process, over a folder as its store."""
    return Desktop(model, store_folder)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have progress wait for a Redis that is there and slow: what was not said within tenths of a second is lost."""
    monkeypatch.setattr("coursegen_worker.progress.CONNECT_TIMEOUT_SECONDS", SECONDS)
    monkeypatch.setattr("coursegen_worker.progress.REPLY_TIMEOUT_SECONDS", SECONDS)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Start Debian's redis-server on loopback with ACLs."""
    program = programs.redis_server()
    folder = tmp_path_factory.mktemp("redis")
    server = RedisServer(free_port(), secrets.token_urlsafe(12), "p@ss:word/" + secrets.token_hex(4))
    config = folder / "redis.conf"
    config.write_text(
        f"bind 127.0.0.1\nport {server.port}\nrequirepass {server.password}\nsave ''\nappendonly no\ndir {folder}\n"
        f"user tenant on >{server.tenant_password} ~coursegen:progress:{NAMESPACE} +xadd +select\n"
    )
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, str(config)], stdout=out, stderr=out)
    wait_for_port(server.port, process, log)
    yield server
    end(process)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Start versitygw, the S3 server of the local cluster, over a folder; build it where it is not there."""
    folder = tmp_path_factory.mktemp("s3")
    (folder / "data/courses").mkdir(parents=True)
    port, key, secret = free_port(), "test-access", secrets.token_hex(12)
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [programs.versitygw(), "--access", key, "--secret", secret, "--port", f"127.0.0.1:{port}", "posix", "data"],
            cwd=folder,
            stdout=out,
            stderr=out,
        )
    wait_for_port(port, process, log)
    yield S3Server("s3://courses/tenant-a", programs.s3_environment(port, key, secret), folder / "data/courses")
    end(process)
