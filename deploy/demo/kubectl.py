"""kubectl, as the tool that everybody deploys with; and its proxy, for questions that are asked often."""

import json
import os
import re
import shutil
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcluster import shell
from localcluster.errors import LocalClusterError

Json = dict[str, Any]

_ANSWER_SECONDS = 10.0


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the kubeconfig of one cluster; what it prints goes to a log."""

    program: Path
    kubeconfig: Path
    log: Path

    def run(self, *arguments: str, what: str) -> None:
        """Run a command; a failure's error says `what` failed and ends with the log's last lines."""
        shell.logged([str(self.program), *arguments], what=what, log=self.log, env=self._environment())

    def output(self, *arguments: str) -> str:
        """Run a short command and give what it printed."""
        argv = [str(self.program), *arguments]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=self._environment())
        if done.returncode != 0:
            raise LocalClusterError(f"kubectl {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout

    @contextmanager
    def background(self, *arguments: str, says: str) -> Iterator[re.Match[str]]:
        """Keep a command running during the body, which gets the match of `says` in what the command says at first."""
        # Ends with us, even if we are killed; where there is no Linux, kind runs all the same.
        with_us = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
        process = subprocess.Popen(
            [*with_us, str(self.program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment(),
            start_new_session=True,  # Ctrl-C is ours to handle
        )
        try:
            assert process.stdout is not None
            said = []  # warnings come first, as of a kubeconfig that is not there
            for line in process.stdout:
                if match := re.search(says, line):
                    break
                said.append(line)
            else:
                words = "".join(said).strip() or "it said nothing"
                raise LocalClusterError(f"kubectl {arguments[0]} did not start: {words}")
            yield match
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}


@dataclass(frozen=True)
class Proxy:
    """The API server behind `kubectl proxy`: a GET costs a thousandth of a new kubectl."""

    address: str

    def get(self, path: str) -> Json | None:
        """Read an object or a list; None if it is not there."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.address}{path}", timeout=_ANSWER_SECONDS) as response:
                answer: Json = json.load(response)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise
        return answer


@contextmanager
def proxy(kubectl: Kubectl) -> Iterator[Proxy]:
    """Keep a proxy open during the body."""
    with kubectl.background("proxy", "--port=0", says=r"127\.0\.0\.1:\d+") as found:
        yield Proxy(f"http://{found[0]}")
