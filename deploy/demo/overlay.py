"""What deploy/overlays/local takes from this machine: its own passwords, made once, and the tags of its images.

Each tenant has an account of its own at the S3 server and at Redis. What these may do goes by the UIDs of the tenants'
namespaces: until `limit` is told a UID, a tenant's Redis user may append for any namespace.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from coursegen_api import names

ROOT = Path(__file__).resolve().parents[2]
OVERLAY = ROOT / "deploy" / "overlays" / "local"
GENERATED = OVERLAY / "generated"

SYSTEM = "coursegen-system"
TENANT = "courses"
TRIAL = "coursegen-test"
"""The tenant that test-queue has its load in."""
TENANTS = (TENANT, TRIAL)
STORE = "coursegen-store"
BUCKET = "coursegen"
GATEWAY = "gateway"
"""The account that reads all tenants' files, for downloads, and keeps what people send; at Redis, their progress."""
READERS = ("operator", GATEWAY)
"""Redis' users that read all tenants' progress: each has a password of its own, which can be changed by itself."""

# The worker's images are no containers of a manifest: the operator is told their names.
_WORKERS = {"coursegen/worker": "COURSEGEN_WORKER_IMAGE", "coursegen/worker-quality": "COURSEGEN_VALIDATION_IMAGE"}
_REDIS = f"redis.{SYSTEM}.svc:6379"
_S3 = f"http://s3.{SYSTEM}.svc:7070"
_UIDS = "uids.json"


def write(images: Mapping[str, str], folder: Path | None = None, tenants: Sequence[str] = TENANTS) -> None:
    """Write the generated component.

    Args:
        images: the image that stands in for each name of the manifests, for example
            {"coursegen/operator": "coursegen.local/operator:0123"}.
        folder: where to write it; default GENERATED.
        tenants: the namespaces that get accounts.
    """
    folder = folder or GENERATED
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _once(folder / "s3-root.env", _root)
    for account in (*tenants, GATEWAY):
        _once(folder / f"store-{account}.env", lambda account=account: _store_login(account))  # type: ignore[misc]
    for user in (*READERS, *tenants):
        _once(folder / f"redis-{user}.env", lambda user=user: _redis_login(user))  # type: ignore[misc]
    _put(folder / "users.json", _s3_users(folder, (*tenants, GATEWAY)))
    limit(folder, {tenant: _known_uids(folder).get(tenant, "") for tenant in tenants})
    _put(folder / "kustomization.yaml", _component(images, tenants))


def limit(folder: Path, uids: Mapping[str, str]) -> None:
    """Let the Redis user of each tenant append for its own namespace alone, now that this is there and has a UID."""
    _put(folder / _UIDS, json.dumps({**_known_uids(folder), **uids}))
    _write_acl(folder)


def policy(uids: Mapping[str, str]) -> dict[str, object]:
    """Give the bucket's policy: each tenant reaches what lies under its namespace's UID; the gateway reads, and keeps
    content that people send.
    """
    tenants = [s for tenant, uid in uids.items() for s in _statements(tenant, uid)]
    return {"Version": "2012-10-17", "Statement": [*tenants, *_OF_GATEWAY]}


def read_env(file: Path) -> dict[str, str]:
    """Read NAME=VALUE lines."""
    lines = (line for line in file.read_text().splitlines() if not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines if line)


# ---- the object store -----------------------------------------------------------------------------------

_OF_GATEWAY: list[dict[str, object]] = [
    {
        "Effect": "Allow",
        "Principal": {"AWS": [GATEWAY]},
        "Action": [action],
        "Resource": [f"arn:aws:s3:::{BUCKET}{what}"],
    }
    for action, what in (("s3:GetObject", "/*"), ("s3:PutObject", "/*/upload/*"), ("s3:ListBucket", ""))
]


def _statements(tenant: str, uid: str) -> list[dict[str, object]]:
    """Give what a tenant may do; docs/deploy.md shows the same to who has a store of their own."""
    who: dict[str, object] = {"Effect": "Allow", "Principal": {"AWS": [tenant]}}
    return [
        who
        | {
            "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
            "Resource": [f"arn:aws:s3:::{BUCKET}/{uid}/*"],
        },
        who
        | {
            "Action": ["s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{BUCKET}"],
            "Condition": {"StringEquals": {"s3:prefix": f"{uid}/"}},
        },
    ]


def _root() -> str:
    return f"ROOT_ACCESS_KEY={secrets.token_hex(10)}\nROOT_SECRET_KEY={secrets.token_urlsafe(30)}\n"


def _store_login(account: str) -> str:
    return (
        f"COURSEGEN_STORE_URL=s3://{BUCKET}\n"
        f"AWS_ACCESS_KEY_ID={account}\nAWS_SECRET_ACCESS_KEY={secrets.token_urlsafe(30)}\n"
        f"AWS_ENDPOINT_URL={_S3}\nAWS_ALLOW_HTTP=true\nAWS_REGION=us-east-1\n"
    )


def _s3_users(folder: Path, accounts: Sequence[str]) -> str:
    """Give the file in which versitygw looks accounts up."""
    logins = {a: read_env(folder / f"store-{a}.env") for a in accounts}
    found = {a: {"access": a, "secret": known["AWS_SECRET_ACCESS_KEY"], "role": "user"} for a, known in logins.items()}
    return json.dumps({"accessAccounts": found})


# ---- Redis -------------------------------------------------------------------------------------------------


def redis_reader(name: str, password: str) -> str:
    """Give the ACL line of who reads the progress of all namespaces, and does nothing else."""
    return f"user {name} on >{password} {_keys('*')} +xread +ping +client|setinfo\n"


def redis_worker(name: str, password: str, namespace_uid: str = "*") -> str:
    """Give the ACL line of who appends to the progress of one namespace, and does nothing else, not even read it."""
    return f"user {name} on >{password} {_keys(namespace_uid)} +xadd +ping\n"


def _keys(namespace_uid: str) -> str:
    return f"resetkeys ~{names.progress_stream(namespace_uid)} resetchannels -@all"


def _redis_login(user: str) -> str:
    return f"url=redis://{user}:{secrets.token_hex(24)}@{_REDIS}/0\n"


def _write_acl(folder: Path) -> None:
    uids = _known_uids(folder)
    lines = ["user default off\n", *(redis_reader(user, _redis_password(folder, user)) for user in READERS)]
    lines += [redis_worker(t, _redis_password(folder, t), uid or "*") for t, uid in sorted(uids.items())]
    _put(folder / "users.acl", "".join(lines))


def _redis_password(folder: Path, user: str) -> str:
    return str(urlsplit(read_env(folder / f"redis-{user}.env")["url"]).password)


def _known_uids(folder: Path) -> dict[str, str]:
    file = folder / _UIDS
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    return known


# ---- files -------------------------------------------------------------------------------------------------


def _once(path: Path, make: Callable[[], str]) -> None:
    """Write a file unless it is there."""
    if not path.exists():
        _put(path, make())


def _put(path: Path, text: str) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    making = path.with_suffix(".making")
    making.touch(mode=0o600)
    making.write_text(text)
    making.replace(path)


def _component(images: Mapping[str, str], tenants: Sequence[str]) -> str:
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
- name: coursegen-s3-users
  namespace: {SYSTEM}
  files: [users.json]
- name: coursegen-redis-acl
  namespace: {SYSTEM}
  files: [users.acl]
- name: coursegen-operator-redis
  namespace: {SYSTEM}
  envs: [redis-operator.env]
# The gateway reads the percentages and the files of all tenants.
- name: coursegen-gateway-redis
  namespace: {SYSTEM}
  envs: [redis-{GATEWAY}.env]
- name: coursegen-gateway-store
  namespace: {SYSTEM}
  envs: [store-{GATEWAY}.env]
# Workers find these by name.
{"".join(_of_tenant(tenant) for tenant in tenants)}"""


def _of_tenant(tenant: str) -> str:
    return f"""\
- name: {STORE}
  namespace: {tenant}
  envs: [store-{tenant}.env]
  options:
    disableNameSuffixHash: true
- name: coursegen-redis
  namespace: {tenant}
  envs: [redis-{tenant}.env]
  options:
    disableNameSuffixHash: true
"""
