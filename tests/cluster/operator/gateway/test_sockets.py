"""WebSockets on a real cluster and a real Redis: what they say, to whom, and after a break."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from coursegen_gateway.sockets import PROTOCOL, TOKEN_PROTOCOL

from ....e2e.scene import Scene, chapter
from ..kubelet import RUNS, Kubelet
from .conftest import People
from .place import Place
from .test_api import uid, until

Json = dict[str, Any]

_SECONDS = 60


@contextmanager
def socket(place: Place, path: str, token: str = "", **options: Any) -> Iterator[ClientConnection]:
    """Open a WebSocket, with a token unless it has a ticket."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    address = f"ws://127.0.0.1:{place.gateways['gateway'].port}{path}"
    with connect(address, additional_headers=headers, proxy=None, **options) as found:
        yield found


def heard(connection: ClientConnection, holds: Callable[[Json], Any]) -> Json:
    """Give the first message of which something holds."""
    deadline = time.monotonic() + _SECONDS
    while True:
        message: Json = json.loads(connection.recv(timeout=deadline - time.monotonic()))
        if holds(message):
            return message


def close_code(place: Place, path: str, token: str = "", **options: Any) -> int:
    """Give the code that a socket is closed with."""
    with socket(place, path, token, **options) as connection:
        try:
            while True:
                connection.recv(timeout=_SECONDS)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0


@pytest.fixture
def running(scene: Scene, kubelet: Kubelet, people: People) -> str:
    """Give the id of a chapter that runs."""
    kubelet.decide = lambda task: RUNS
    scene.create("ChapterGeneration", "a", chapter())
    scene.until("ChapterGeneration", "a", lambda s: s.get("phase") == "Running")
    task_id = uid(scene, "ChapterGeneration", "a")
    until(scene, lambda: people.author.get(f"/api/v1/tasks/{task_id}").json().get("phase") == "Running")
    return task_id


def test_a_socket_says_the_present_state_then_each_percentage_of_the_worker(
    place: Place, scene: Scene, people: People, running: str
) -> None:
    with socket(place, f"/ws/tasks/{running}", people.author_token) as connection:
        first = json.loads(connection.recv(timeout=_SECONDS))
        assert (first["type"], first["task_id"], first["phase"]) == ("state", running, "Running")
        for percentage in (10, 40, 70):
            place.report(scene, "ChapterGeneration", "a", percentage, f"Step {percentage}")
            state = heard(connection, lambda m, p=percentage: m.get("progress_percentage") == p)
            assert state["stage"] == f"Step {percentage}"
        place.report(scene, "ChapterGeneration", "a", 20)  # a percentage never falls
        assert heard(connection, lambda m: m.get("stage") == "Writing")["progress_percentage"] == 70
    people.author.post(f"/api/v1/tasks/{running}/cancel")
    with socket(place, f"/ws/tasks/{running}", people.author_token) as connection:
        ended = heard(connection, lambda m: m.get("phase") == "Cancelled")
        assert ended["attempts"][-1]["outcome"] == "Cancelled"
        people.author.delete(f"/api/v1/tasks/{running}")
        assert heard(connection, lambda m: m["type"] == "deleted")["task_id"] == running


def test_who_comes_back_with_the_last_cursor_hears_what_is_new_and_nothing_twice(
    place: Place, scene: Scene, people: People, running: str
) -> None:
    with socket(place, f"/ws/tasks/{running}", people.author_token) as connection:
        place.report(scene, "ChapterGeneration", "a", 30)
        seen = heard(connection, lambda m: m.get("progress_percentage") == 30)
    with socket(place, f"/ws/tasks/{running}?after={seen['cursor']}", people.author_token) as connection:
        place.report(scene, "ChapterGeneration", "a", 60)
        again: list[str] = []
        state = heard(connection, lambda m: again.append(m.get("cursor")) or m.get("progress_percentage") == 60)
        assert seen["cursor"] not in again
    place.report(scene, "ChapterGeneration", "a", 90)
    with socket(place, f"/ws/tasks/{running}?after={state['cursor']}", people.author_token) as connection:
        assert heard(connection, lambda m: m.get("progress_percentage") == 90)


def test_a_ticket_opens_one_socket_once_and_only_the_one_it_is_for(
    place: Place, scene: Scene, people: People, running: str
) -> None:
    def ticket(task_id: str) -> str:
        answer = people.author.post("/api/v1/ws-tickets", params={"task_id": task_id})
        assert answer.status_code == 201
        return str(answer.json()["ticket"])

    path = f"/ws/tasks/{running}?ticket={ticket(running)}"
    ours = f"http://127.0.0.1:{place.gateways['gateway'].port}"
    with socket(place, path, origin=ours) as connection:
        assert json.loads(connection.recv(timeout=_SECONDS))["type"] == "state"
    assert close_code(place, path, origin=ours) == 4401
    assert close_code(place, f"/ws/tasks/{running}?ticket={ticket('')}", origin=ours) == 4401
    assert close_code(place, f"/ws/tasks/{running}?ticket={ticket(running)}", origin="https://evil.example") == 4403
    assert people.outsider.post("/api/v1/ws-tickets", params={"task_id": running}).status_code == 404


def test_no_level_of_the_log_tells_a_token_or_a_ticket(place: Place, people: People) -> None:
    server, token = place.gateway("debug", log_level="DEBUG"), people.author_token
    coded = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    address = f"ws://127.0.0.1:{server.port}/ws/tasks"
    with place.client(token, "debug") as client:
        ticket = client.post("/api/v1/ws-tickets").json()["ticket"]
    by_header: Json = {"additional_headers": {"Authorization": f"Bearer {token}"}}
    by_protocol: Json = {"subprotocols": [PROTOCOL, f"{TOKEN_PROTOCOL}{coded}"]}
    for query, way in (("", by_header), ("", by_protocol), (f"?ticket={ticket}", {})):
        with connect(address + query, proxy=None, **way) as connection:
            assert json.loads(connection.recv(timeout=_SECONDS))["type"] == "ready"
    said = server.log.read_text()
    assert "settings" in said
    assert [name for name, secret in (("token", token), ("coded", coded), ("ticket", ticket)) if secret in said] == []


def test_a_socket_is_closed_to_who_may_not_read_the_task(
    place: Place, scene: Scene, people: People, running: str
) -> None:
    assert close_code(place, f"/ws/tasks/{running}") == 4401
    assert close_code(place, f"/ws/tasks/{running}", "wrong") == 4401
    assert close_code(place, f"/ws/tasks/{running}", people.outsider_token) == 4404
    assert close_code(place, "/ws/tasks/no-such-id", people.author_token) == 4404
    assert close_code(place, f"/ws/tasks?namespace={scene.namespace}", people.outsider_token) == 4403


def test_the_feed_tells_of_every_task_in_the_callers_namespaces_and_of_no_other(
    place: Place, scene: Scene, people: People
) -> None:
    other = f"{scene.namespace}-other"
    scene.system.create_tenant(other, {})
    with socket(place, f"/ws/tasks?namespace={scene.namespace}", people.author_token) as connection:
        assert json.loads(connection.recv(timeout=_SECONDS))["type"] == "ready"
        Scene(scene.system, other).create("ChapterGeneration", "foreign", chapter(suspend=True))
        names = []
        for name in ("one", "two"):
            scene.create("ChapterGeneration", name, chapter(suspend=True))
            names.append(heard(connection, lambda m, n=name: m.get("name") == n)["namespace"])
            # nothing of the other namespace has come before it
        assert names == [scene.namespace] * 2
