"""Where the API server is, and how to be let in: as a Pod's service account, or as a kubeconfig says."""

import os
import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path

import kopf
import yaml

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TOKEN_FILE = _ACCOUNT / "token"
_CA_FILE = _ACCOUNT / "ca.crt"


class AccessError(Exception):
    """There is no way to the API server; the message says what to do."""


@dataclass(slots=True)
class Access:
    """The connection, and the file of a token that Kubernetes writes anew before it expires."""

    connection: kopf.ConnectionInfo
    token_file: Path | None = None
    _headers: dict[str, str] = field(init=False, default_factory=dict)
    _token_time: float = field(init=False, default=-1.0)

    @property
    def server(self) -> str:
        """Give the URL of the API server."""
        return self.connection.server

    def ssl_context(self) -> ssl.SSLContext | bool:
        """Give what checks the server's certificate and shows ours."""
        return self.connection.as_ssl_context() if self.server.startswith("https") else False

    def headers(self) -> dict[str, str]:
        """Give the header that authorises a request, with the token as it is in its file now."""
        changed = self.token_file.stat().st_mtime if self.token_file else 0.0
        if changed != self._token_time:
            self._headers, self._token_time = self.present().as_http_headers(), changed
        return self._headers

    def present(self) -> kopf.ConnectionInfo:
        """Give the connection with the token as it is in its file now."""
        if self.token_file is None:
            return self.connection
        return replace(self.connection, token=self.token_file.read_text().strip())


def in_cluster() -> Access | None:
    """Give the access of a Pod's service account; None outside a cluster."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    if not (host and port and _TOKEN_FILE.exists()):
        return None
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Access(kopf.ConnectionInfo(server=server, ca_path=str(_CA_FILE)), token_file=_TOKEN_FILE)


def from_kubeconfig() -> Access:
    """Give the access of the kubeconfig that KUBECONFIG names, or of the user's own.

    Raises:
        AccessError: there is none, it cannot be read, or its user logs in by a plugin.
    """
    try:
        found = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
    except OSError as error:
        raise AccessError(f"the kubeconfig {error.filename} cannot be read: {error.strerror}") from error
    except (kopf.LoginError, yaml.YAMLError, AttributeError, KeyError, TypeError, UnicodeDecodeError) as error:
        # Nothing of the error is repeated: it may quote a line with a token.
        raise AccessError("the kubeconfig is none, or its current context names what is not in it") from error
    if found is None:
        raise AccessError("no cluster: this is no Pod, KUBECONFIG is not set, and there is no ~/.kube/config")
    if not (found.token or found.username or found.certificate_path or found.certificate_data):
        raise AccessError(
            "the kubeconfig's user has neither token, password nor client certificate (logins by plugin are not "
            "supported outside a cluster): name a service account's token, as `kubectl create token` prints it"
        )
    return Access(found)
