"""`test-queue` that is not passed: what it says, and its exit code."""

import json

import pytest

from coursegen_api.task import TaskInput, TaskKind

from ...e2e.scene import Scene
from ..operator.kubelet import End, Kubelet, well
from .shell import Shell
from .test_steering import REFUSED

LOAD = ("test-queue", "--courses", "1", "--chapters", "1", "-o", "json", "--scratch")


@pytest.fixture
def scratch(scene: Scene) -> Scene:
    scene.create("Secret", "coursegen-store", apiVersion="v1", stringData={"COURSEGEN_STORE_URL": "s3://none"})
    return Scene(scene.system, f"{scene.namespace}-scratch", [])


def _chapters_fail(task: TaskInput) -> End | None:
    return REFUSED if task.work.kind is TaskKind.CHAPTER else well(task)


@pytest.mark.parametrize(
    ("more", "code", "target", "faults"),
    [
        (
            (),
            1,
            (95, "the operator's setting"),
            ["0.0 % of tasks succeeded; the target is 95 %", "a chapter failed: InvalidInput: No verb"],
        ),
        (("--target", "0"), 0, (0, "as asked for"), []),
    ],
)
def test_a_load_that_fails_is_no_passed_test(
    shell: Shell, scratch: Scene, more: tuple[str, ...], code: int, target: tuple[int, str], faults: list[str]
) -> None:
    with Kubelet(scratch, _chapters_fail):
        told = json.loads(shell(*LOAD, scratch.namespace, *more, code=code))
    assert (told["passed"], told["faults"]) == (not faults, faults)
    assert (told["targetPercent"], told["targetSource"]) == target


def test_a_load_that_takes_too_long_is_given_up_and_removed(shell: Shell, scratch: Scene) -> None:
    argv = (*LOAD[:-3], "--timeout", "1", "--scratch", scratch.namespace, "-n", shell.namespace)
    with Kubelet(scratch, lambda task: None):
        out, err = shell.run(*argv, code=1)
    verdict = out.splitlines()[-1]
    assert verdict == ("Verdict: FAILED: 1 of 1 courses did not end in time; nothing ended; the target is 95 %."), (
        out + err
    )
    assert f"Namespace {scratch.namespace} is being removed" in err
    scratch.kubectl("wait", "--for=delete", f"namespace/{scratch.namespace}", "--timeout=240s")
