"""The way to the API server, with and without a proxy: as kubectl takes it."""

import json
from pathlib import Path

import pytest

from coursegen import access, transport

PROXY = "http://proxy.example.com:3128"


def kubeconfig(folder: Path, server: str, **cluster: str) -> str:
    file = folder / "kubeconfig"
    parts = {"clusters": {"cluster": {"server": server, **cluster}}, "users": {"user": {"token": "t"}}}
    named = {kind: [{"name": "c", **part}] for kind, part in parts.items()}
    context = {"contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}], "current-context": "c"}
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config"} | named | context))
    return str(file)


@pytest.mark.parametrize(
    ("server", "excepted", "proxy"),
    [
        ("https://10.1.2.3:6443", None, PROXY),
        ("https://10.1.2.3:6443", "10.1.2.3", None),
        ("https://10.1.2.3:6443", "example.com, 10.0.0.0/8", None),
        ("https://10.1.2.3:6443", "192.168.0.0/16,10.1.2.4", PROXY),
        ("https://[fd00::1]:6443", "fd00::/8", None),
        ("https://api.example.com", ".example.com", None),
        ("https://api.example.com", "example.com", None),
        ("https://api.example.com", "example.org", PROXY),
        ("https://api.example.com", "notexample.com", PROXY),
        ("https://api.example.com", "*", None),
        ("https://api.example.com:6443", "example.com:6443", None),
        ("https://api.example.com:6443", "example.com:443", PROXY),
        ("https://127.0.0.1:6443", None, None),
        ("https://localhost:6443", None, None),
        ("http://10.1.2.3:8001", None, None),  # there is a proxy for https alone
    ],
)
def test_no_proxy_counts_as_it_does_for_kubectl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, excepted: str | None, proxy: str | None
) -> None:
    for name in ("HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        for spelt in (name, name.lower()):
            monkeypatch.delenv(spelt, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    if excepted:
        monkeypatch.setenv("NO_PROXY", excepted)
    found = access.find(kubeconfig(tmp_path, server))
    assert found.proxy == proxy
    assert transport.settings(found)["trust_env"] is False


def test_the_kubeconfigs_own_proxy_counts_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    own = "http://jump.example.com:8888"
    assert access.find(kubeconfig(tmp_path, "https://10.1.2.3:6443", **{"proxy-url": own})).proxy == own
