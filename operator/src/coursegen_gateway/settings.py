"""Settings of the gateway, from environment variables `COURSEGEN_*`; refused with the variable's name when wrong."""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import ClassVar, Self
from urllib.parse import urlsplit

from pydantic import SecretStr, model_validator

from coursegen_api import authorities
from coursegen_operator import environ as environment
from coursegen_operator.environ import NOTHING, PREFIX, Number, SettingsError, Truth, Words

__all__ = ["Settings", "SettingsError", "load"]

_HOST = r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?|\[[0-9a-f:.]+\])"
_ORIGIN = re.compile(rf"https?://{_HOST}(:[0-9]{{1,5}})?")
_OPERATOR = re.compile(rf"http://{_HOST}(:[0-9]{{1,5}})?")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_STORE = re.compile(r"s3://[A-Za-z0-9]|file:///")


class Settings(environment.Settings):
    """All settings; the variable of a field is COURSEGEN_ and its name in capitals."""

    program: ClassVar[str] = "the gateway"

    http_host: str = "0.0.0.0"  # noqa: S104 - a Pod's own address; the NetworkPolicy says who may come
    store_url: SecretStr = NOTHING
    """Object store with read credentials beside it; empty: nothing can be downloaded."""
    store_folder: str = ""
    """A folder with COURSEGEN_STORE_URL, COURSEGEN_CA and AWS_*, as a mounted Secret is: read anew when they change."""
    ca: str = ""
    """Certificates (PEM) that vouch for the store of COURSEGEN_STORE_URL, beside the system's."""
    prometheus_url: SecretStr = NOTHING
    """Prometheus for the graphs, such as http://prometheus.monitoring.svc:9090; empty: there are none."""
    operator_url: Words = ()
    """Where operators answer, such as http://operators.coursegen-system.svc:8080, separated by commas.

    Each name stands for all replicas of one. Empty: nobody knows where waiting work stands.
    """
    read_only: Truth = False
    """True refuses every change, whoever asks."""
    allowed_origins: Words = ()
    """Origins that may open WebSockets besides the gateway's own, separated by commas."""
    url_prefix: str = ""
    """Path under which a proxy shows the gateway, e.g. /coursegen."""
    requests_per_second: Number = 50
    """Of one user; four seconds' worth may come at once."""
    max_sockets: Number = 2000
    """WebSockets open at once; one more is told to come again later."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.url_prefix and not _PATH.fullmatch(self.url_prefix):
            raise ValueError(
                f"{PREFIX}URL_PREFIX is {self.url_prefix!r}; it is a path such as /coursegen: "
                "it begins with / and does not end with it."
            )
        if not _is_address(self.http_host):
            raise ValueError(
                f"{PREFIX}HTTP_HOST is {self.http_host!r}; it has to be an address of this machine, "
                "such as 0.0.0.0, :: or 127.0.0.1."
            )
        if self.prometheus_url.get_secret_value() and not _is_server(self.prometheus_url.get_secret_value()):
            raise ValueError(
                f"{PREFIX}PROMETHEUS_URL does not name a server; it has the form http://name:port or https://name."
            )
        if wrong := [o for o in self.allowed_origins if not _ORIGIN.fullmatch(o)]:
            raise ValueError(
                f"{PREFIX}ALLOWED_ORIGINS names {wrong[0]!r}; each has the form https://name or https://name:port, in "
                "lower case and without a path, as browsers send it; there is no word for all of them."
            )
        if wrong := [u for u in self.operator_url if not _OPERATOR.fullmatch(u)]:
            raise ValueError(f"{PREFIX}OPERATOR_URL is {wrong[0]!r}; it has the form http://name:port.")
        self._check_store()
        return self

    def _check_store(self) -> None:
        """Nothing of a URL is repeated in an error: it can hold a password."""
        store = self.store_url.get_secret_value()
        if store and not _STORE.match(store):
            raise ValueError(f"{PREFIX}STORE_URL does not name a store; it begins with s3:// and names a bucket.")
        if (store or self.ca) and self.store_folder:
            raise ValueError(
                f"{PREFIX}STORE_FOLDER says where the store is: leave out {PREFIX}STORE_URL and {PREFIX}CA."
            )
        if self.ca:
            try:
                authorities.check(self.ca)
            except ValueError as error:
                raise ValueError(f"{PREFIX}CA {error}.") from error


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost"
    return True


def _is_server(url: str) -> bool:
    """Tell whether a URL names a server, with a path perhaps, to which the paths of an API can be added."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    return named and parts.scheme in ("http", "https") and not (parts.query or parts.fragment or " " in url)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; SettingsError says which variable is wrong and what it may be."""
    return environment.load(Settings, environ)
