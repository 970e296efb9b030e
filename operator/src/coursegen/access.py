"""Where the API server is, and how to be let in: as the kubeconfig says, or as a Pod's service account."""

import os
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies_environment

from .errors import UnreachableError

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class Access:
    """A way to an API server."""

    server: str
    namespace: str
    """Where objects are meant to be, unless a call says otherwise."""
    verify: ssl.SSLContext | bool
    headers: Callable[[], dict[str, str]]
    """Gives the header that authorises a request; a token that expires is made anew."""
    proxy: str | None = None
    """Through which the server is reached; None: straight."""
    server_name: str | None = None
    """That its certificate has, and a tunnel routes by; None: the host of `server`."""


def find(kubeconfig: str | None = None, context: str | None = None, namespace: str | None = None) -> Access:
    """Find the API server; the kubeconfig comes first, as it does for kubectl.

    Raises:
        UnreachableError: there is none, or the kubeconfig cannot be used.
    """
    # Half a second: the package imports a class for each of Kubernetes' own kinds.
    from kubernetes import config
    from kubernetes.client import Configuration
    from kubernetes.config.config_exception import ConfigException

    # None of it is typed.
    load: Any = config.load_kube_config
    load_inside: Any = config.load_incluster_config
    contexts: Any = config.list_kube_config_contexts
    inside = _ACCOUNT.joinpath("token").exists() and os.environ.get("KUBERNETES_SERVICE_HOST")
    configuration = Configuration()
    configuration.proxy = None  # the environment's, which it takes whatever NO_PROXY says
    try:
        if inside and not (kubeconfig or context or os.environ.get("KUBECONFIG")):
            load_inside(client_configuration=configuration)
            own = _ACCOUNT.joinpath("namespace").read_text().strip()
        else:
            load(kubeconfig, context, client_configuration=configuration)
            own = _namespace(contexts(kubeconfig), context)
    except (ConfigException, OSError, ValueError) as error:
        raise UnreachableError(
            f"No way to a cluster: {error}", "Set KUBECONFIG, or name a file with --kubeconfig and a context in it."
        ) from error
    return Access(
        server=str(configuration.host).rstrip("/"),
        namespace=namespace or own,
        verify=_tls(configuration),
        headers=lambda: _headers(configuration),
        proxy=_proxy(configuration),
        server_name=configuration.tls_server_name,
    )


def contexts(kubeconfig: str | None = None) -> list[str]:
    """Name the contexts of a kubeconfig; none if it cannot be read."""
    from kubernetes import config
    from kubernetes.config.config_exception import ConfigException

    listed: Any = config.list_kube_config_contexts
    try:
        known, _ = listed(kubeconfig)
    except (ConfigException, OSError, ValueError):
        return []
    return [str(c["name"]) for c in known]


def _namespace(contexts: Any, wanted: str | None) -> str:
    """Give the namespace that a context is about."""
    known, active = contexts
    chosen = next((c for c in known if c["name"] == wanted), active) if wanted else active
    return str(chosen["context"].get("namespace") or "default")


def _proxy(configuration: Any) -> str | None:
    """Give the proxy as kubectl takes it: the kubeconfig's, else the environment's unless NO_PROXY has the server."""
    if configuration.proxy:
        return str(configuration.proxy)
    server, known = urlsplit(str(configuration.host)), getproxies_environment()
    near = _is_near(server.hostname or "", server.port, known.get("no", ""))
    return None if near else known.get(server.scheme) or known.get("all")


def _is_near(host: str, port: int | None, listed: str) -> bool:
    address = None
    with suppress(ValueError):
        address = ip_address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    return any(_covers(entry.strip().lower(), host, port, address) for entry in listed.split(","))


def _covers(entry: str, host: str, port: int | None, address: IPv4Address | IPv6Address | None) -> bool:
    """Tell whether an entry of NO_PROXY has a host: everything, a network (10.0.0.0/8), a domain and what is in it."""
    if entry == "*":
        return True
    with suppress(ValueError):
        network = ip_network(entry, strict=False)
        return address is not None and address in network
    name, _, only = entry.partition(":")
    name = name.lstrip(".")
    return bool(name) and only in ("", str(port)) and (host == name or host.endswith(f".{name}"))


def _tls(configuration: Any) -> ssl.SSLContext | bool:
    if not str(configuration.host).startswith("https"):
        return False
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    return context


def _headers(configuration: Any) -> dict[str, str]:
    token = configuration.get_api_key_with_prefix("BearerToken", "authorization")
    return {"Authorization": token} if token else {}
