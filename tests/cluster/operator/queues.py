"""Changes queues for what is created next: the operator's watches of queues and of work are two, and have no order."""

from coursegen_api.names import API_VERSION

from ...e2e.scene import SECONDS, Scene

QUEUES = f"/apis/{API_VERSION}/generationqueues"


def change(scene: Scene, queue: str, **spec: object) -> None:
    """Change a queue, and wait until its status says that the operator has read that."""
    recorder = scene.system.recorder
    changed = scene.system.request("PATCH", f"{QUEUES}/{queue}", {"spec": spec}, "application/merge-patch+json")

    def is_read() -> bool:
        found = recorder.now("GenerationQueue", "", queue) or {}
        return found.get("status", {}).get("observedGeneration", 0) >= changed["metadata"]["generation"]

    recorder.until(is_read, SECONDS, lambda: f"the operator has not read {queue}")
