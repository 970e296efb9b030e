"""The operator as it is shipped: the files of its image, so that it runs on the Python that users run it on."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from localcluster import Reporter, images

from . import ground

_PYTHON = "/app/bin/python"
_KUBECONFIG = "/kubeconfig"


@dataclass(frozen=True)
class Program:
    """How the operator is started."""

    root: Path | None = None
    """The files of its image; None: this Python, and the sources beside it."""

    def command(self) -> list[str]:
        """Give the command; the process that it starts becomes the operator's."""
        python = ["chroot", str(self.root), _PYTHON] if self.root else [sys.executable]
        return ["setpriv", "--pdeathsig", "KILL", *python, "-m", "coursegen_operator"]

    def environment(self, kubeconfig: Path) -> dict[str, str]:
        """Give what it needs to be found, and to find the API server: the kubeconfig holds its certificates."""
        if self.root:
            shutil.copy(kubeconfig, self.root / _KUBECONFIG[1:])
            return {"PATH": "/app/bin:/usr/sbin:/usr/bin:/sbin:/bin", "USER": "coursegen", "KUBECONFIG": _KUBECONFIG}
        sources = os.pathsep.join(str(ground.ROOT / part / "src") for part in ("crds", "operator"))
        return {"PATH": os.environ["PATH"], "PYTHONPATH": sources, "KUBECONFIG": str(kubeconfig)}

    def python(self) -> str:
        """Say which Python it runs on."""
        *start, _, _ = self.command()
        version = subprocess.run([*start, "-V"], capture_output=True, text=True, check=True).stdout.strip()
        return f"{version} of the image" if self.root else f"{version} of this machine"


def unpack(folder: Path, reporter: Reporter) -> Program:
    """Build the operator's image, unless it is there, and lay its files out.

    Files that a later layer removes (the shell) stay: nothing here asks for them.
    """
    wanted = images.Build(f"{images.REGISTRY}/operator", ground.ROOT / "operator" / "Dockerfile", ground.ROOT)
    packed, root = folder / "operator.tar", folder / "operator"
    images.build(wanted, reporter).export(packed)
    with tarfile.open(packed) as outer:
        [image] = json.loads(_read(outer, "manifest.json"))
        for layer in image["Layers"]:
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                inner.extractall(root, filter="tar")
    packed.unlink()
    return Program(root)


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(name)
    assert found is not None, f"no {name} in the archive"
    return found.read()
