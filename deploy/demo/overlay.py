"""What deploy/overlays/local takes from this machine: its own passwords, made once, and the tags of its images."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = ROOT / "deploy" / "overlays" / "local"
GENERATED = OVERLAY / "generated"

SYSTEM = "coursegen-system"
TENANT = "courses"
STORE = "coursegen-store"

# Only the worker's image is no container of a manifest: the operator is told its name.
_WORKER = "coursegen/worker"
_REDIS = f"redis.{SYSTEM}.svc:6379"
_S3 = f"http://s3.{SYSTEM}.svc:7070"


def write(images: Mapping[str, str], folder: Path | None = None) -> None:
    """Write the generated component.

    Args:
        images: the image that stands in for each name of the manifests, for example
            {"coursegen/operator": "coursegen.local/operator:0123"}.
        folder: where to write it; default GENERATED.
    """
    folder = folder or GENERATED
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _once(folder, ("s3-root.env", "store.env"), _store_secrets)
    _once(folder, ("users.acl", "redis-operator.env", "redis-worker.env"), _redis_secrets)
    (folder / "kustomization.yaml").write_text(_component(images))


def _once(folder: Path, names: tuple[str, ...], make: Callable[[], tuple[str, ...]]) -> None:
    """Write files that belong together, unless all of them are there."""
    paths = [folder / name for name in names]
    if all(path.exists() for path in paths):
        return
    for path, text in zip(paths, make(), strict=True):
        making = path.with_suffix(".making")
        making.touch(mode=0o600)
        making.write_text(text)
        making.replace(path)


def _store_secrets() -> tuple[str, str]:
    access, secret = secrets.token_hex(10), secrets.token_urlsafe(30)
    server = f"ROOT_ACCESS_KEY={access}\nROOT_SECRET_KEY={secret}\n"
    worker = (
        "COURSEGEN_STORE_URL=s3://coursegen\n"
        f"AWS_ACCESS_KEY_ID={access}\nAWS_SECRET_ACCESS_KEY={secret}\n"
        f"AWS_ENDPOINT_URL={_S3}\nAWS_ALLOW_HTTP=true\nAWS_REGION=us-east-1\n"
    )
    return server, worker


def _redis_secrets() -> tuple[str, str, str]:
    """Make two users: the operator reads progress, workers append to it, and nobody does anything else."""
    operator, worker = secrets.token_hex(24), secrets.token_hex(24)
    keys = "resetkeys ~coursegen:progress:* resetchannels -@all"
    users = (
        "user default off\n"
        f"user operator on >{operator} {keys} +xread +xrange +xinfo|stream +ping +client|setinfo\n"
        f"user worker on >{worker} {keys} +xadd +ping\n"
    )
    return users, f"url=redis://operator:{operator}@{_REDIS}/0\n", f"url=redis://worker:{worker}@{_REDIS}/0\n"


def _component(images: Mapping[str, str]) -> str:
    lines = []
    for name, reference in sorted(images.items()):
        if name != _WORKER:
            repository, _, tag = reference.rpartition(":")
            lines += [f"- name: {name}", f"  newName: {repository}", f'  newTag: "{tag}"']
    return f"""\
# Written by deploy/demo; not in git. The passwords beside it are made once, the images' tags follow their content.
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
images:
{chr(10).join(lines)}
configMapGenerator:
- name: coursegen-operator
  namespace: {SYSTEM}
  behavior: merge
  literals:
  - COURSEGEN_WORKER_IMAGE={images[_WORKER]}
  - COURSEGEN_ENVIRONMENT=development
secretGenerator:
- name: coursegen-s3-root
  namespace: {SYSTEM}
  envs: [s3-root.env]
- name: coursegen-redis-acl
  namespace: {SYSTEM}
  files: [users.acl]
- name: coursegen-operator-redis
  namespace: {SYSTEM}
  envs: [redis-operator.env]
# The gateway reads what the operator and the workers read.
- name: coursegen-gateway-redis
  namespace: {SYSTEM}
  envs: [redis-operator.env]
- name: coursegen-gateway-store
  namespace: {SYSTEM}
  envs: [store.env]
# Workers find these two by name.
- name: {STORE}
  namespace: {TENANT}
  envs: [store.env]
  options:
    disableNameSuffixHash: true
- name: coursegen-redis
  namespace: {TENANT}
  envs: [redis-worker.env]
  options:
    disableNameSuffixHash: true
"""
