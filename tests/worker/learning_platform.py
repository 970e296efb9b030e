"""A learning platform for the tests: Chromium, with scorm-again as its run-time and a server that records."""

import html
import json
import re
import subprocess
import threading
from collections.abc import Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import judges

from tests import programs

SCORM_AGAIN = ("scorm-again", "3.4.3")
AXE = ("axe-core", "4.11.0")
_POLICY = "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'"
"""The page's own server and nothing else: what asks for more is reported as a violation."""


class Server(ThreadingHTTPServer):
    """Serves the unit and the judges, and keeps each commit."""

    def __init__(self, unit: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory="/"))
        self.record: list[Any] = []
        self.page = ""
        self.folders = {
            "unit": unit,
            "judge": judges.npm_package(*SCORM_AGAIN) / "dist",
            "axe": judges.npm_package(*AXE),
        }


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def translate_path(self, path: str) -> str:
        _, first, *rest = path.split("?")[0].split("#")[0].split("/")
        folder = self.server.folders.get(first)
        return str(folder.joinpath(*rest)) if folder else "/nonexistent"

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer("text/html", self.server.page)
        elif self.path == "/record":
            self._answer("application/json", json.dumps(self.server.record))
        else:
            super().do_GET()

    def do_POST(self) -> None:
        self.server.record.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer("application/json", '{"result": true, "errorCode": 0}')

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", _POLICY)
        super().end_headers()

    def _answer(self, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def mastery_of(unit: Path, page: str) -> str:
    """Give the score by which the platform is to judge a page's unit, as the manifest writes it, or nothing."""
    folder, name = (unit / page).parent, (unit / page).name
    root = ElementTree.parse(folder / "imsmanifest.xml").getroot()
    resource = next(r.get("identifier") for r in root.iter() if r.get("href") == name and r.tag.endswith("}resource"))
    item = next(i for i in root.iter() if i.get("identifierref") == resource and i.tag.endswith("}item"))
    named = ("}masteryscore", "}minNormalizedMeasure")
    return next((e.text or "" for e in item.iter() if e.tag.endswith(named)), "")


def attend(
    unit: Path, profile: Path, runtime: str, sessions: Sequence[tuple[str, str]], window: str = "1200,900"
) -> dict[str, Any]:
    """Take sessions one after the other, each a page and the steps of its learner; give what the platform knows.

    Returns:
        ends (the last commit of each session), calls, mistakes, outside (requests refused), seen.
    """
    steps = ",\n".join(
        f"[{json.dumps(page)}, {json.dumps(mastery_of(unit, page))}, async (unit) => {{ {code} }}]"
        for page, code in sessions
    )
    server = Server(unit)
    text = (Path(__file__).parent / "platform.html").read_text()
    text = text.replace("API_FILE", "scorm2004.min.js" if runtime == "2004" else "scorm12.min.js")
    server.page = text.replace("VERSION_2004", json.dumps(runtime == "2004")).replace("SESSION_STEPS", steps)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    command = [programs.chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command += [f"--user-data-dir={profile}", f"--window-size={window}", "--virtual-time-budget=60000", "--dump-dom"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{server.server_port}/"], capture_output=True, text=True, timeout=120, check=False
    )
    server.shutdown()
    server.server_close()
    found = re.search(r'<pre id="result">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    return result
