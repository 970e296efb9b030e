"""Content from outside on a real cluster and a real S3 server: over HTTP, from Python, and from whom."""

import hashlib
import socket
import ssl
from collections.abc import Iterator

import pytest

from coursegen import AsyncClient, Client, InputError, RefusedError, UnreachableError
from coursegen.access import Access
from coursegen_api.task import MAX_CONTENT_BYTES
from coursegen_gateway.problems import Problem
from coursegen_gateway.store import Store

from ....e2e.scene import SECONDS, Scene
from ..kubelet import Kubelet
from .conftest import People
from .place import Place

TEXT = b"# Loops\n\nA loop runs again.\n"
PATH = "/api/v1/uploads"
MARKDOWN = {"Content-Type": "text/markdown"}
LARGE = "# Loops\n\n" + "A loop runs again. " * 60_000
"""More than a ConfigMap holds."""


@pytest.fixture
def access(place: Place, scene: Scene, people: People) -> Access:
    """Give an author's way to the API server."""
    trust = ssl.create_default_context(cafile=str(place.system.api.pki / "ca.crt"))
    headers = {"Authorization": f"Bearer {people.author_token}"}
    return Access(place.system.api.server, scene.namespace, trust, lambda: headers)


@pytest.fixture
def address(place: Place) -> str:
    return f"http://127.0.0.1:{place.gateways['gateway'].port}"


@pytest.fixture
def client(access: Access, address: str) -> Iterator[Client]:
    with Client(access=access, gateway=address) as client:
        yield client


def kept(place: Place, scene: Scene) -> list[str]:
    """Name what the namespace has of content from outside."""
    bucket = place.folder / "s3" / "courses"
    return [str(p.relative_to(bucket)) for p in bucket.glob(f"{place.namespace_uid(scene.namespace)}/upload/*")]


def test_content_that_was_sent_is_validated_and_exported_by_its_key(
    place: Place, scene: Scene, kubelet: Kubelet, people: People
) -> None:
    here = {"namespace": scene.namespace}
    answers = [people.author.post(PATH, params=here, headers=MARKDOWN, content=TEXT) for _ in range(2)]
    assert [a.status_code for a in answers] == [201, 201], answers[0].text
    said = answers[0].json()
    assert said == answers[1].json()
    key = f"{place.namespace_uid(scene.namespace)}/upload/{hashlib.sha256(TEXT).hexdigest()}.md"
    assert (said["artifact_key"], said["bytes"], kept(place, scene)) == (key, len(TEXT), [key])
    assert (place.folder / "s3" / "courses" / key).read_bytes() == TEXT
    for path, more in (("validations", {"name": "v"}), ("exports", {"name": "e", "format": "pdf"})):
        made = people.author.post(f"/api/v1/{path}", json=here | more | {"artifact_key": key})
        assert made.status_code == 202, made.text
    for kind, name in (("QualityValidation", "v"), ("CourseExport", "e")):
        assert scene.until_ended(name, kind)["phase"] == "Succeeded"


def test_ten_mebibytes_go_up_and_not_one_byte_more(place: Place, scene: Scene, people: People) -> None:
    here = {"namespace": scene.namespace}
    most = b"x" * MAX_CONTENT_BYTES
    assert people.author.post(PATH, params=here, headers=MARKDOWN, content=most).status_code == 201
    for body in (most + b"x", iter([most, b"x"])):
        answer = people.author.post(PATH, params=here, headers=MARKDOWN, content=body)
        assert (answer.status_code, "at most 10 MiB" in answer.json()["detail"]) == (413, True)
    assert len(kept(place, scene)) == 1


def test_content_is_taken_from_authors_of_the_namespace_alone(place: Place, scene: Scene, people: People) -> None:
    here = {"namespace": scene.namespace}
    reader = place.token(scene.namespace, "reader", cluster_role="coursegen-viewer")
    with place.client(reader) as reads:
        for who, where, status in (
            (people.nobody, here, 401), (people.outsider, here, 403), (reads, here, 403),
            (people.author, {"namespace": "kube-system"}, 403),
        ):  # fmt: skip
            assert who.post(PATH, params=where, headers=MARKDOWN, content=TEXT).status_code == status
    foreign = MARKDOWN | {"Sec-Fetch-Site": "cross-site"}
    assert people.author.post(PATH, params=here, headers=foreign, content=TEXT).status_code == 403
    assert kept(place, scene) == []


def test_of_content_that_stops_coming_nothing_is_kept(place: Place, scene: Scene, people: People) -> None:
    head = (
        f"POST {PATH}?namespace={scene.namespace} HTTP/1.1\r\nHost: gateway\r\n"
        f"Authorization: Bearer {people.author_token}\r\nContent-Type: text/markdown\r\nContent-Length: 1000\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", place.gateways["gateway"].port)) as line:
        line.sendall(head.encode() + TEXT)
        line.shutdown(socket.SHUT_WR)
        while line.recv(4096):  # until the gateway has hung up
            pass
    assert kept(place, scene) == []


async def test_a_gateway_that_may_only_read_the_store_says_what_it_needs(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**place.s3_environment, "AWS_SECRET_ACCESS_KEY": "wrong"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Problem, match=r"allow that under \*/upload/\*.*into a ConfigMap"):
        await Store("s3://courses").keep(f"{'a' * 36}/upload/{'a' * 64}.md", TEXT)


def test_the_python_client_sends_what_no_config_map_holds(
    place: Place, scene: Scene, kubelet: Kubelet, client: Client
) -> None:
    checked = client.start_quality_validation("v", content=LARGE)
    exported = client.start_course_export("e", "pdf", artifact_key=client.upload(LARGE))
    assert [checked.spec.artifact_key] == kept(place, scene) == [exported.spec.artifact_key]
    document = client.start_quality_validation("d", content={"title": "Loops", "content": "A loop runs again."})
    assert str(document.spec.artifact_key).endswith(".json")
    for name in ("v", "e", "d"):
        assert client.wait(name, timeout_seconds=SECONDS).status.phase == "Succeeded"


async def test_the_async_client_does_the_same(access: Access, address: str, kubelet: Kubelet) -> None:
    async with AsyncClient(access=access, gateway=address) as client:
        made = await client.start_quality_validation("v", content=LARGE)
        assert made.spec.artifact_key == await client.upload(LARGE)
    async with AsyncClient(access=access) as client:
        with pytest.raises(InputError, match="no gateway"):
            await client.upload(LARGE)


def test_a_client_says_why_content_does_not_go_up(
    access: Access, address: str, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = Access(access.server, access.namespace, access.verify, dict)
    elsewhere = access.server.replace("https://", "http://")
    for how, error, words in (
        ({}, InputError, "it can have 921600"),
        ({"gateway": address, "gateway_token": "wrong"}, RefusedError, "not valid"),
        ({"gateway": address, "gateway_token": people.outsider_token}, RefusedError, "may not send content"),
        ({"gateway": address, "access": without}, InputError, "the kubeconfig has none"),
        ({"gateway": "gateway:80"}, InputError, "no address"),
        ({"gateway": "http://127.0.0.1:9"}, UnreachableError, "port-forward"),
        ({"gateway": elsewhere}, UnreachableError, "no gateway"),
    ):
        with pytest.raises(error) as said, Client(**{"access": access, **how}) as client:  # type: ignore[arg-type]
            client.start_quality_validation("v", content=LARGE)
        assert words in f"{said.value} {said.value.hint}", how
    monkeypatch.setenv("COURSEGEN_GATEWAY_URL", address)
    monkeypatch.setenv("COURSEGEN_GATEWAY_TOKEN", people.author_token)
    with Client(access=without) as client:
        assert client.upload(LARGE)
