"""A fake: a server that speaks OpenAI's chat completions, and says what it is told to. No model is behind it.

    python scripted_model.py --port 8080 [--tokens-per-second 40] [--failing 0.1] [--retry-after 70]

It knows the forms that our writer asks for, and answers each with something of the right form and length. A script may
answer in its place, to be wrong in every way that servers and models are. It needs nothing but the standard library, so
that it can run in a Pod.
"""

import argparse
import json
import random
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]

_SENTENCES = (
    "A small shop wants to know what it sold on this day, and who bought it.",
    "You take the list in your hand and go from the first line to the last.",
    "At each line you ask the same question, and you write the answer down.",
    "This is the whole idea, and it is the one that you will use again.",
    "When a line does not fit, you stop and look at what is on it.",
    "Then you change one thing, and you try it with the same list once more.",
)


@dataclass(frozen=True)
class Asked:
    """One request, as the writer meant it."""

    number: int
    """Of all requests, from 1."""
    turn: int
    """Of the requests with the same form and data, from 1; asking again makes another turn."""
    shape: str
    rung: str
    data: Json
    body: Json
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What goes over the wire."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    """The connection ends after so many bytes of the body."""
    silent: bool = False
    """Nothing is ever said."""
    seconds: float = 0.0


Script = Callable[[Asked], Answer | None]
"""Gives an answer, or None for the usual one."""


def completion(content: str | None, end: str = "stop", **message: Any) -> Answer:
    """Give a whole completion with this text."""
    body = {
        "id": "scripted",
        "object": "chat.completion",
        "model": "scripted",
        "choices": [
            {"index": 0, "finish_reason": end, "message": {"role": "assistant", "content": content, **message}}
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }
    return Answer(body=json.dumps(body).encode())


def error(status: int, message: str, headers: dict[str, str] | None = None, **fields: str) -> Answer:
    """Give an error as OpenAI words it."""
    return Answer(status, json.dumps({"error": {"message": message, **fields}}).encode(), headers or {})


def good(asked: Asked) -> Answer:
    """Give the usual answer, in the way that was asked for."""
    text = json.dumps(_CONTENT[asked.shape](asked.data))
    if asked.rung == "tool":
        call = {"id": "call-1", "type": "function", "function": {"name": "answer", "arguments": text}}
        return completion(None, "tool_calls", tool_calls=[call])
    return completion(text)


# ---- the usual answers --------------------------------------------------------------------------------------


def _prose(words: int, about: str) -> str:
    """Give at least so many words in short sentences, the same for the same subject."""
    found = [f"This part is about {about}."]
    start = sum(map(ord, about))
    while len(" ".join(found).split()) < words:
        found.append(_SENTENCES[(start + len(found)) % len(_SENTENCES)])
    return " ".join(found)


def _topic(data: Json) -> str:
    return " and ".join(str(t) for t in (data.get("lesson") or data.get("quiz") or {}).values()) or "the chapter"


def _brief(_: Json) -> Json:
    terms = ("list", "line", "question", "answer")
    return {
        "audience": "People who keep the books of a small shop and want to do it better.",
        "tone": "The course speaks to you as to a colleague.",
        "runningExample": "A shop sells tea and bread, and it writes each sale on a list by the door.",
        "glossary": [{"term": t, "definition": f"A {t} is what the shop uses each day."} for t in terms],
    }


def _contents(data: Json) -> Json:
    count, objectives = data["chapterCount"], sorted(map(int, data["course"]["objectives"]))
    chapters = [
        {"title": f"Step {n} of the way", "objectives": objectives[n - 1 :: count] or [objectives[n % len(objectives)]]}
        for n in range(1, count + 1)
    ]
    return {"chapters": chapters}


def _contracts(data: Json) -> Json:
    return {
        "chapters": [
            {
                "number": n,
                "objectives": [f"Explain step {n} of the way", f"Write a list for step {n}"],
                "teaches": [f"what step {n} is for"],
                "assumes": [f"step {n - 1}"] if n > 1 else [],
                "mustNotCover": [f"step {n + 1}"],
            }
            for n in data["wanted"]
        ]
    }


def _lesson(data: Json) -> Json:
    topic = _topic(data)
    return {
        "title": "What it is",
        "explanation": _prose(300 * len(data["lesson"]), topic) + "\n\n- Look at the list.\n- Ask the question.",
        "exampleTitle": "One day in the shop",
        "exampleProblem": _prose(30, topic),
        "exampleSteps": ["Take the list of the day.", "Go to the first line and read it.", "Write down what you see."],
        "exampleResult": _prose(20, topic),
    }


def _quiz(data: Json) -> Json:
    options = ["You ask each line once.", "You ask the first line only.", "You ask no line.", "You ask the door."]
    feedback = ["This is right: no line is left out.", *(["Look again at how the list is read."] * 3)]
    return {
        "questions": [
            {
                "objective": int(number),
                "stem": f"In case {turn} of this, what do you do with the list: {text}?",
                "options": [{"text": t, "feedback": f} for t, f in zip(options, feedback, strict=True)],
                "answer": 0,
            }
            for number, text in data["quiz"].items()
            for turn in (1, 2)
        ]
    }


def _practice(_: Json) -> Json:
    return {
        "exerciseTitle": "Your own list",
        "exercise": _prose(50, "a list of your own"),
        "solution": _prose(60, "the answer to it"),
        "misconceptionTitle": "The list is the shop",
        "belief": _prose(25, "what many think"),
        "correction": _prose(40, "what is true"),
    }


def _rewritten(data: Json) -> Json:
    """Say what the section said, so that no objective loses what it had, and a sentence more."""
    return {
        "title": data["section"]["title"],
        "text": f"Here it is in plain words. {data['section']['text']}",
        "change": "The sentences are shorter now.",
    }


def _rewritten_exercise(data: Json) -> Json:
    return _rewritten(data) | {"solution": f"Here is how. {data['section']['solution']}"}


def _plainer(data: Json) -> Json:
    """Leave the last sentence as it is."""
    numbers = list(data["sentences"])[:-1]
    return {"sentences": [{"number": int(n), "text": f"Plain words for sentence {n}."} for n in numbers]}


_CONTENT: dict[str, Callable[[Json], Json]] = {
    "sharedbrief": _brief,
    "contents": _contents,
    "contracts": _contracts,
    "opening": lambda data: {"text": _prose(90, str(data["chapter"]["title"]))},
    "lesson": _lesson,
    "practice": _practice,
    "closing": lambda _: {"points": list(_SENTENCES[:4]), "next": "Take a list today and read it to its end."},
    "quiz": _quiz,
    "rewritten": _rewritten,
    "rewrittenexercise": _rewritten_exercise,
    "plainer": _plainer,
}


# ---- the server ------------------------------------------------------------------------------------------------


class ScriptedModel:
    """The server, on loopback or on all addresses; remembers what it was asked and what it has charged for."""

    def __init__(
        self, script: Script | None = None, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        self.script: Script = script or (lambda asked: None)
        self.asked: list[Asked] = []
        self.released = threading.Event()
        """Set it, and what is silent hangs up."""
        self._turns: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._server = _Server((host, port), _handler(self))
        self._server.daemon_threads = True
        self._scheme = "https" if tls else "http"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    @property
    def endpoint(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}/v1"

    def shapes(self) -> Counter[str]:
        """Count the requests by the form that they asked for."""
        return Counter(asked.shape for asked in self.asked)

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def serve(self) -> None:
        self._server.serve_forever()

    def stop(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()

    def note(self, body: Json, headers: dict[str, str]) -> Asked:
        system, user = (message["content"] for message in body["messages"])
        data = json.loads(user)
        rung = "native" if "response_format" in body else "tool" if "tools" in body else "prompted"
        shape = _shape(body, system)
        known = json.dumps([shape, {k: v for k, v in data.items() if k != "lastAnswerRefusedBecause"}])
        with self._lock:
            self._turns[known] += 1
            asked = Asked(len(self.asked) + 1, self._turns[known], shape, rung, data, body, headers)
            self.asked.append(asked)
        return asked


def _shape(body: Json, system: str) -> str:
    if "response_format" in body:
        return str(body["response_format"]["json_schema"]["name"])
    properties = set(re.findall(r'"([A-Za-z]+)": \{', json.dumps(body["tools"]) if "tools" in body else system))
    marks = {
        "audience": "sharedbrief",
        "mustNotCover": "contracts",
        "explanation": "lesson",
        "exercise": "practice",
        "points": "closing",
        "questions": "quiz",
        "solution": "rewrittenexercise",
        "change": "rewritten",
        "sentences": "plainer",
        "chapters": "contents",
    }
    return next((shape for mark, shape in marks.items() if mark in properties), "opening")


class _Server(ThreadingHTTPServer):
    request_queue_size = 512

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up: tests kill them."""


def _handler(model: ScriptedModel) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked = model.note(body, {k.lower(): v for k, v in self.headers.items()})
            self._say(model.script(asked) or good(asked))

        def _say(self, answer: Answer) -> None:
            if answer.silent:
                model.released.wait()
                self.close_connection = True
                return
            model.released.wait(answer.seconds)
            self.send_response(answer.status)
            for name, value in ({"Content-Type": "application/json"} | answer.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut_at])
            self.wfile.flush()
            if answer.cut_at is not None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def realistic(tokens_per_second: float, failing: float, seed: int = 1) -> Script:
    """Answer as fast as a model writes, and fail a share of the requests in the ways that providers do."""
    chance, lock = random.Random(seed), threading.Lock()

    def script(asked: Asked) -> Answer:
        with lock:
            luck, kind, delay = chance.random(), chance.randrange(4), chance.uniform(0.2, 1.0)
        usual = _counted(asked, good(asked))
        seconds = delay + len(usual.body) / 4 / tokens_per_second if tokens_per_second else 0.0
        if luck >= failing:
            return replace(usual, seconds=seconds)
        failures = (
            error(500, "The server had an error."),
            error(429, "Too many requests.", {"Retry-After": "1"}),
            Answer(body=usual.body, cut_at=len(usual.body) // 2, seconds=seconds / 2),
            completion("I am sorry, I cannot do that."),
        )
        return failures[kind]

    return script


def unavailable(retry_after: int) -> Script:
    """Answer 500 to what is about `loops-500`, and 429 to all else, with the seconds to wait."""

    def script(asked: Asked) -> Answer:
        if "loops-500" in json.dumps(asked.data):
            return error(500, "The server had an error.")
        return error(429, "Too many requests.", {"Retry-After": str(retry_after)})

    return script


def _counted(asked: Asked, answer: Answer) -> Answer:
    """Give the answer with the tokens that its length is worth."""
    prompt, completed = len(json.dumps(asked.body)) // 4, len(answer.body) // 4
    body = json.loads(answer.body) | {"usage": {"prompt_tokens": prompt, "completion_tokens": completed}}
    return replace(answer, body=json.dumps(body).encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--host", default="0.0.0.0")
    parser.add_argument("--tokens-per-second", type=float, default=0.0, help="of each stream; 0 answers at once")
    parser.add_argument("--failing", type=float, default=0.0, help="share of the requests that fail, 0 to 1")
    parser.add_argument("--retry-after", type=int, help="answer nothing but 429, with so many seconds, and 500")
    asked = parser.parse_args()
    usual = realistic(asked.tokens_per_second, asked.failing)
    model = ScriptedModel(unavailable(asked.retry_after) if asked.retry_after else usual, asked.host, asked.port)
    print(f"{time.strftime('%H:%M:%S')} listening on {asked.host}:{asked.port}", flush=True)
    model.serve()


if __name__ == "__main__":
    main()
