"""What the gateway says to who means no good: a refusal in words, never a failure of its own, never another's data."""

import base64
import json
import ssl
from typing import Any

import httpx
import pytest

from ....e2e.scene import Scene, chapter, course
from ..kubelet import RUNS, Kubelet
from .conftest import People
from .place import Place
from .test_api import uid, until

Json = dict[str, Any]

_DEEP = "[" * 100_000
_COURSE: Json = {"namespace": "desk", "course_id": "c", "title": "T", "learning_objectives": ["Learn"]}

# method, path, what is sent, status, and a word of the answer
REQUESTS: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/api/v1/courses/..%2f..%2fsecrets", {}, 404, "nothing at this path"),
    ("GET", "/api/v1/courses/%00", {}, 404, ""),
    ("GET", "/api/v1/tasks/..%2f..%2f..%2fapi/artifact", {}, 404, ""),
    ("GET", "/api/v1/tasks/%2e%2e/artifact", {}, 404, ""),
    ("GET", "/page/..%2fsettings.py", {}, 404, ""),
    ("GET", "/page/%2e%2e/settings.py", {}, 404, ""),
    ("GET", "/api/v1/tasks?limit=100000", {}, 422, "limit"),
    ("GET", "/api/v1/tasks?offset=-1", {}, 422, "offset"),
    ("GET", "/api/v1/tasks?namespace=../kube-system", {}, 422, "namespace"),
    ("GET", "/api/v1/tasks?sort=spec.token", {}, 422, "sort"),
    ("GET", "/api/v1/tasks?q=%22", {}, 400, "quotation"),
    ("GET", "/api/v1/tasks?q=" + "(" * 400, {}, 400, "nested"),
    ("POST", "/api/v1/courses", {"content": b"{"}, 400, "no JSON"),
    ("POST", "/api/v1/courses", {"content": b"\xff\xfe"}, 400, ""),
    ("POST", "/api/v1/courses", {"content": _DEEP.encode()}, 400, ""),
    ("POST", "/api/v1/courses", {"json": [1]}, 422, "object"),
    ("POST", "/api/v1/courses", {"json": _COURSE | {"title": "a\nb"}}, 422, "title"),
    ("POST", "/api/v1/courses", {"json": _COURSE | {"title": "t" * 10_000}}, 422, "title"),
    ("POST", "/api/v1/courses", {"json": _COURSE | {"namespace": "../x"}}, 422, "namespace"),
    ("POST", "/api/v1/courses", {"json": _COURSE | {"status": {"phase": "Succeeded"}}}, 422, "status"),
    ("POST", "/api/v1/courses", {"json": _COURSE | {"metadata": {"name": "x"}}}, 422, "metadata"),
    ("POST", "/api/v1/courses", {"json": _COURSE | {"difficulty_score": 99}}, 422, "difficulty_score"),
    ("POST", "/api/v1/courses", {"json": _COURSE | {"namespace": "kube-system"}}, 403, "may not"),
    ("POST", "/api/v1/courses", {"content": b" " * (1024 * 1024 + 1)}, 413, "bytes"),
    ("POST", "/api/v1/courses", {"content": iter([b" " * 700_000] * 2)}, 413, "bytes"),
    ("PATCH", "/api/v1/queues/default", {"json": {"capacity": -1}}, 422, "capacity"),
    ("PATCH", "/api/v1/queues/default", {"json": {"workers": {}}}, 422, "workers"),
    ("TRACE", "/api/v1/tasks", {}, 405, ""),
]


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "word"),
    REQUESTS,
    ids=[f"{r[0]} {r[1][:48]} {n}" for n, r in enumerate(REQUESTS)],
)
def test_a_bad_request_is_refused_by_field_name(
    place: Place, desk: People, method: str, path: str, sent: dict[str, Any], status: int, word: str
) -> None:
    headers = {"Content-Type": "application/json"} if "content" in sent else {}
    answer = desk.author.request(method, path, headers=headers, **sent)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert word in answer.text
    assert place.system.recorder.now("CourseGeneration", "desk", "c") is None


def test_what_one_may_not_read_looks_as_if_it_did_not_exist(place: Place, scene: Scene, people: People) -> None:
    scene.create("CourseGeneration", "secret", course(1, suspend=True))
    task_id = uid(scene, "CourseGeneration", "secret")
    until(scene, lambda: people.author.get(f"/api/v1/tasks/{task_id}").status_code == 200)
    wish = {"chapter_id": "part-1", "feedback": "x"}
    absent = "00000000-0000-4000-8000-000000000000"
    for method, path, body in (
        ("GET", "/api/v1/tasks/{}", None), ("DELETE", "/api/v1/tasks/{}", None),
        ("POST", "/api/v1/tasks/{}/cancel", None),
        ("GET", "/api/v1/tasks/{}/artifact", None), ("GET", "/api/v1/tasks/{}/log", None),
    ):  # fmt: skip
        there, nowhere = (people.outsider.request(method, path.format(i), json=body) for i in (task_id, absent))
        assert there.status_code == 404
        assert there.text == nowhere.text.replace(absent, task_id)
    assert people.outsider.post("/api/v1/courses/secret/regenerate-chapter", json=wish).status_code == 404
    assert people.outsider.get("/api/v1/tasks").json()["total"] == 0
    for path in ("/health/tasks", "/api/v1/queues", "/demand", "/api/v1/graphs", "/metrics"):
        assert people.outsider.get(path).status_code == 403


def test_who_may_read_courses_alone_is_shown_none_of_their_chapters(
    place: Place, scene: Scene, kubelet: Kubelet, people: People
) -> None:
    kubelet.decide = lambda task: RUNS
    scene.create("CourseGeneration", "c", course(2))
    here = {"namespace": scene.namespace}
    path, roles = "/api/v1/courses/c", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{scene.namespace}/roles"

    def is_whole() -> bool:
        """The gateway hears of the course and of its chapters by two streams."""
        told = people.author.get(path, params=here).json()
        return (len(told["chapter_tasks"]), (told.get("chapters") or {}).get("total")) == (2, 2)

    until(scene, is_whole)
    rule = {"apiGroups": ["coursegen.dev"], "resources": ["coursegenerations"], "verbs": ["get", "list"]}
    place.system.request("POST", roles, {"metadata": {"name": "covers"}, "rules": [rule]})
    with place.client(place.token(scene.namespace, "covers", role="covers")) as client:
        shown = until(scene, lambda: (a := client.get(path, params=here)).status_code == 200 and a.json())
        assert (shown["chapter_tasks"], shown["chapters"]["total"]) == ([], 2)
        assert client.get(f"{path}/generation-status", params=here).json()["chapter_tasks"] == []
        assert client.get(f"{path}/chapters", params=here).json()["total"] == 0
        wish = {"chapter_id": "part-1", "feedback": "x"}
        assert client.post(f"{path}/regenerate-chapter", params=here, json=wish).status_code == 404


def test_another_sites_page_changes_nothing_with_the_token_that_a_proxy_adds(scene: Scene, people: People) -> None:
    scene.create("ChapterGeneration", "a", chapter(suspend=True))
    path = f"/api/v1/tasks/{uid(scene, 'ChapterGeneration', 'a')}"
    until(scene, lambda: people.author.get(path).status_code == 200)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert people.author.post(f"{path}/cancel", headers=headers).status_code == 403
        assert people.author.delete(path, headers=headers).status_code == 403
    assert people.author.post(f"{path}/suspend", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 202


def test_who_may_read_and_not_write_changes_nothing(place: Place, scene: Scene, people: People) -> None:
    scene.create("ChapterGeneration", "a", chapter(suspend=True))
    task_id = uid(scene, "ChapterGeneration", "a")
    reader = place.token(scene.namespace, "reader", cluster_role="coursegen-viewer")
    with place.client(reader) as client:
        until(scene, lambda: client.get(f"/api/v1/tasks/{task_id}").status_code == 200)
        for method, path, body in (
            ("POST", f"/api/v1/tasks/{task_id}/cancel", None), ("DELETE", f"/api/v1/tasks/{task_id}", None),
            ("POST", f"/api/v1/tasks/{task_id}/regenerate", {"feedback": "x"}),
            ("POST", "/api/v1/courses", _COURSE | {"namespace": scene.namespace}),
        ):  # fmt: skip
            answer = client.request(method, path, json=body)
            assert (answer.status_code, "may not" in answer.json()["detail"]) == (403, True)
    assert "cancelRequestedAt" not in json.dumps(scene.system.recorder.now("ChapterGeneration", scene.namespace, "a"))


def test_a_read_only_gateway_refuses_every_change(place: Place, scene: Scene, people: People) -> None:
    place.gateway("read-only", read_only="true", requests_per_second="1")
    with place.client(people.author_token, "read-only") as client:
        answer = client.post("/api/v1/courses", json=_COURSE | {"namespace": scene.namespace})
        assert (answer.status_code, "read-only" in answer.json()["detail"]) == (403, True)
        # A machine that stalls for a second gives one request more.
        refused = next(a for a in (client.get("/api/v1/whoami") for _ in range(200)) if a.status_code == 429)
        assert int(refused.headers["retry-after"]) >= 1


def _forged() -> str:
    parts = [{"alg": "none"}, {"sub": "system:serviceaccount:kube-system:default", "iss": "kubernetes/serviceaccount"}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + "."


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic YTpi", "Bearer", "Bearer x", "Bearer " + "x" * 20_000, f"Bearer {_forged()}", "Bearer a b"],
    ids=["none", "basic", "no token", "wrong", "long", "alg none", "two words"],
)
def test_without_a_valid_token_there_are_only_probes_and_the_page(desk: People, authorization: str) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    for path in ("/api/v1/tasks", "/health/tasks", "/metrics", "/demand", "/api/v1/whoami"):
        answer = desk.nobody.get(path, headers=headers)
        assert (answer.status_code, answer.headers["www-authenticate"].split()[0]) == (401, "Bearer")
    for path in ("/livez", "/readyz", "/", "/openapi.json"):
        assert desk.nobody.get(path, headers=headers).status_code == 200


def test_every_answer_keeps_browsers_out_of_trouble(desk: People) -> None:
    for answer in (desk.nobody.get("/"), desk.nobody.get("/api/v1/tasks"), desk.author.get("/api/v1/whoami")):
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers
    preflight = desk.nobody.options(
        "/api/v1/tasks", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 405


def test_the_gateway_itself_may_change_nothing(place: Place, scene: Scene) -> None:
    headers = {"Authorization": f"Bearer {place.own_token}"}
    address = place.system.api.server
    trust = ssl.create_default_context(cafile=str(place.system.api.pki / "ca.crt"))
    path = f"{address}/apis/coursegen.dev/v1alpha1/namespaces/{scene.namespace}/coursegenerations"
    with httpx.Client(verify=trust, headers=headers, timeout=60, trust_env=False) as client:
        assert client.get(path).status_code == 200
        assert client.post(path, json={"kind": "CourseGeneration", "metadata": {"name": "x"}}).status_code == 403
        assert client.get(f"{address}/api/v1/namespaces/{scene.namespace}/secrets").status_code == 403
