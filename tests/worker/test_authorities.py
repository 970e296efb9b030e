"""Authorities of one's own: a real S3 server and a model server whose certificates no system knows."""

import os
import secrets
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from model_support import CHAPTER, choice
from scripted_model import ScriptedModel
from servers import end, wait_for_port
from tests.ports import free_port
from worker_support import NAMESPACE, Worker

from coursegen.store import SettingsError, answers, opened
from coursegen_api import authorities, names
from coursegen_api.base import FailureClass
from coursegen_gateway.problems import Problem
from coursegen_gateway.settings import SettingsError as GatewaySettingsError
from coursegen_gateway.settings import load
from coursegen_gateway.store import Store
from localcluster import pki
from tests import programs


@dataclass(frozen=True)
class Ground:
    """Both servers, and what a worker has to know of them."""

    model: ScriptedModel
    ca: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("authorities")
    pki.ensure(folder, (pki.Leaf("server", "server", addresses=("127.0.0.1",)),))
    certificate, key = folder / "server.crt", folder / "server.key"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    model = ScriptedModel(tls=tls)
    model.start()
    (folder / "data" / "courses").mkdir(parents=True)
    port, access, secret = free_port(), "test-access", secrets.token_hex(12)
    served = [programs.versitygw(), "--access", access, "--secret", secret, "--port", f"127.0.0.1:{port}"]
    log = folder / "log"
    with log.open("wb") as out:
        argv = [*served, "--cert", str(certificate), "--key", str(key), "posix", "data"]
        process = subprocess.Popen(argv, cwd=folder, stdout=out, stderr=out)
    wait_for_port(port, process, log)
    environment = programs.s3_environment(port, access, secret) | {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}"}
    del environment["AWS_ALLOW_HTTP"]
    yield Ground(model, (folder / "ca.crt").read_text(), environment)
    end(process)
    model.stop()


@pytest.fixture(autouse=True)
def the_systems_alone() -> Iterator[None]:
    """What this process trusts is its own again afterwards."""
    yield
    authorities.trust("")


def test_a_worker_writes_where_authorities_of_ones_own_vouch_for_store_and_model(
    ground: Ground, tmp_path: Path
) -> None:
    worker = Worker(tmp_path, "s3://courses", ground.environment | {names.ENV_CA: ground.ca})
    ended = worker.run(CHAPTER, writer=choice(ground.model))
    assert ended.code == 0, ended.result
    assert ended.result.artifact is not None
    assert ground.model.asked


@pytest.mark.parametrize(
    ("ca", "said"),
    [
        ("", "its certificate is not trusted (UnknownIssuer): COURSEGEN_CA has to hold its authority"),
        ("/etc/ca.crt", "COURSEGEN_CA in the Secret coursegen-store holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "COURSEGEN_CA in the Secret coursegen-store"),
    ],
)
def test_without_them_the_store_is_not_trusted(ground: Ground, tmp_path: Path, ca: str, said: str) -> None:
    ended = Worker(tmp_path, "s3://courses", ground.environment | {names.ENV_CA: ca}).run(CHAPTER)
    assert ended.result.failure_class is FailureClass.STORAGE_UNAVAILABLE
    assert said in (ended.result.message or "")


def test_the_plugin_reads_such_a_store(ground: Ground) -> None:
    import obstore

    known = ground.environment | {names.ENV_STORE_URL: "s3://courses", names.ENV_CA: ground.ca}
    with opened(known, ["kubectl"]) as store:
        obstore.put(store, f"{NAMESPACE}/chapter/by-plugin", b"x")
        assert bytes(obstore.get(store, f"{NAMESPACE}/chapter/by-plugin").bytes()) == b"x"
    with opened(known | {names.ENV_CA: ""}, ["kubectl"]) as store:
        assert "its certificate is not trusted" in answers(store, NAMESPACE)
    with (
        pytest.raises(SettingsError, match="COURSEGEN_CA of the store holds no certificate"),
        opened(known | {names.ENV_CA: "ca.crt"}, ["kubectl"]),
    ):
        pass


async def test_the_gateway_reads_such_a_store_by_its_mounted_secret(ground: Ground, tmp_path: Path) -> None:
    key = f"{NAMESPACE}/upload/by-gateway"
    for name, value in (ground.environment | {names.ENV_STORE_URL: "s3://courses", names.ENV_CA: ground.ca}).items():
        (tmp_path / name).write_text(value)
    store = Store(folder=str(tmp_path))
    await store.keep(key, b"kept")
    found = await store.open(key, NAMESPACE)
    assert b"".join([bytes(piece) async for piece in found.chunks]) == b"kept"
    (tmp_path / names.ENV_CA).write_text("nonsense")
    with pytest.raises(Problem) as refused:
        await store.open(key, NAMESPACE)
    assert "COURSEGEN_CA holds no certificate" in str(refused.value.detail)


def test_the_systems_authorities_stay(ground: Ground) -> None:
    given, systems = os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile
    assert systems
    before = ssl.create_default_context().cert_store_stats()["x509_ca"]
    for _ in range(2):
        authorities.trust(ground.ca)
        assert ssl.create_default_context().cert_store_stats()["x509_ca"] == before + 1
        bundle = Path(os.environ["SSL_CERT_FILE"]).read_text()  # rustls reads this file and no other
        assert bundle.strip() == f"{Path(systems).read_text()}\n{ground.ca}".strip()
        authorities.trust("")
        assert os.environ.get("SSL_CERT_FILE") == given


def test_where_the_system_keeps_its_authorities_in_no_file_those_of_certifi_stay(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = ssl.get_default_verify_paths()._replace(cafile=None)
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    authorities._systems.cache_clear()
    try:
        authorities.trust(ground.ca)
        assert Path(os.environ["SSL_CERT_FILE"]).read_text().count("BEGIN CERTIFICATE") > 100
    finally:
        authorities._systems.cache_clear()


async def test_the_gateway_takes_them_from_a_variable_as_well(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ground.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(names.ENV_STORE_URL, "s3://courses")
    monkeypatch.setenv(names.ENV_CA, ground.ca)
    settings = load()
    store = Store(settings.store_url.get_secret_value(), settings.store_folder, settings.ca)
    await store.keep(f"{NAMESPACE}/upload/by-variable", b"kept")
    monkeypatch.setenv(names.ENV_CA, "/etc/ca.crt")
    with pytest.raises(GatewaySettingsError, match="COURSEGEN_CA holds no certificate"):
        load()
