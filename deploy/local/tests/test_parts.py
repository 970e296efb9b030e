"""Small promises of the parts that the lifecycle rests on."""

from __future__ import annotations

import io
import ipaddress
import json
import os
import platform
import re
import subprocess
import tarfile
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from localcluster import archive, cgroups, cli, files, golang, lock, paths, proxies, record, sandbox
from localcluster.archive import File, ScratchImage
from localcluster.errors import LocalClusterError
from localcluster.paths import Instance
from localcluster.programs import ProcessId, Program, Running
from localcluster.progress import Reporter, Step
from localcluster.record import Record
from localcluster.sandbox import Link
from localcluster.settings import Options


def test_the_way_to_a_cluster_of_this_machine_goes_past_every_proxy() -> None:
    environ = {"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "example.com"}
    for _ in range(2):
        proxies.stand_aside(environ)
        assert environ["NO_PROXY"] == environ["no_proxy"] == "example.com,127.0.0.1,localhost,10.213.0.0/16"
    near = [ipaddress.ip_network(entry) for entry in environ["NO_PROXY"].split(",") if entry[-1].isdigit()]
    assert all(any(Link(slot).network.subnet_of(network) for network in near) for slot in range(64))  # type: ignore[arg-type]


def test_no_two_slots_share_an_address() -> None:
    networks = [Link(slot).network for slot in range(64)]
    assert not any(a.overlaps(b) for i, a in enumerate(networks) for b in networks[:i])


def test_a_machine_that_lets_nobody_make_a_cgroup_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "_MOUNT", tmp_path)
    for name in ("cgroup.controllers", "coursegen-demo-0"):  # a file is in the way: root may write on any other
        (tmp_path / name).touch()
    with pytest.raises(LocalClusterError, match="No cgroup can be made"):
        cgroups.create("coursegen-demo-0")


def test_kube_router_is_compiled_from_the_versions_that_kubernetes_has() -> None:
    """Else everything that they share is compiled twice."""
    kubernetes, kube_router = (
        dict(re.findall(r"^\t(\S+) (v\S+)", (module.folder / "go.mod").read_text(), re.MULTILINE))
        for module in (golang.CONTROL_PLANE, golang.KUBE_ROUTER)
    )
    shared = kubernetes.keys() & kube_router.keys()
    assert shared
    assert {p: kube_router[p] for p in shared} == {p: kubernetes[p] for p in shared}


def test_a_process_is_not_taken_for_a_later_one_with_its_number() -> None:
    me = ProcessId.of(os.getpid())
    assert me is not None
    assert me.alive()
    assert not ProcessId(me.pid, me.start_ticks - 1).alive()


def test_a_zombie_has_ended() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert ProcessId.of(child.pid) is None
    child.wait()


def test_a_program_changes_with_its_command_line_and_with_what_it_reads(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("a")
    program = Program("p", ("p", "--x"), (config,))
    before = program.fingerprint
    assert Program("p", ("p", "--y"), (config,)).fingerprint != before
    config.write_text("b")
    assert program.fingerprint != before


def test_a_record_survives_writing_and_reading(tmp_path: Path) -> None:
    known = Record(
        boot="b",
        slot=3,
        holder=ProcessId(7, 8),
        options=Options(audit_log=True),
        running={"etcd": Running(ProcessId(1, 2), "mark")},
        settled=False,
    )
    record.save(tmp_path / "record", known)
    assert record.load(tmp_path / "record") == known


def test_half_a_record_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "record").write_text('{"boot": "b"')
    assert record.load(tmp_path / "record") is None


def test_a_file_that_stays_the_same_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "config"
    files.write(path, "text")
    before = path.stat().st_ino
    files.write(path, "text")
    assert path.stat().st_ino == before


def test_a_secret_is_never_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "key"
    files.write(path, "text", private=True)
    assert path.stat().st_mode & 0o077 == 0


def test_who_waits_for_a_lock_file_that_is_removed_takes_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    seen: list[bool] = []

    def wait() -> None:
        with lock.held(path):
            seen.append(path.exists())

    with lock.held(path):
        waiter = threading.Thread(target=wait)
        waiter.start()
        path.unlink()
    waiter.join(5)
    assert seen == [True]


def test_the_same_files_make_the_same_archive(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    image = ScratchImage("example/program:1", {"/program": File(program)}, ("/program",), folders=("/tmp",))
    for name in ("one.tar", "two.tar"):
        archive.write(image, tmp_path / name)
        os.utime(program, (1, 1))
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


@pytest.mark.parametrize(("machine", "named"), [("x86_64", "amd64"), ("aarch64", "arm64"), ("riscv64", "riscv64")])
def test_an_image_is_for_the_machine_that_its_programs_were_built_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str, named: str
) -> None:
    (tmp_path / "program").touch()
    monkeypatch.setattr(platform, "machine", lambda: machine)
    archive.write(ScratchImage("p:1", {"/p": File(tmp_path / "program")}, ("/p",)), tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as image:
        [manifest] = json.load(image.extractfile("manifest.json"))  # type: ignore[arg-type]
        assert json.load(image.extractfile(manifest["Config"]))["architecture"] == named  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "Upper", "a/b", "-a", "a" * 21])
def test_a_name_that_cannot_name_a_cluster_is_refused(name: str) -> None:
    with pytest.raises(LocalClusterError, match="cannot name a cluster"):
        paths.instance(name)


def test_stages_without_fake_nodes_are_refused() -> None:
    with pytest.raises(LocalClusterError, match="how many"):
        Options(kwok_stages="/somewhere")


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_line_never_wraps(columns: int) -> None:
    assert len(Step("a step", "says much " * 20).line("·", columns)) < columns


@pytest.mark.parametrize("others_run", [True, False])
def test_made_folders_go_with_the_last_instance_and_only_when_empty(tmp_path: Path, others_run: bool) -> None:
    empty, used = tmp_path / "empty", tmp_path / "used"
    empty.mkdir()
    (used / "by-somebody").mkdir(parents=True)
    (tmp_path / ".made-folders").write_text(f"{empty}\n{used}\n")
    sandbox.remove_made_folders(Instance("a", tmp_path), others_exist=others_run)
    assert empty.exists() is others_run
    assert used.exists()


def test_a_failed_step_is_one_line_with_a_cross() -> None:
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError), Reporter(stream).step("build it", "all of it"):
        raise ZeroDivisionError
    assert stream.getvalue().startswith("  ✗ build it")
    assert stream.getvalue().count("\n") == 1


def test_an_error_shows_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("first\nthe reason\n")
    text = str(LocalClusterError("It failed.", log=log, hint="Do this."))
    assert text.splitlines() == ["It failed.", "  | first", "  | the reason", f"Log: {log}", "Do this."]


@pytest.mark.parametrize(
    ("words", "ours", "passed_on"),
    [
        (["kubectl", "get", "-h"], ["kubectl"], ["get", "-h"]),
        (["kubectl", "--name", "a", "exec", "p", "--", "id"], ["kubectl", "--name", "a"], ["exec", "p", "--", "id"]),
        (["kubectl", "--name=a", "-n", "t", "get"], ["kubectl", "--name=a"], ["-n", "t", "get"]),
        (["status", "--name", "a"], ["status", "--name", "a"], []),
    ],
)
def test_what_follows_kubectl_is_kubectls(words: Sequence[str], ours: Sequence[str], passed_on: Sequence[str]) -> None:
    found_ours, found_rest = cli.split(words)
    assert (list(found_ours), list(found_rest)) == (ours, passed_on)


def test_an_expected_failure_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["kubectl", "--name", "NO", "get", "pods"]) == 1
    assert "cannot name a cluster" in capsys.readouterr().err
