"""Settings of the gateway, from environment variables `COURSEGEN_*`; refused with the variable's name when wrong."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from coursegen_operator.settings import PREFIX, SettingsError

__all__ = ["Settings", "SettingsError", "load"]


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; the variable of a field is COURSEGEN_ and its name in capitals."""

    http_host: str = "0.0.0.0"  # noqa: S104 - a Pod's own address; the NetworkPolicy says who may come
    http_port: int = 8080
    namespaces: tuple[str, ...] = ()
    """Namespaces to show, separated by commas; none: all of them."""
    redis_url: str = ""
    """Live progress; empty: percentages move with status alone. Never printed."""
    redis_ca: str = ""
    """Certificates (PEM) that vouch for a rediss:// server; empty: those of the system."""
    redis_max_connections: int = 50
    store_url: str = ""
    """Object store with read credentials beside it; empty: nothing can be downloaded."""
    prometheus_url: str = ""
    """Prometheus for the graphs, such as http://prometheus.monitoring.svc:9090; empty: there are none."""
    read_only: bool = False
    """True refuses every change, whoever asks."""
    allowed_origins: tuple[str, ...] = ()
    """Origins that may open WebSockets besides the gateway's own, separated by commas."""
    url_prefix: str = ""
    """Path under which a proxy shows the gateway, e.g. /coursegen."""
    requests_per_second: int = 50
    """Of one user; four seconds' worth may come at once."""
    max_sockets: int = 2000
    """WebSockets open at once; one more is told to come again later."""
    success_rate_target_percent: int = 95
    resync_seconds: int = 300
    """Everything is listed anew this often."""
    log_level: str = "INFO"

    def public(self) -> dict[str, Any]:
        """Give what may be printed: everything but what can hold a password."""
        secret = ("redis_url", "redis_ca", "store_url", "prometheus_url")
        hidden = {name: "set" if getattr(self, name) else "not set" for name in secret}
        return {f.name: getattr(self, f.name) for f in fields(self)} | hidden


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; SettingsError says which variable is wrong and what it may be."""
    values = {}
    for field in fields(Settings):
        variable = PREFIX + field.name.upper()
        text = environ.get(variable, "").strip()
        if text:
            values[field.name] = _value(variable, field.default, text)
    settings = Settings(**values)
    if settings.url_prefix and (not settings.url_prefix.startswith("/") or settings.url_prefix.endswith("/")):
        raise SettingsError(
            f"{PREFIX}URL_PREFIX is {settings.url_prefix!r}; it begins with / and does not end with it."
        )
    if settings.store_url and not settings.store_url.startswith(("s3://", "file:///")):
        raise SettingsError(f"{PREFIX}STORE_URL does not name a store; it begins with s3://.")
    return settings


def _value(variable: str, default: Any, text: str) -> Any:
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise SettingsError(f"{variable} is {text!r}; it can be true or false.")
        return text.lower() == "true"
    if isinstance(default, int):
        if not text.isascii() or not text.isdigit() or int(text) < 1:
            raise SettingsError(f"{variable} is {text!r}; it has to be a whole number of at least 1.")
        return int(text)
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text
