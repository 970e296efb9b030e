"""A fake learning platform for the tests of cmi5: it launches a unit, keeps its documents and judges its statements.

It stands at the edge where a real platform and its record store would; what it lets pass are the rules of cmi5 Quartz
and no more. Whether a statement is one of xAPI at all is judged by others.
"""

import json
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

Statement = dict[str, Any]

CATEGORY = "https://w3id.org/xapi/cmi5/context/categories/cmi5"
MOVE_ON = "https://w3id.org/xapi/cmi5/context/categories/moveon"
SESSION = "https://w3id.org/xapi/cmi5/context/extensions/sessionid"
MASTERY = "https://w3id.org/xapi/cmi5/context/extensions/masteryscore"
ACTOR = {"objectType": "Agent", "account": {"homePage": "http://127.0.0.1", "name": "learner-1"}, "name": "A learner"}
ACTIVITIES = "https://platform.example/activities"
PUBLISHED = "https://coursegen.dev/courses/course-123"
_SECONDS = 60


def verb(statement: Statement) -> str:
    """Give the last word of a statement's verb."""
    return str(statement["verb"]["id"]).rpartition("/")[2]


def is_defined(statement: Statement) -> bool:
    """Tell whether a statement is one of those that cmi5 defines."""
    return CATEGORY in _categories(statement)


def _categories(statement: Statement) -> list[str]:
    return [a["id"] for a in statement.get("context", {}).get("contextActivities", {}).get("category", [])]


@dataclass(frozen=True)
class Unit:
    """What of the package is launched: the published name of the unit, and its page."""

    name: str
    page: str


WHOLE = Unit("unit", "index.html")


@dataclass
class Launch:
    """One session: a token that is handed out once."""

    mode: str
    mastery: float | None
    return_url: str | None
    unit: Unit = WHOLE
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    fetched: bool = False
    statements: list[Statement] = field(default_factory=list)

    @property
    def activity(self) -> str:
        """The name under which the platform knows the unit; it is another than the published one (section 8.1.5)."""
        return f"{ACTIVITIES}/{self.unit.name}"

    @property
    def published(self) -> str:
        return f"{PUBLISHED}/{self.unit.name}"

    @property
    def verbs(self) -> list[str]:
        return [verb(statement) for statement in self.statements]


class Platform(ThreadingHTTPServer):
    """Serves the units of one course to one learner under one registration, which keeps apart what belongs to each."""

    daemon_threads = True

    def __init__(self, unit: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(unit)))
        self.registration = str(uuid.uuid4())
        self.launches: list[Launch] = []
        self.documents: dict[tuple[str, str], bytes] = {}
        """By the name of the unit and that of the document."""
        self.refused: list[str] = []
        self.asked: list[str] = []
        self.away = False
        """True answers everything with 503, as a platform does that is being updated."""
        self.late = False
        """True takes what comes by itself only after the end of its session, as may happen on a slow network."""
        self.changed = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def launch(
        self, mode: str = "Normal", mastery: float | None = 0.7, return_url: str | None = None, unit: Unit = WHOLE
    ) -> str:
        """Begin a session, and give the address to open."""
        begun = Launch(mode, mastery, return_url, unit)
        self.launches.append(begun)
        query = {
            "endpoint": f"{self.address}/xapi",
            "fetch": f"{self.address}/fetch?session={begun.id}",
            "actor": json.dumps(ACTOR),
            "registration": self.registration,
            "activityId": begun.activity,
        }
        return f"{self.address}/unit/{unit.page}?{urlencode(query)}"

    def until(self, what: Callable[[Launch], bool]) -> Launch:
        """Wait until something holds of the last session."""
        with self.changed:
            there = self.changed.wait_for(lambda: what(self.launches[-1]), _SECONDS)
        last = self.launches[-1]
        assert there, f"after {_SECONDS} s the session has {last.verbs}; refused: {self.refused}"
        return last

    def until_ended(self) -> Launch:
        """Wait for the end of the last session."""
        return self.until(lambda last: last.verbs[-1:] == ["terminated"])

    def launch_data(self, launch: Launch) -> dict[str, Any]:
        """Give what cmi5 puts beside a session (section 10)."""
        template = {
            "contextActivities": {"grouping": [{"objectType": "Activity", "id": launch.published}]},
            "extensions": {SESSION: launch.id},
        }
        given: dict[str, Any] = {"contextTemplate": template, "launchMode": launch.mode, "moveOn": "CompletedAndPassed"}
        if launch.mastery is not None:
            given["masteryScore"] = launch.mastery
        if launch.return_url:
            given["returnURL"] = launch.return_url
        return given

    def take(self, launch: Launch, statements: list[Statement]) -> list[str]:
        """Keep statements, or say what is wrong with the first one that is."""
        for statement in statements:
            if statement in launch.statements:
                continue  # xAPI, 2.4.1: what has the id of a statement and is equal to it changes nothing
            if wrong := fault(statement, launch, self):
                return [f"{verb(statement)}: {wrong}"]
            launch.statements.append(statement)
        return []


def fault(statement: Statement, launch: Launch, platform: Platform) -> str | None:
    """Name the rule that a statement breaks at its place in the session (sections 7, 9 and 10)."""
    context, result, name = statement.get("context", {}), statement.get("result", {}), verb(statement)
    sessions = [session for session in platform.launches if session.unit == launch.unit]
    registered = [verb(s) for session in sessions for s in session.statements if is_defined(s)]
    judges = name in ("passed", "failed")
    scaled = result.get("score", {}).get("scaled")
    broken = {
        "the first statement is initialized": (not launch.verbs) != (name == "initialized"),
        "nothing comes after terminated": "terminated" in launch.verbs,
        "the actor is the one of the launch": statement["actor"] != ACTOR,
        "it is of this registration": context.get("registration") != platform.registration,
        "it is of this session": context.get("extensions", {}).get(SESSION) != launch.id,
        "the published id is in its grouping": launch.published not in _grouping(context),
        "its time is in UTC": not str(statement.get("timestamp", "")).endswith("Z"),
    }
    if is_defined(statement):
        broken |= {
            "its object is the launched activity": statement["object"]["id"] != launch.activity,
            "a session says it once": name in launch.verbs,
            "a session is passed or failed": judges and bool({"passed", "failed"} & set(launch.verbs)),
            "a registration is completed and passed once": name in ("completed", "passed") and name in registered,
            "nothing fails after it was passed": name == "failed" and "passed" in registered,
            "only a normal session is judged": launch.mode != "Normal" and (judges or name == "completed"),
            "moveon marks what decides": (MOVE_ON in _categories(statement)) != (judges or name == "completed"),
            "completion is said by completed alone": result.get("completion")
            != (True if name == "completed" else None),
            "success is as it says": result.get("success") != {"passed": True, "failed": False}.get(name),
            "a duration is said": name != "initialized" and not str(result.get("duration", "")).startswith("PT"),
            "a score is of passed or failed": scaled is not None and not judges,
            "the score keeps to the mastery": judges and (name == "passed") != (scaled >= (launch.mastery or 0.7)),
            "the mastery is said": judges and context["extensions"].get(MASTERY) != launch.mastery,
        }
    return next((rule for rule, is_broken in broken.items() if is_broken), None)


def _grouping(context: dict[str, Any]) -> list[str]:
    return [activity["id"] for activity in context.get("contextActivities", {}).get("grouping", [])]


class _Handler(SimpleHTTPRequestHandler):
    server: Platform

    def translate_path(self, path: str) -> str:
        return super().translate_path(path.removeprefix("/unit"))

    def do_GET(self) -> None:
        if self.path.startswith("/unit/"):
            return super().do_GET()
        if self.path.startswith("/xapi/"):
            return self._xapi()
        return self._answer(200, b"the platform", "text/plain")

    def do_PUT(self) -> None:
        self._xapi()

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != "/fetch":
            return self._xapi()
        launch = next(s for s in self.server.launches if [s.id] == parse_qs(parts.query)["session"])
        if launch.fetched:
            return self._json(200, {"error-code": "1", "error-text": "Already in use"})
        launch.fetched = True
        return self._json(200, {"auth-token": launch.token})

    def _xapi(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        launch = next((s for s in self.server.launches if self.headers["Authorization"] == f"Basic {s.token}"), None)
        with self.server.changed:
            self.server.asked.append(f"{self.command} {parts.path}")
            if self.server.away:
                self._answer(503, b"", "text/plain")
            elif launch is None or self.headers["X-Experience-API-Version"] != "1.0.3":
                self._refuse(401, f"{self.command} {self.path}: without the session's token or version")
            elif parts.path == "/xapi/statements" and self.command == "POST":
                sent = json.loads(body)
                if self.server.late and not isinstance(sent, list):
                    self.server.changed.wait_for(lambda: launch.verbs[-1:] == ["terminated"], _SECONDS)
                self._statements(launch, sent if isinstance(sent, list) else [sent])
            else:
                self._document(launch, parts.path, parse_qs(parts.query), body)
            self.server.changed.notify_all()

    def _statements(self, launch: Launch, sent: list[Statement]) -> None:
        if wrong := self.server.take(launch, sent):
            self._refuse(403, wrong[0])
        else:
            self._json(200, [statement["id"] for statement in sent])

    def _document(self, launch: Launch, path: str, query: dict[str, list[str]], body: bytes) -> None:
        one = {name: values[0] for name, values in query.items()}
        if json.loads(one["agent"]) != ACTOR:
            self._refuse(403, f"{path}: of another learner")
        elif path == "/xapi/agents/profile":
            self._answer(404, b"", "text/plain")
        elif (one["activityId"], one["registration"]) != (launch.activity, self.server.registration):
            self._refuse(403, f"{path}: of another activity")
        elif one["stateId"] == "LMS.LaunchData" and self.command == "GET":
            self._json(200, self.server.launch_data(launch))
        elif one["stateId"] == "LMS.LaunchData":
            self._refuse(403, "LMS.LaunchData is the platform's")
        elif self.command == "PUT":
            self.server.documents[launch.unit.name, one["stateId"]] = body
            self._answer(204, b"", "text/plain")
        elif (launch.unit.name, one["stateId"]) in self.server.documents:
            self._answer(200, self.server.documents[launch.unit.name, one["stateId"]], "application/json")
        else:
            self._answer(404, b"", "text/plain")

    def _refuse(self, status: int, why: str) -> None:
        self.server.refused.append(why)
        self._answer(status, why.encode(), "text/plain")

    def _json(self, status: int, what: object) -> None:
        self._answer(status, json.dumps(what).encode(), "application/json")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(BrokenPipeError, ConnectionResetError):  # the page that asked has gone
            self.wfile.write(body)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass
