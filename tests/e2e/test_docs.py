"""What the docs have people type where Pods run: logs, forwarded ports and requests, each as it stands there."""

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from .. import docs, programs
from ..ports import free_port
from .scene import SECONDS, Scene, course

OPENS = "port-forward"
LOOPS = "# Loops\n\nA loop runs the same lines again. It stops when its condition no longer holds.\n"
FINDS = {"service/gateway": "/readyz", "deployment/coursegen-operator": "/metrics"}
"""Where something answers at the other end of a forwarded port."""


def here(scene: Scene, line: str, port: int) -> str:
    """Put the namespace of the scene where the docs have that of the demo, and a port that is free for theirs."""
    line = re.sub(r'(-n |namespace=|"namespace": ")courses\b', rf"\g<1>{scene.namespace}", line)
    return line.replace("8080:80", f"{port}:80").replace(":8080", f":{port}").replace(" 8080", f" {port}:8080")


class Person:
    """Somebody at a terminal, with kubectl."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        access = scene.system.kubectl
        (folder / "kubectl").symlink_to(access.program)
        self._folder = folder
        path = f"{folder}:{Path(programs.curl()).parent}:{os.environ['PATH']}"
        self._environment = {"PATH": path, "KUBECONFIG": str(access.kubeconfig), "HOME": str(folder)}

    def types(self, script: str) -> str:
        """Run lines and give what they print; AssertionError with their words if they fail."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def leaves_running(self, line: str) -> Iterator[None]:
        """Keep a command in the background during the body, which begins when the port is open."""
        command = line.partition("#")[0].strip().rstrip("&")
        process = subprocess.Popen(
            ["bash", "-c", f"exec setpriv --pdeathsig TERM {command}"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            assert process.stdout is not None
            said = process.stdout.readline()
            assert said.startswith("Forwarding from 127.0.0.1"), f"{line}: {said}"
            yield
        finally:
            process.terminate()
            process.communicate()


def test_what_the_docs_say_of_pods_is_so(scene: Scene) -> None:
    scene.create("ServiceAccount", "teacher", apiVersion="v1")
    account = f"--serviceaccount={scene.namespace}:teacher"
    scene.kubectl("create", "rolebinding", "teacher", "--role=coursegen-author", account)
    scene.create("CourseGeneration", "course-123", course(1))
    assert scene.until_ended("course-123")["phase"] == "Succeeded"
    tried = {page: [c.line for c in docs.commands(page, docs.Where.PODS)] for page in docs.PAGES}
    with tempfile.TemporaryDirectory() as name:
        person = Person(scene, Path(name))
        (Path(name) / "loops.md").write_text(LOOPS)
        for page, lines in tried.items():
            with ExitStack() as background:
                _a_page(scene, person, page, lines, background)


def _a_page(scene: Scene, person: Person, page: Path, lines: list[str], background: ExitStack) -> None:
    """Type the lines of a page one after the other; what they set is known to those that follow."""
    port, known = free_port(), ""
    for line in lines:
        typed = here(scene, line, port)
        if OPENS in line:
            background.enter_context(person.leaves_running(typed))
            [path] = [path for what, path in FINDS.items() if what in line]
            assert httpx.get(f"http://127.0.0.1:{port}{path}", timeout=60, trust_env=False).status_code == 200
        elif re.match(r"[A-Z]+=", line):
            known += typed + "\n"
        else:
            said = person.types(known + typed.partition(" | grep ")[0])
            deadline = time.monotonic() + SECONDS
            while not said and " logs " in line and time.monotonic() < deadline:
                time.sleep(0.5)  # a Pod that has just begun has not said anything yet
                said = person.types(known + typed.partition(" | grep ")[0])
            if " | grep " in typed:  # which finds nothing in the log of one that is well
                person.types(f"{typed} || test $? = 1")
            assert said, f"{page.name}: {line} prints nothing"
            assert "generation-status" not in line or json.loads(said)["status"] == "Succeeded", said
    if docs.Where.PODS in docs.SCRIPTS.get(page.name, ""):
        _sends_content(scene, person, known + here(scene, "".join(docs.blocks(page, "sh")), port))


def _sends_content(scene: Scene, person: Person, script: str) -> None:
    """Type the two requests of the page about the HTTP API: the second names what the first answers."""
    *before, first, second = re.split(r"(?<!\\)\n", script.strip())
    answer = json.loads(person.types("\n".join([*before, first])))
    assert "task_id" in person.types("\n".join([*before, second.replace("KEY", answer["artifact_key"])]))
    assert scene.until_ended("loops", "CourseExport")["phase"] == "Succeeded"
