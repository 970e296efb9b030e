"""What deploy/overlays/local takes from this machine: its own passwords, made once, and the tags of its images."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from coursegen_api import names

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = ROOT / "deploy" / "overlays" / "local"
GENERATED = OVERLAY / "generated"

SYSTEM = "coursegen-system"
TENANT = "courses"
STORE = "coursegen-store"

# The worker's images are no containers of a manifest: the operator is told their names.
_WORKERS = {"coursegen/worker": "COURSEGEN_WORKER_IMAGE", "coursegen/worker-quality": "COURSEGEN_VALIDATION_IMAGE"}
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


def redis_reader(name: str, password: str) -> str:
    """Give the ACL line of who reads the progress of all namespaces, and does nothing else."""
    return f"user {name} on >{password} {_keys('*')} +xread +xrange +xinfo|stream +ping +client|setinfo\n"


def redis_worker(name: str, password: str, namespace_uid: str = "*") -> str:
    """Give the ACL line of who appends to the progress of one namespace, and does nothing else, not even read it."""
    return f"user {name} on >{password} {_keys(namespace_uid)} +xadd +ping\n"


def _keys(namespace_uid: str) -> str:
    return f"resetkeys ~{names.progress_stream(namespace_uid)} resetchannels -@all"


def limit_worker(folder: Path, namespace_uid: str) -> None:
    """Let the worker's Redis user write for one namespace alone, now that the namespace is there and has a UID."""
    file = folder / "users.acl"
    lines = file.read_text().splitlines()
    password = next(line.split(">")[1].split()[0] for line in lines if line.startswith("user worker "))
    kept = [f"{line}\n" for line in lines if not line.startswith("user worker ")]
    file.write_text("".join(kept) + redis_worker("worker", password, namespace_uid))


def _redis_secrets() -> tuple[str, str, str]:
    """Make two users; a worker's may write for any namespace until there is one to limit it to."""
    operator, worker = secrets.token_hex(24), secrets.token_hex(24)
    users = "user default off\n" + redis_reader("operator", operator) + redis_worker("worker", worker)
    return users, f"url=redis://operator:{operator}@{_REDIS}/0\n", f"url=redis://worker:{worker}@{_REDIS}/0\n"


def _component(images: Mapping[str, str]) -> str:
    lines, told = [], []
    for name, reference in sorted(images.items()):
        if name in _WORKERS:
            told.append(f"  - {_WORKERS[name]}={reference}")
        else:
            by = "@" if "@" in reference else ":"
            repository, _, version = reference.rpartition(by) if by == ":" else reference.partition(by)
            field = "digest" if by == "@" else "newTag"
            lines += [f"- name: {name}", f"  newName: {repository}", f'  {field}: "{version}"']
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
{chr(10).join(told)}
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
