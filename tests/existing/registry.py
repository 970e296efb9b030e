"""A registry of images that a cluster pulls from, as a platform team has one: over TLS, by an authority of its own."""

import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcluster import pki

from .. import programs
from ..ports import free_port

_SECONDS = 60


@dataclass(frozen=True)
class Registry:
    """A running registry."""

    address: str
    """Host and port, as the node and this machine reach it."""
    authority: Path
    """The certificate that vouches for it."""


@contextmanager
def serving(host: str, folder: Path) -> Iterator[Registry]:
    """Serve a registry on an address of this machine during the body; its images lie in a folder."""
    leaf = pki.Leaf("registry", "registry", addresses=(host,))
    pki.ensure(folder / "pki", (leaf,))
    address = f"{host}:{free_port(host)}"
    config = folder / "registry.yaml"
    config.write_text(f"""\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: "{folder / "images"}"}}}}
http:
  addr: {address}
  tls: {{certificate: "{folder / "pki/registry.crt"}", key: "{folder / "pki/registry.key"}"}}
""")
    argv = ["setpriv", "--pdeathsig", "KILL", programs.registry(), "serve", str(config)]
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            found = Registry(address, folder / "pki" / "ca.crt")
            _wait(found, process)
            yield found
        finally:
            process.kill()
            process.wait()


def _wait(registry: Registry, process: "subprocess.Popen[bytes]") -> None:
    host, _, port = registry.address.rpartition(":")
    context = ssl.create_default_context(cafile=registry.authority)
    until = time.monotonic() + _SECONDS
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=5) as plain:
                context.wrap_socket(plain, server_hostname=host).close()
        except OSError:
            assert process.poll() is None, f"the registry ended with {process.returncode}"
            assert time.monotonic() < until, "the registry does not answer"
            time.sleep(0.1)
        else:
            return
