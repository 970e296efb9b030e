"""`--watch`: a change appears by itself, and ^C ends it; in a pipe one screen follows another."""

import signal
from collections.abc import Callable

import pytest

from ...e2e.scene import Scene, chapter, course
from ..operator.kubelet import RUNS, Kubelet
from .shell import Shell, until_says


def _cancel(scene: Scene) -> None:
    scene.annotate("ChapterGeneration", "loops", "coursegen.dev/cancelRequestedAt", "now")


def _another(scene: Scene) -> None:
    scene.create("CourseGeneration", "d", course(1, suspend=True))


def _go_on(scene: Scene) -> None:
    scene.change("ChapterGeneration", "loops", spec={"suspend": False})


CASES = [
    (("get-task", "loops"), "Phase     Suspended", _cancel, "Phase     Cancelled"),
    (("status",), "1 suspended", _another, "2 suspended"),
    (("active",), "Nothing runs in namespace", _go_on, "chaptergen/loops"),
    (("active", "-o", "name"), "", _go_on, "chaptergen/loops"),
]


@pytest.mark.parametrize(("arguments", "before", "change", "after"), CASES, ids=[" ".join(c[0]) for c in CASES])
def test_a_change_appears_and_an_interrupt_ends_it(
    shell: Shell,
    scene: Scene,
    kubelet: Kubelet,
    waiting: None,
    arguments: tuple[str, ...],
    before: str,
    change: Callable[[Scene], None],
    after: str,
) -> None:
    kubelet.decide = lambda task: RUNS
    watch = shell.start("kubectl-coursegen", *arguments, "--watch", "-n", scene.namespace)
    seen = until_says(watch, before)
    assert after not in seen
    change(scene)
    seen = until_says(watch, after)
    watch.send_signal(signal.SIGINT)
    rest, trouble = watch.communicate(timeout=60)
    assert (watch.returncode, trouble) == (130, "")
    assert "\x1b" not in seen + rest, "nothing is drawn over in a pipe"


def test_on_a_terminal_the_screen_is_drawn_anew(shell: Shell, scene: Scene, waiting: None) -> None:
    argv = ("kubectl-coursegen", "get-task", "loops", "-w", "-n", scene.namespace)
    seen = shell.on_a_terminal(*argv, until="Suspended", code=130)
    assert "\x1b[H" in seen
    assert "Traceback" not in seen


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_machines_ask_again_by_themselves(shell: Shell, waiting: None, form: str) -> None:
    _, said = shell.run("status", "--watch", "-o", form, "-n", shell.namespace, code=2)
    assert f"`status --watch` is for people: leave out -o {form}." in said


def test_an_object_that_is_gone_ends_a_watch(shell: Shell, scene: Scene, waiting: None) -> None:
    scene.create("ChapterGeneration", "short", chapter(suspend=True))
    watch = shell.start("kubectl-coursegen", "get-task", "short", "--watch", "-n", scene.namespace)
    until_says(watch, "chaptergen/short")
    scene.delete("ChapterGeneration", "short")
    _, said = watch.communicate(timeout=60)
    assert (watch.returncode, "is called short" in said) == (3, True), said
