"""Records by watch all that happens to the objects of some kinds, so that a test can wait for a state and look back.

The API server tells each kind by a stream of its own, and one may lag behind another: who has seen a course's end may
not yet have been told of its chapter's. So whoever looks, rather than waits, first waits for the stream to have told
all that the API server has.
"""

import http.client
import json
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from localcluster.api import PORT, Api

Json = dict[str, Any]
T = TypeVar("T")

OURS = "/apis/coursegen.dev/v1alpha1"
PATHS = {
    "CourseGeneration": f"{OURS}/coursegenerations",
    "ChapterGeneration": f"{OURS}/chaptergenerations",
    "QualityValidation": f"{OURS}/qualityvalidations",
    "CourseExport": f"{OURS}/courseexports",
    "ArtifactCleanup": f"{OURS}/artifactcleanups",
    "ModelProvider": f"{OURS}/modelproviders",
    "GenerationQueue": f"{OURS}/generationqueues",
    "Job": "/apis/batch/v1/jobs",
    "Pod": "/api/v1/pods",
    "Event": "/api/v1/events",
}
_WATCH_SECONDS = 300
_CHANGES = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK")


class Recorder:
    """Every version of every object, in the order in which the API server told it."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._changed = threading.Condition()
        self._versions: dict[tuple[str, str, str], list[Json]] = defaultdict(list)
        self._there: dict[tuple[str, str, str], Json] = {}
        self._followed: dict[str, str] = {}
        self._told: dict[str, int] = {}
        """By kind, the version that its stream has come to."""
        self._waiting = threading.local()
        self._trouble = ""
        self._ends = threading.Event()

    def start(self, unknown: Collection[str] = ()) -> None:
        """Begin to record; what is there already is the first version. Kinds unknown to the server are left out."""
        self._followed = {k: p for k, p in PATHS.items() if k not in unknown}
        for kind, path in self._followed.items():
            listed = self._list(path)
            for item in listed["items"]:
                self._take(kind, "ADDED", item)
            version = listed["metadata"]["resourceVersion"]
            self._told[kind] = int(version)
            threading.Thread(target=self._follow, args=(kind, path, version), name=f"watch-{kind}", daemon=True).start()

    def stop(self) -> None:
        """Record no more; whoever waits, waits in vain."""
        self._ends.set()
        with self._changed:
            self._trouble = self._trouble or "The cluster is being taken down."
            self._changed.notify_all()

    # ---- looking ----------------------------------------------------------------------------------------

    def until(self, found: Callable[[], T | None], seconds: float, otherwise: Callable[[], str]) -> T:
        """Give what `found` gives as soon as that is something; AssertionError with `otherwise` after some seconds."""
        deadline = time.monotonic() + seconds
        before, self._waiting.now = self._is_waiting(), True
        try:
            with self._changed:
                while True:
                    assert not self._trouble, self._trouble
                    answer = found()
                    if answer:
                        return answer
                    left = deadline - time.monotonic()
                    assert left > 0, f"after {seconds:.0f} s: {otherwise()}"
                    self._changed.wait(min(left, 1.0))
        finally:
            self._waiting.now = before

    def versions(self, kind: str, namespace: str, name: str) -> list[Json]:
        """Give every version of an object, the oldest first."""
        self._level(kind, namespace)
        with self._changed:
            return list(self._versions[(kind, namespace, name)])

    def now(self, kind: str, namespace: str, name: str) -> Json | None:
        """Give an object as it is; None if it is not there."""
        self._level(kind, namespace)
        return self._there.get((kind, namespace, name))

    def all(self, kind: str, namespace: str) -> list[Json]:
        """Give the objects of a kind that are there, by name."""
        self._level(kind, namespace)
        with self._changed:
            return [o for (k, ns, _), o in sorted(self._there.items()) if (k, ns) == (kind, namespace)]

    def ever(self, kind: str, namespace: str) -> list[Json]:
        """Give the last version of each object that was ever there; one whose name was taken again is another."""
        self._level(kind, namespace)
        with self._changed:
            found = [v for (k, ns, _), v in self._versions.items() if (k, ns) == (kind, namespace)]
            return list({o["metadata"]["uid"]: o for versions in found for o in versions}.values())

    # ---- being told as much as the API server has -----------------------------------------------------------

    def _is_waiting(self) -> bool:
        return getattr(self._waiting, "now", False)

    def _level(self, kind: str, namespace: str) -> None:
        """Wait until the stream of a kind has told all that the API server has; who waits anyway is told in time."""
        if self._is_waiting() or self._ends.is_set() or kind not in self._followed:
            return
        before, _, plural = self._followed[kind].rpartition("/")
        listed = self._list(f"{before}/namespaces/{namespace}/{plural}" if namespace else self._followed[kind])
        there = {_key(kind, i): _version(i) for i in listed["items"]}
        present = _version(listed)

        def behind() -> list[str]:
            untold = [k for k, v in there.items() if self._told[kind] < v]
            mine = ((k, o) for k, o in self._there.items() if k[0] == kind and namespace in ("", k[1]))
            return [k[2] for k in (*untold, *(k for k, o in mine if k not in there and _version(o) <= present))]

        self.until(lambda: not behind(), 60, lambda: f"the watch of {kind} has not told of {behind()}")

    def _list(self, path: str) -> Json:
        """List a kind; a new one is refused for some seconds after it is established."""
        deadline = time.monotonic() + 60
        while (listed := self._api.get(path)) is None:
            assert time.monotonic() < deadline, f"{path} cannot be listed"
            time.sleep(0.2)
        found: Json = listed
        return found

    # ---- recording --------------------------------------------------------------------------------------

    def _take(self, kind: str, how: str, item: Json) -> None:
        key = _key(kind, item)
        with self._changed:
            if how == "DELETED":
                self._there.pop(key, None)
            else:
                self._there[key] = item
                self._versions[key].append(item)
            self._changed.notify_all()

    def _comes_to(self, kind: str, version: str) -> None:
        with self._changed:
            self._told[kind] = int(version)
            self._changed.notify_all()

    def _follow(self, kind: str, path: str, version: str) -> None:
        while not self._ends.is_set():
            try:
                for event in self._watch(path, version):
                    if event.get("type") not in _CHANGES:
                        # An ERROR, or a refusal: the version is too old, or the kind's CRD has changed.
                        version = self._catch_up(kind, path)
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        self._take(kind, event["type"], event["object"])
                    self._comes_to(kind, version)
            except (OSError, http.client.HTTPException, json.JSONDecodeError):
                self._ends.wait(0.2)
            except Exception as error:
                with self._changed:
                    self._trouble = self._trouble or f"The watch of {kind} broke, so nothing can be said: {error!r}"
                    self._changed.notify_all()
                return

    def _catch_up(self, kind: str, path: str) -> str:
        """List a kind whose watch has ended, take in what it did not tell, and give the version to go on from."""
        listed = self._list(path)
        found = {_key(kind, i): i for i in listed["items"]}
        for key, item in found.items():
            known = self._there.get(key)
            if known is None or known["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
                self._take(kind, "MODIFIED", item)
        with self._changed:  # other kinds come and go meanwhile
            gone = [o for k, o in self._there.items() if k[0] == kind and k not in found]
        for item in gone:
            self._take(kind, "DELETED", item)
        version: str = listed["metadata"]["resourceVersion"]
        self._comes_to(kind, version)
        return version

    def _watch(self, path: str, version: str) -> Any:
        context = ssl.create_default_context(cafile=str(self._api.pki / "ca.crt"))
        context.load_cert_chain(self._api.pki / "admin.crt", self._api.pki / "admin.key")
        connection = http.client.HTTPSConnection(self._api.address, PORT, timeout=_WATCH_SECONDS + 30, context=context)
        query = f"watch=1&allowWatchBookmarks=true&timeoutSeconds={_WATCH_SECONDS}&resourceVersion={version}"
        try:
            connection.request("GET", f"{path}?{query}", headers={"User-Agent": "coursegen-tests"})
            for line in connection.getresponse():
                if self._ends.is_set():
                    return
                yield json.loads(line)
        finally:
            connection.close()


def _key(kind: str, item: Json) -> tuple[str, str, str]:
    return kind, item["metadata"].get("namespace", ""), item["metadata"]["name"]


def _version(item: Json) -> int:
    return int(item["metadata"]["resourceVersion"])
