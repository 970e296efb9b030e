"""Settings of the gateway, from environment variables `COURSEGEN_*`; refused with the variable's name when wrong."""

import os
from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import SecretStr, model_validator

from coursegen_operator import environ as environment
from coursegen_operator.environ import NOTHING, PREFIX, Number, SettingsError, Truth, Words

__all__ = ["Settings", "SettingsError", "load"]


class Settings(environment.Settings):
    """All settings; the variable of a field is COURSEGEN_ and its name in capitals."""

    program: ClassVar[str] = "the gateway"

    http_host: str = "0.0.0.0"  # noqa: S104 - a Pod's own address; the NetworkPolicy says who may come
    store_url: SecretStr = NOTHING
    """Object store with read credentials beside it; empty: nothing can be downloaded."""
    store_folder: str = ""
    """A folder with COURSEGEN_STORE_URL and AWS_*, as a mounted Secret is: read anew whenever they change."""
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
        if self.url_prefix and (not self.url_prefix.startswith("/") or self.url_prefix.endswith("/")):
            raise ValueError(f"{PREFIX}URL_PREFIX is {self.url_prefix!r}; it begins with / and does not end with it.")
        store = self.store_url.get_secret_value()
        if store and not store.startswith(("s3://", "file:///")):
            raise ValueError(f"{PREFIX}STORE_URL does not name a store; it begins with s3://.")
        if wrong := [u for u in self.operator_url if not u.startswith("http://") or u.count("/") != 2]:
            raise ValueError(f"{PREFIX}OPERATOR_URL is {wrong[0]!r}; it has the form http://name:port.")
        if store and self.store_folder:
            raise ValueError(f"{PREFIX}STORE_FOLDER says where the store is: leave out {PREFIX}STORE_URL.")
        return self


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; SettingsError says which variable is wrong and what it may be."""
    return environment.load(Settings, environ)
