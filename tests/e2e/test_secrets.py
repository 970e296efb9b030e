"""No value of a Secret is in any log, Event, status or manifest that a run leaves, whether it goes well or not."""

import base64
import re
import subprocess

from coursegen_api import names
from demo import overlay

from . import model
from .scene import SECONDS, Scene, chapter, course, outcomes
from .system import SYSTEM
from .test_gateway import gateway

WRONG_KEY, WRONG_PASSWORD = "wrong-key-of-the-store", "wrong-word-of-redis"
MODEL_KEY, WRONG_TOKEN = "sk-key-of-a-model-that-is-down", "token-of-nobody"
PARTS = ("coursegen-operator", "coursegen-gateway", "coursegen-prometheus", "coursegen-redis", "coursegen-s3")
LONG = ("--tail=-1", "--all-containers", "--prefix")


def values(scene: Scene) -> set[str]:
    """Give all that must not be seen: what the Secrets of this system hold, and what this test puts into them."""
    folder = scene.system.folder / "generated"
    files = [*folder.glob("store-*.env"), folder / "s3-root.env"]
    found = {v for file in files for k, v in overlay.read_env(file).items() if "SECRET" in k}
    found |= set(re.findall(r">(\S+)", (folder / "users.acl").read_text()))
    assert len(found) >= 4
    return found | {WRONG_KEY, WRONG_PASSWORD, MODEL_KEY, WRONG_TOKEN}


def left(scene: Scene) -> dict[str, str]:
    """Give everything that a run leaves for people to read."""
    workers = f"--selector={names.LABEL_MANAGED_BY}={names.MANAGED_BY}"
    said = {"workers": scene.kubectl("logs", workers, *LONG)}
    for part in PARTS:
        said[part] = scene.kubectl("logs", f"--namespace={SYSTEM}", f"--selector=app.kubernetes.io/name={part}", *LONG)
    kinds = "coursegen,chaptergen,qualval,courseexp,modelprov,jobs,pods,events"
    return said | {"objects": scene.kubectl("get", kinds, "-o", "yaml")}


def replace(scene: Scene, secret: str, **data: str) -> None:
    encoded = {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}
    scene.change("Secret", secret, "v1", data=encoded)


def test_no_value_of_a_secret_is_ever_printed(scene: Scene) -> None:
    scene.create("CourseGeneration", "well", course(1, exports=[{"format": "json"}]))
    model.secret(scene, "down", key=MODEL_KEY, allowedEndpoint=model.endpoint(scene))
    model.provider(scene, "down")
    scene.create("ChapterGeneration", "unasked", chapter("Nobody answers", queueName="once", providerName="down"))
    assert outcomes(scene.until_ended("unasked", "ChapterGeneration"))[0] in ("ProviderUnavailable", "Timeout")
    assert scene.until_ended("well")["phase"] == "Succeeded"
    with gateway(scene) as client:
        token = client.headers["Authorization"].removeprefix("Bearer ")
        assert client.get("/api/v1/tasks").json()["items"]
        assert client.get("/api/v1/tasks", headers={"Authorization": f"Bearer {WRONG_TOKEN}"}).status_code == 401
    replace(scene, names.SECRET_STORE, AWS_SECRET_ACCESS_KEY=WRONG_KEY)
    replace(scene, names.SECRET_REDIS, url=f"redis://worker:{WRONG_PASSWORD}@redis.{SYSTEM}.svc:6379/0")
    scene.create("ChapterGeneration", "ill", chapter("Not written yet", queueName="once"))
    assert outcomes(scene.until_ended("ill", "ChapterGeneration"))[0] in ("StorageUnavailable", "Timeout")
    said = left(scene)
    assert "task-ended" in said["workers"]
    assert "progress-unavailable" in said["workers"], "the wrong Redis password was tried"
    printed = '"redis_folder": "/run/coursegen/redis"'
    assert printed in said["coursegen-operator"].replace("\\", ""), "the settings are printed at the start"
    hidden = values(scene) | {token}
    seen = {(where, value[:4]) for where, text in said.items() for value in hidden if value in text}
    assert not seen


def test_the_next_pod_has_what_its_secrets_hold_by_then(scene: Scene) -> None:
    """Nothing is restarted; the store's Secret is rotated in test_wrong_credentials_of_the_store."""
    right = scene.system.secrets()[names.SECRET_REDIS]
    replace(scene, names.SECRET_REDIS, url=f"redis://worker:{WRONG_PASSWORD}@redis.{SYSTEM}.svc:6379/0")
    scene.create("ChapterGeneration", "mute", chapter("Lists", queueName="slow"))
    status = scene.until_ended("mute", "ChapterGeneration")
    assert (status["phase"], status.get("progressTime")) == ("Succeeded", None)
    replace(scene, names.SECRET_REDIS, **right)
    scene.create("ChapterGeneration", "heard", chapter("Sets", queueName="slow"))
    scene.until("ChapterGeneration", "heard", lambda s: s.get("progressTime"))

    model.serve(scene)
    model.secret(scene, "model", key="sk-old", allowedEndpoint="https://before.example/v1")
    model.provider(scene, "model")
    scene.create("ChapterGeneration", "written", chapter("Maps", providerName="model"))
    assert outcomes(scene.until_ended("written", "ChapterGeneration")) == ["Rejected"]
    replace(scene, "model", key="sk-new", allowedEndpoint=model.endpoint(scene))
    scene.annotate("ChapterGeneration", "written", names.ANNOTATION_RETRY, "the Secret was changed")
    status = scene.until("ChapterGeneration", "written", lambda s: s["revision"] == 1 and s["phase"] == "Succeeded")
    assert status["usage"]["completionTokens"] > 0


def test_there_is_no_shell_in_any_image(scene: Scene) -> None:
    model.serve(scene)
    worker = "pod/model"  # is of the worker's image, and stays
    running = scene.kubectl("get", "deployments,statefulsets", "-n", SYSTEM, "-o", "name").split()
    assert {workload.rpartition("/")[2] for workload in running} >= set(PARTS)
    for namespace, workload in [(scene.namespace, worker), *((SYSTEM, workload) for workload in running)]:
        for shell in ("sh", "/bin/sh", "bash", "busybox"):
            said = refused(scene, namespace, workload, shell)
            assert "no such file or directory" in said or "executable file not found" in said, f"{workload}: {said}"


def refused(scene: Scene, namespace: str, workload: str, program: str) -> str:
    """Give why a program cannot be run in a container."""
    access = scene.system.kubectl
    argv = [str(access.program), f"--kubeconfig={access.kubeconfig}", "-n", namespace, "exec", workload, "--", program]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode != 0, f"{workload} runs {program}"
    return done.stderr
