"""The sandbox of one instance: a network and a mount namespace, held open by one process and linked to the host.

Inside it kubelet, containerd and kube-proxy may mount and write rules as on a machine of their own. Every mount, Pod
interface and nftables rule lives in these namespaces, so the kernel removes it with the last process of the instance,
and `down` has nothing to hunt for. Several instances never see one another.
"""

from __future__ import annotations

import ipaddress
import json
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from localcluster import cgroups, lock, programs, shell
from localcluster.errors import LocalClusterError
from localcluster.paths import Instance

_SLOTS = 64
_LINKS = ipaddress.ip_network("10.213.0.0/16")
_READY_SECONDS = 10.0

# kubelet, containerd and the CNI plugins write into these whatever their configuration says.
FIXED_FOLDERS = ("/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers")
# Where the node sees the instance's volumes: a path that no manifest has to learn, on a folder that Debian always has.
VOLUMES = "/mnt"

_HOLD = """
set -e
mount --make-rprivate /
while [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
exec sleep infinity
"""


@dataclass(frozen=True)
class Link:
    """The pair of interfaces between host and sandbox, and its two addresses; a machine has 64 of them."""

    slot: int

    @property
    def interface(self) -> str:
        return f"coursegen{self.slot}"

    @property
    def network(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network((int(_LINKS.network_address) + 4 * self.slot, 30))

    @property
    def host_address(self) -> str:
        return str(self.network.network_address + 1)

    @property
    def node_address(self) -> str:
        return str(self.network.network_address + 2)


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: the process that holds its namespaces, and its link."""

    holder: programs.ProcessId
    link: Link

    def enter(self, argv: tuple[str, ...] | list[str]) -> list[str]:
        """The command line that runs another inside.

        Not `ip netns exec`: that mounts a new /sys, without the cgroups that a node needs.
        """
        return ["nsenter", f"--target={self.holder.pid}", "--net", "--mount", "--", *argv]


def create(instance: Instance, preferred_slot: int | None) -> Sandbox:
    """Makes namespaces and link; the slot is the preferred one if it is free."""
    cgroups.create(instance.ident)
    holder = _hold(instance)
    return Sandbox(holder, _connect(holder, instance, preferred_slot))


def _hold(instance: Instance) -> programs.ProcessId:
    with folders_held(instance):
        return _hold_alone(instance)


def _hold_alone(instance: Instance) -> programs.ProcessId:
    mounts: list[str] = []
    for target in FIXED_FOLDERS:
        source = instance.volatile / "host" / target.strip("/").replace("/", "-")
        source.mkdir(parents=True, exist_ok=True)
        _make_target(instance, Path(target))
        mounts += [str(source), target]
    volumes = instance.data / "volumes"
    volumes.mkdir(parents=True, exist_ok=True)
    resolver = instance.volatile / "resolv.conf"
    resolver.write_text("# No name server: images come by load-image, never from a registry.\n")
    mounts += [str(volumes), VOLUMES, str(resolver), "/etc/resolv.conf"]
    log = instance.logs / "sandbox.log"
    argv = ["unshare", "--net", "--mount", "sh", "-c", _HOLD, "hold", *mounts, "--"]
    holder = programs.start(argv, cgroup=cgroups.system(instance.ident), log=log)
    deadline = time.monotonic() + _READY_SECONDS
    while _command(holder.pid) != "sleep":
        if not holder.alive() or time.monotonic() > deadline:
            raise LocalClusterError(
                "The sandbox could not be made.",
                log=log,
                hint="It needs root, and a kernel that allows new network and mount namespaces.",
            )
        time.sleep(0.005)
    return holder


def _make_target(instance: Instance, target: Path) -> None:
    """Makes a folder to mount on, and notes that it is ours to remove."""
    if not target.is_dir():
        target.mkdir(parents=True)
        with _made_folders(instance).open("a") as made:
            made.write(f"{target}\n")


def _command(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


def _connect(holder: programs.ProcessId, instance: Instance, preferred: int | None) -> Link:
    taken = _host_networks()
    slots = [*([] if preferred is None else [preferred]), *range(_SLOTS)]
    for link in map(Link, slots):
        if any(link.network.overlaps(network) for network in taken):
            continue
        # The kernel lets one caller only have the name: this is what keeps two instances apart.
        add = ["ip", "link", "add", link.interface, "type", "veth", "peer", "name", "eth0", "netns"]
        if shell.succeeds([*add, str(holder.pid)]):
            _configure(link, Sandbox(holder, link), instance)
            return link
    raise LocalClusterError(
        f"No free network for the cluster: all of {_LINKS} that this tool uses is taken.",
        hint="`localcluster status --all` lists the clusters that run; `localcluster down --name …` ends one.",
    )


def _configure(link: Link, sandbox: Sandbox, instance: Instance) -> None:
    host = [
        f"link set {link.interface} alias {instance.ident}",
        f"address add {link.host_address}/30 dev {link.interface}",
        f"link set {link.interface} up",
    ]
    node = [
        f"address add {link.node_address}/30 dev eth0",
        "link set eth0 up",
        f"route add default via {link.host_address}",
    ]
    shell.output(["ip", "-batch", "-"], stdin="\n".join(host) + "\n")
    shell.output(sandbox.enter(["ip", "-batch", "-"]), stdin="\n".join(node) + "\n")


def _host_networks() -> list[ipaddress.IPv4Network]:
    routes = json.loads(shell.output(["ip", "-json", "-4", "route", "show"]) or "[]")
    return [ipaddress.IPv4Network(r["dst"], strict=False) for r in routes if r["dst"] != "default"]


def remove(instance: Instance) -> None:
    """Ends every process of the instance, and with them its namespaces; removes its link and cgroups."""
    cgroups.kill(instance.ident)
    for link in json.loads(shell.output(["ip", "-json", "link", "show", "type", "veth"]) or "[]"):
        # The kernel removes the link too, but some moments after the last process.
        if link.get("ifalias") == instance.ident:
            shell.succeeds(["ip", "link", "delete", link["ifname"]])
    cgroups.remove(instance.ident)


def folders_held(instance: Instance) -> AbstractContextManager[None]:
    """Gives a lock: nobody else makes, mounts on or removes the folders that all instances share."""
    return lock.held(instance.home / ".made-folders.lock")


def remove_made_folders(instance: Instance, *, others_exist: bool) -> None:
    """Removes the empty folders that were made to mount on, once no other instance runs any more.

    Danger: removing a folder detaches what another instance has mounted there. So hold `folders_held` from before it was
    found out whether others exist.
    """
    made = _made_folders(instance)
    if others_exist or not made.exists():
        return
    for line in reversed(made.read_text().splitlines()):
        path = Path(line)
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    made.unlink()


def _made_folders(instance: Instance) -> Path:
    """The note of them: beside the instances, since the one that made a folder may go before one that uses it."""
    return instance.home / ".made-folders"
