"""Passwords change and servers move while everything runs: nothing is restarted, and no word is lost for good."""

import asyncio
import itertools
import secrets
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import kopf
import obstore
import pytest
import redis
from obstore.store import S3Store
from servers import SECONDS, S3Server, end, wait_for_port
from tests.ports import free_port
from worker_support import NAMESPACE, PYTHON_COURSE, Worker

from coursegen_api import names
from coursegen_api.task import ChapterTask, OutlineTask
from coursegen_gateway import settings as gateway_settings
from coursegen_gateway.gateway import Gateway
from coursegen_gateway.problems import Problem
from coursegen_gateway.state import CHAPTERS, NAMESPACES
from coursegen_gateway.store import Store
from coursegen_operator import progress
from coursegen_operator.access import Access
from coursegen_worker.progress import Identity, Progress
from demo import overlay
from tests import programs

pytestmark = pytest.mark.usefixtures("patient")

STREAM = names.progress_stream(NAMESPACE)
BEFORE, AFTER = "first-password", "second-password"


@dataclass
class MountedSecret:
    """A Secret as the kubelet mounts it: every version in a folder of its own, and one link that is swapped."""

    folder: Path
    _versions: Iterator[int] = field(default_factory=itertools.count)

    def holds(self, **files: str) -> None:
        """Bring another version, whole or not at all."""
        version = self.folder / f"..{next(self._versions)}"
        version.mkdir(parents=True)
        for name, text in files.items():
            (version / name).write_text(text)
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        link = self.folder / "..data.new"
        link.symlink_to(version.name)
        link.replace(self.folder / "..data")


@dataclass
class RedisWithUsers:
    """A Redis whose users change."""

    port: int
    admin_password: str
    process: "subprocess.Popen[bytes]"

    def url(self, user: str, password: str) -> str:
        return f"redis://{user}:{password}@127.0.0.1:{self.port}/0"

    def admin(self) -> "redis.Redis[bytes]":
        return redis.Redis.from_url(self.url("admin", self.admin_password))

    def set_users(self, **passwords: str) -> None:
        """Give users their only passwords; who is connected by another is thrown out."""
        line = {"operator": overlay.redis_reader, "worker": overlay.redis_worker}
        with self.admin() as admin:
            for user, password in passwords.items():
                rules = line[user](user, password).replace(" +client|setinfo", "").split()[2:]
                admin.execute_command("ACL", "SETUSER", user, "reset", *rules)
                admin.execute_command("CLIENT", "KILL", "USER", user)

    def say(self, uid: str, password: str) -> None:
        """Report as a worker does whose Pod has this password."""
        Progress(self.url("worker", password), STREAM, Identity(uid, 0, 1, "pod")).close(SECONDS)


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[Callable[[], RedisWithUsers]]:
    started: list[RedisWithUsers] = []

    def start() -> RedisWithUsers:
        folder, port, password = tmp_path / f"redis-{len(started)}", free_port(), secrets.token_hex(8)
        folder.mkdir()
        (folder / "redis.conf").write_text(
            f"bind 127.0.0.1\nport {port}\nsave ''\nappendonly no\ndir {folder}\n"
            f"user default off\nuser admin on >{password} ~* &* +@all\n"
        )
        log = folder / "log"
        with log.open("wb") as out:
            argv = [programs.redis_server(), str(folder / "redis.conf")]
            started.append(RedisWithUsers(port, password, subprocess.Popen(argv, stdout=out, stderr=out)))
        wait_for_port(port, started[-1].process, log)
        return started[-1]

    yield start
    for server in started:
        end(server.process)


def operators(folder: Path) -> progress.ProgressReader:
    """Give the reader of an operator that has a Secret mounted."""
    return progress.ProgressReader(progress.Redis(folder=str(folder)), lambda: {"n": NAMESPACE})


def gateways(folder: Path) -> progress.ProgressReader:
    """Give the reader of a gateway that has a Secret mounted, and knows of work in the namespace."""
    config = gateway_settings.load({"COURSEGEN_REDIS_FOLDER": str(folder)})
    gateway = Gateway(config, Access(kopf.ConnectionInfo(server="http://127.0.0.1:1")))
    gateway.state.put(NAMESPACES, {"metadata": {"name": "n", "uid": NAMESPACE, "resourceVersion": "1"}})
    meta = {"name": "c", "namespace": "n", "uid": "u", "resourceVersion": "1"}
    gateway.state.put(CHAPTERS, {"metadata": meta, "spec": {}, "status": {"phase": "Running"}})
    assert gateway.progress
    return gateway.progress


class Heard:
    """What a reader has heard, so that a test can await it."""

    def __init__(self, reader: progress.ProgressReader) -> None:
        self.reader = reader
        self._uids: set[str] = set()
        self._news = asyncio.Event()

    def take(self, message: object, namespace: str) -> None:
        self._uids.add(message.uid)  # type: ignore[attr-defined]
        self._news.set()

    async def until(self, uid: str) -> None:
        async with asyncio.timeout(SECONDS):
            while uid not in self._uids:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def reading(reader: progress.ProgressReader) -> AsyncIterator[Heard]:
    heard = Heard(reader)
    task = asyncio.create_task(heard.reader.run(heard.take))
    try:
        yield heard
        assert not task.done()
    finally:
        task.cancel()


@pytest.fixture
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MountedSecret:
    monkeypatch.setattr(progress, "_RECONNECT_SECONDS", 0.05)
    made = MountedSecret(tmp_path / "secret")
    made.folder.mkdir()
    return made


@pytest.mark.parametrize("reader", [operators, gateways])
@pytest.mark.parametrize("first", ["Redis", "the Secret"])
async def test_a_readers_password_changes_and_it_reads_on(
    first: str,
    reader: Callable[[Path], progress.ProgressReader],
    secret: MountedSecret,
    start_redis: Callable[[], RedisWithUsers],
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = start_redis()
    server.set_users(operator=BEFORE, worker=BEFORE)
    secret.holds(url=server.url("operator", BEFORE))
    async with reading(reader(secret.folder)) as heard:
        server.say("u1", BEFORE)
        await heard.until("u1")
        steps = [
            lambda: server.set_users(operator=AFTER, worker=AFTER),
            lambda: secret.holds(url=server.url("operator", AFTER)),
        ]
        for step in steps if first == "Redis" else reversed(steps):
            step()
        server.say("u2", AFTER)  # the next Job's Pod has the new Secret
        await heard.until("u2")
    assert BEFORE not in caplog.text
    assert AFTER not in caplog.text


async def test_redis_moves_and_the_operator_follows_while_the_old_one_still_answers(
    secret: MountedSecret, start_redis: Callable[[], RedisWithUsers]
) -> None:
    old, new = start_redis(), start_redis()
    for server in (old, new):
        server.set_users(operator="pw", worker="pw")
    secret.holds(url=old.url("operator", "pw"))
    async with reading(operators(secret.folder)) as heard:
        old.say("u1", "pw")
        await heard.until("u1")
        new.say("u2", "pw")  # before the operator is there: it stays in the stream
        secret.holds(url=new.url("operator", "pw"))
        await heard.until("u2")
        old.say("u3", "pw")
        new.say("u4", "pw")
        await heard.until("u4")
        assert heard._uids == {"u1", "u2", "u4"}


async def test_a_secret_that_comes_late_is_found_and_until_then_nothing_is_wrong(
    secret: MountedSecret, start_redis: Callable[[], RedisWithUsers], caplog: pytest.LogCaptureFixture
) -> None:
    server = start_redis()
    server.set_users(operator="pw", worker="pw")
    async with reading(operators(secret.folder)) as heard:
        await asyncio.sleep(0.2)
        assert (heard.reader.configured, caplog.text) == (False, "")
        secret.holds(url=server.url("operator", "pw"))
        server.say("u1", "pw")
        await heard.until("u1")
        assert heard.reader.configured
        secret.holds(url="http://u:hidden@nowhere")
        await asyncio.to_thread(until, lambda: "redis cannot be read" in caplog.text)
        assert "has to begin with redis://" in caplog.text
        assert "hidden" not in caplog.text


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# ---- the store moves ----------------------------------------------------------------------------------------


def test_a_worker_at_the_new_store_finds_what_was_written_at_the_old_one(
    worker: Worker, s3_server: S3Server, tmp_path: Path
) -> None:
    old = Worker(worker.folder, f"{s3_server.url}/{tmp_path.name}", s3_server.environment)
    outline = OutlineTask(
        course_id="c", course=PYTHON_COURSE, learning_objectives=["Learn Python basics"], chapter_count=2
    )
    first = old.run(outline).result
    assert first.artifact
    chapter = ChapterTask(chapter_id="c-1", course=PYTHON_COURSE, index=1, outline_key=first.artifact.key)
    written = old.run(chapter).result
    source, target = s3_server.folder / "tenant-a" / tmp_path.name, Path(worker.store_url.removeprefix("file://"))
    shutil.copytree(source, target, dirs_exist_ok=True)
    moved = worker.run(chapter, attempt=2).result
    assert moved.artifact == written.artifact
    assert moved.usage
    assert moved.usage.cached


# ---- the gateway's store ----------------------------------------------------------------------------------

KEY = f"{NAMESPACE}/chapter/{'a' * 64}.json"


@dataclass
class StoreWithUsers:
    """An S3 server whose accounts change."""

    port: int
    root: tuple[str, str]

    def admin(self, *words: str) -> None:
        account = ["--access", self.root[0], "--secret", self.root[1]]
        at = ["--endpoint-url", f"http://127.0.0.1:{self.port}"]
        subprocess.run([programs.versitygw(), "admin", *account, *at, *words], check=True, capture_output=True)

    def login(self, secret: str) -> dict[str, str]:
        return {names.ENV_STORE_URL: "s3://courses", **programs.s3_environment(self.port, "gateway", secret)}


@pytest.fixture
def store_server(tmp_path: Path) -> Iterator[StoreWithUsers]:
    (tmp_path / "data" / "courses").mkdir(parents=True)
    (tmp_path / "iam").mkdir()
    made = StoreWithUsers(free_port(), ("root", secrets.token_hex(8)))
    log = tmp_path / "s3.log"
    address, account = f"127.0.0.1:{made.port}", ["--access", made.root[0], "--secret", made.root[1]]
    with log.open("wb") as out:
        argv = [
            programs.versitygw(),
            *account,
            "--port",
            address,
            "--iam-dir",
            str(tmp_path / "iam"),
            "--quiet",
            "posix",
            "data",
        ]
        process = subprocess.Popen(argv, cwd=tmp_path, stdout=out, stderr=out)
    wait_for_port(made.port, process, log)
    yield made
    end(process)


async def read(store: Store) -> bytes:
    opened = await store.open(KEY, NAMESPACE)
    return b"".join([piece async for piece in opened.chunks])


async def test_the_gateways_store_credentials_change_and_downloads_go_on(
    tmp_path: Path, store_server: StoreWithUsers
) -> None:
    mounted = MountedSecret(tmp_path / "secret")
    mounted.folder.mkdir()
    store = Store(folder=str(mounted.folder))
    assert not store.is_set
    with pytest.raises(Problem) as refused:
        await read(store)
    assert refused.value.document.status == 503

    store_server.admin("create-user", "--access", "gateway", "--secret", "before", "--role", "admin")
    mounted.holds(**store_server.login("before"))
    root = dict(zip(("access_key_id", "secret_access_key"), store_server.root, strict=True))
    endpoint = {"endpoint": f"http://127.0.0.1:{store_server.port}", "region": "us-east-1"}
    written = S3Store("courses", **endpoint, **root, client_options={"allow_http": True})  # type: ignore[call-overload]
    obstore.put(written, KEY, b"a chapter")
    assert store.is_set
    assert await read(store) == b"a chapter"

    store_server.admin("update-user", "--access", "gateway", "--secret", "after")
    with pytest.raises(Problem) as refused:
        await read(store)
    assert refused.value.document.status == 502
    mounted.holds(**store_server.login("after"))
    assert await read(store) == b"a chapter"
