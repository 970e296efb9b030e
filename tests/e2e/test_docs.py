"""The commands of the docs that need Pods which run: logs, ports, and the HTTP API behind one."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..docs import PAGES, Where, commands
from ..programs import curl
from .scene import Scene, course

NAMESPACE, COURSE = "courses", "course-123"


def test_the_commands_of_the_docs_that_need_a_node_work(scene: Scene) -> None:
    person(scene, "teacher")
    scene.create("CourseGeneration", COURSE, course(1))
    scene.until_ended(COURSE)
    curl()
    tried = 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "kubectl").symlink_to(scene.system.kubectl.program)
        for page in PAGES:
            lines = [re.sub(rf"\b{NAMESPACE}\b", scene.namespace, c.line) for c in commands(page, Where.NODE)]
            type_in(lines, environment(scene, folder))
            tried += len(lines)
    assert tried > 5


def person(scene: Scene, name: str) -> None:
    """Make somebody who may do what authors do."""
    scene.create("ServiceAccount", name, apiVersion="v1")
    rbac = "rbac.authorization.k8s.io"
    scene.create(
        "RoleBinding",
        name,
        apiVersion=f"{rbac}/v1",
        roleRef={"apiGroup": rbac, "kind": "Role", "name": "coursegen-author"},
        subjects=[{"kind": "ServiceAccount", "name": name, "namespace": scene.namespace}],
    )


def environment(scene: Scene, folder: str) -> dict[str, str]:
    """Give a shell with kubectl."""
    return {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "HOME": folder,
        "KUBECONFIG": str(scene.system.kubectl.kubeconfig),
    }


def type_in(lines: list[str], environment: dict[str, str]) -> None:
    """Type the lines of a page one after the other: variables stay set, and ports stay forwarded, to its end."""
    variables, port = "", ""
    with ExitStack() as stack:
        for line in lines:
            if "port-forward" in line:
                port = stack.enter_context(forwarded(line, environment))
                continue
            if re.match(r"[A-Z]+=", line):
                variables += f"{line}; "
            typed = variables + re.sub(r"localhost:\d+", f"localhost:{port}", line)
            argv = ["bash", "-o", "pipefail", "-c", typed]
            done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            if line.startswith("curl"):
                assert '"Succeeded"' in done.stdout, f"{line}\n{done.stdout}"


@contextmanager
def forwarded(line: str, environment: dict[str, str]) -> Iterator[str]:
    """Forward a port as a line says, but from any that is free; give that."""
    words = line.split("#")[0].rstrip(" &").split()
    words[-1] = f":{words[-1].rpartition(':')[2]}"
    process = subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        assert found, f"{line}\n{said}"
        yield found[1]
    finally:
        process.terminate()
        process.wait()
