"""The overlays as they are judged: each rendered by itself, so that nothing of one stands for what another lacks."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from demo import overlay, registry
from localcluster import golang, images
from localcluster.progress import Reporter

DEPLOY = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Judged:
    """What is applied together: overlays, and components over them."""

    overlays: tuple[str, ...]
    components: tuple[str, ...] = ()
    namespace: str = ""
    """For components that lie in a namespace of yours."""


JUDGED: Mapping[str, Judged] = {
    "production": Judged(("production",), ("dedicated-workers", "kueue")),
    "production/tenant": Judged(("production/tenant",), ("kueue/tenant", "s3-secret"), "courses"),
    "namespaced": Judged(("namespaced",)),
    "shard": Judged(("production", "shard")),  # it is beside production, in whose namespace it is
    "local": Judged(("local",)),
    "kind": Judged(("kind",)),
}
"""Every overlay; with the components that none has, which bring neither Pods nor policies."""

_OURS = {name: f"{images.REGISTRY}/{name.rpartition('/')[2]}:0123456789ab" for name in registry.PARTS}
_OTHERS = dict.fromkeys(("redis", "versity/versitygw", "prom/prometheus"), f"{images.REGISTRY}/other:0123456789ab")
_GENERATED = {"local": _OURS | _OTHERS, "kind": _OURS}
"""Overlays that hold passwords and names of images that are not in git, and what stands for those images here."""


def rendered() -> dict[str, str]:
    """Give the manifests of all that is judged, by its name."""
    kubectl = golang.ensure(golang.CONTROL_PLANE, Reporter(sys.stderr)) / "kubectl"
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        tree = _tree(Path(folder))
        for number, (name, judged) in enumerate(JUDGED.items()):
            place = tree / f"judged-{number}"
            place.mkdir()
            (place / "kustomization.yaml").write_text(_kustomization(judged))
            argv = [str(kubectl), "kustomize", str(place)]
            found[name] = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return found


def _kustomization(judged: Judged) -> str:
    resources = [f"../overlays/{name}" for name in judged.overlays]
    components = [f"../components/{name}" for name in judged.components]
    namespace = {"namespace": judged.namespace} if judged.namespace else {}
    return json.dumps({"resources": resources, "components": components} | namespace)


def _tree(folder: Path) -> Path:
    """Copy the manifests, with what somebody has to make who applies them; gives the copy of deploy/."""
    shutil.copytree(DEPLOY.parent / "crds", folder / "crds", ignore=shutil.ignore_patterns("src"))
    tree = folder / "deploy"
    for part in ("base", "components", "monitoring", "overlays"):
        shutil.copytree(DEPLOY / part, tree / part, ignore=shutil.ignore_patterns("generated"))
    for name, references in _GENERATED.items():
        overlay.write(references, tree / "overlays" / name / "generated")
    secret = tree / "components" / "s3-secret"
    shutil.copy(secret / "store.env.example", secret / "store.env")
    return tree
