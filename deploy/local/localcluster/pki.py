"""The certificates of one instance, by the openssl program: each is one call, and Python needs no package for it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from localcluster import files, shell

DAYS = "3650"
CA_NAME = "ca"
SERVICE_ACCOUNT_KEY = "service-account.key"
SERVICE_ACCOUNT_PUBLIC_KEY = "service-account.pub"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")


@dataclass(frozen=True)
class Leaf:
    """A certificate that the instance's authority signs: the subject is a Kubernetes user and its groups."""

    name: str
    user: str
    group: str | None = None
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def subject(self) -> str:
        return (f"/O={self.group}" if self.group else "") + f"/CN={self.user}"

    @property
    def extensions(self) -> list[str]:
        served = [f"IP:{a}" for a in self.addresses] + [f"DNS:{n}" for n in self.names]
        usage = "serverAuth" if served else "clientAuth"
        return [
            "basicConstraints=critical,CA:FALSE",
            "keyUsage=critical,digitalSignature",
            f"extendedKeyUsage={usage}",
            *([f"subjectAltName={','.join(served)}"] if served else []),
        ]


def leaves(node_address: str, service_address: str, node_name: str) -> tuple[Leaf, ...]:
    """Every certificate that the programs of an instance need."""
    api_names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    return (
        Leaf(
            "apiserver",
            "kube-apiserver",
            addresses=(node_address, service_address, "127.0.0.1"),
            names=(*api_names, "kubernetes.default.svc.cluster.local"),
        ),
        Leaf("kubelet-server", f"system:node:{node_name}", addresses=(node_address,), names=(node_name,)),
        Leaf("admin", "admin", group="system:masters"),
        Leaf("apiserver-kubelet", "kube-apiserver-kubelet-client", group="system:masters"),
        Leaf("controller-manager", "system:kube-controller-manager"),
        Leaf("scheduler", "system:kube-scheduler"),
        Leaf("kubelet", f"system:node:{node_name}", group="system:nodes"),
        Leaf("kube-proxy", "system:kube-proxy"),
        Leaf("coredns", "system:coredns"),
        Leaf("kube-router", "system:kube-router"),
        Leaf("kwok", "system:kwok", group="system:masters"),
    )


def ensure(folder: Path, wanted: tuple[Leaf, ...]) -> None:
    """Makes the authority once, and every leaf that is missing or was made for other names."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / f"{CA_NAME}.crt").exists():
        _authority(folder)
    if not (folder / SERVICE_ACCOUNT_PUBLIC_KEY).exists():
        _service_account_key(folder)
    stale = [leaf for leaf in wanted if not _is_current(folder, leaf)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda leaf: _sign(folder, leaf), stale))


def _authority(folder: Path) -> None:
    # Python 3.13 refuses an authority without the key usage extension.
    usage = "keyUsage=critical,keyCertSign,cRLSign"
    argv = ["openssl", "req", "-x509", *_KEY, "-days", DAYS, "-subj", "/CN=coursegen-local", "-addext", usage]
    _write_pair(folder, CA_NAME, argv)


def _service_account_key(folder: Path) -> None:
    text = shell.output(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
    files.write(folder / SERVICE_ACCOUNT_KEY, text, private=True)
    (folder / SERVICE_ACCOUNT_PUBLIC_KEY).write_text(shell.output(["openssl", "pkey", "-pubout"], stdin=text))


def _sign(folder: Path, leaf: Leaf) -> None:
    argv = ["openssl", "req", "-x509", *_KEY, "-days", DAYS, "-subj", leaf.subject]
    argv += ["-CA", str(folder / f"{CA_NAME}.crt"), "-CAkey", str(folder / f"{CA_NAME}.key")]
    for extension in leaf.extensions:
        argv += ["-addext", extension]
    _write_pair(folder, leaf.name, argv)
    (folder / f"{leaf.name}.made-for").write_text(_made_for(leaf))


def _write_pair(folder: Path, name: str, argv: list[str]) -> None:
    made = folder / f".{name}.made"
    shell.output([*argv, "-keyout", str(made), "-out", str(folder / f"{name}.crt")])
    files.write(folder / f"{name}.key", made.read_text(), private=True)
    made.unlink()


def _is_current(folder: Path, leaf: Leaf) -> bool:
    made_for = folder / f"{leaf.name}.made-for"
    return made_for.exists() and made_for.read_text() == _made_for(leaf)


def _made_for(leaf: Leaf) -> str:
    return json.dumps([leaf.subject, leaf.extensions])
