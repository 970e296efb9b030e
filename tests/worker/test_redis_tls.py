"""A real Redis with TLS and a user for each part: two tenants that do not trust each other, operator and gateway."""

import asyncio
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from servers import SECONDS, end, wait_for_port
from tests.ports import free_port
from worker_support import NAMESPACE, OTHER_NAMESPACE

from coursegen_api import names
from coursegen_operator import progress as operator_progress
from coursegen_worker.progress import Identity, Progress
from demo import overlay
from localcluster import pki
from tests import hostile, programs

pytestmark = pytest.mark.usefixtures("patient")

IDENTITY = Identity("uid-1", 0, 1, "pod-1")
TENANTS = {"a": NAMESPACE, "b": OTHER_NAMESPACE}


@dataclass(frozen=True)
class TlsRedis:
    """A Redis that listens by TLS alone."""

    port: int
    ca: str
    passwords: dict[str, str]

    def url(self, user: str) -> str:
        return f"rediss://{user}:{self.passwords[user]}@127.0.0.1:{self.port}/0"

    def client(self, user: str) -> "redis.Redis[bytes]":
        return redis.Redis.from_url(self.url(user), ssl_ca_data=self.ca)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsRedis]:
    """Start redis-server with a certificate of an authority that no system knows."""
    program = programs.redis_server()
    folder = tmp_path_factory.mktemp("redis-tls")
    pki.ensure(folder, (pki.Leaf("redis", "redis", addresses=("127.0.0.1",)),))
    passwords = {user: secrets.token_hex(8) for user in (*overlay.READERS, *TENANTS)}
    users = "user default off\n" + "".join(overlay.redis_reader(r, passwords[r]) for r in overlay.READERS)
    users += "".join(overlay.redis_worker(t, passwords[t], uid) for t, uid in TENANTS.items())
    (folder / "users.acl").write_text(users.replace(" +client|setinfo", ""))  # a name that Redis has from 7.2 on
    made = TlsRedis(free_port(), (folder / "ca.crt").read_text(), passwords)
    (folder / "redis.conf").write_text(
        f"bind 127.0.0.1\nport 0\ntls-port {made.port}\ntls-auth-clients no\nsave ''\nappendonly no\ndir {folder}\n"
        f"tls-cert-file {folder}/redis.crt\ntls-key-file {folder}/redis.key\ntls-ca-cert-file {folder}/ca.crt\n"
        f"aclfile {folder}/users.acl\n"
    )
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([program, str(folder / "redis.conf")], stdout=out, stderr=out)
    wait_for_port(made.port, process, log)
    yield made
    end(process)


async def read_until(server: TlsRedis, user: str, count: int) -> list[str]:
    """Give the objects that the reader of operator and gateway hears of; TimeoutError if they are fewer."""
    heard: list[str] = []
    enough = asyncio.Event()

    def take(message: object, namespace: str) -> None:
        heard.append(message.uid)  # type: ignore[attr-defined]
        if len(heard) >= count:
            enough.set()

    there = operator_progress.Redis(server.url(user), server.ca)
    reader = operator_progress.ProgressReader(there, lambda: TENANTS)
    task = asyncio.create_task(reader.run(take))
    try:
        await asyncio.wait_for(enough.wait(), SECONDS)
    finally:
        task.cancel()
    return heard


@pytest.mark.parametrize("reader", overlay.READERS)
async def test_workers_meet_operator_and_gateway_by_an_authority_of_your_own(
    server: TlsRedis, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    monkeypatch.setenv(names.ENV_REDIS_CA, server.ca)
    for tenant, uid in TENANTS.items():
        who = Identity(f"object-of-{tenant}", 0, 1, "pod")
        Progress(server.url(tenant), names.progress_stream(uid), who).close(SECONDS)
    assert sorted(set(await read_until(server, reader, 2))) == ["object-of-a", "object-of-b"]


def test_a_server_that_nobody_vouches_for_gets_no_password(
    server: TlsRedis, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(names.ENV_REDIS_CA, raising=False)
    Progress(server.url("a"), names.progress_stream(NAMESPACE), IDENTITY).close(SECONDS)
    log = capfd.readouterr().err
    assert "progress-unavailable" in log
    assert "certificate verify failed" in log.lower()
    assert server.passwords["a"] not in log


def _and_set(log: Callable[..., None], said: asyncio.Event) -> Callable[..., None]:
    """Log as before, and let a test await that it happened."""

    def both(*words: object) -> None:
        log(*words)
        said.set()

    return both


async def test_the_operator_says_that_a_certificate_is_what_is_wrong(
    server: TlsRedis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(operator_progress, "_RECONNECT_SECONDS", 0.01)
    said = asyncio.Event()
    monkeypatch.setattr(operator_progress.log, "warning", _and_set(operator_progress.log.warning, said))
    there = operator_progress.Redis(server.url("operator"))
    reader = operator_progress.ProgressReader(there, lambda: TENANTS)
    task = asyncio.create_task(reader.run(lambda _, __: None))
    await asyncio.wait_for(said.wait(), SECONDS)
    task.cancel()
    assert "certificate" in caplog.text
    assert server.passwords["operator"] not in caplog.text


OWN, OTHERS = names.progress_stream(NAMESPACE), names.progress_stream(OTHER_NAMESPACE)


@pytest.mark.parametrize("what", hostile.REDIS)
def test_a_tenant_may_append_to_its_own_stream_and_do_nothing_else(server: TlsRedis, what: str) -> None:
    client = server.client("a")
    assert client.execute_command("XADD", OWN, "*", "percentage", "1")
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*hostile.REDIS[what](OWN, OTHERS))


@pytest.mark.parametrize("reader", overlay.READERS)
@pytest.mark.parametrize("what", sorted(hostile.REDIS.keys() - {"read another's stream"}))
def test_operator_and_gateway_may_read_every_stream_as_it_goes_on_and_do_nothing_else(
    server: TlsRedis, reader: str, what: str
) -> None:
    client = server.client(reader)
    client.execute_command("XREAD", "STREAMS", OWN, OTHERS, "0", "0")
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*hostile.REDIS[what](OWN, OTHERS))


def test_every_part_has_a_user_and_a_password_of_its_own(tmp_path: Path) -> None:
    overlay.write({"coursegen/worker": "w:1"}, tmp_path, ["courses"])
    acl = [line.split() for line in (tmp_path / "users.acl").read_text().splitlines()][1:]
    assert [line[1] for line in acl] == ["operator", "gateway", "courses"]
    assert len({line[3] for line in acl}) == 3
    kustomization = (tmp_path / "kustomization.yaml").read_text()
    secrets_of = dict(re.findall(r"- name: (coursegen-\w+-redis)\n.*\n  envs: \[(.*)\]", kustomization))
    assert secrets_of == {
        "coursegen-operator-redis": "redis-operator.env",
        "coursegen-gateway-redis": "redis-gateway.env",
    }


def test_nobody_comes_in_without_a_name(server: TlsRedis) -> None:
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis("127.0.0.1", server.port, ssl=True, ssl_ca_data=server.ca, retry=Retry(NoBackoff(), 0)).ping()


def test_a_tenants_user_is_limited_once_its_namespace_is_there_and_stays_so(tmp_path: Path) -> None:
    for _ in range(2):
        overlay.write({"coursegen/worker": "w:1"}, tmp_path, ["courses"])
        login = (tmp_path / "redis-courses.env").read_text()
        overlay.limit(tmp_path, {"courses": NAMESPACE})
    overlay.write({"coursegen/worker": "w:2"}, tmp_path, ["courses"])
    acl = (tmp_path / "users.acl").read_text().splitlines()
    assert [line.split()[1] for line in acl] == ["default", "operator", "gateway", "courses"]
    assert f" ~{names.progress_stream(NAMESPACE)} " in acl[3]
    assert acl[3].split(">")[1].split()[0] in login
