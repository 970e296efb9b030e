"""Settings of the operator, from environment variables `COURSEGEN_*`; refused with the variable's name when wrong."""

import difflib
import os
import re
import socket
import uuid
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .lease import Terms
from .plan.world import Defaults

PREFIX = "COURSEGEN_"
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")

ENVIRONMENTS: Mapping[str, Mapping[str, Any]] = {
    "development": {"leader_election": False, "keep_jobs_seconds": 3600},
    "testing": {"leader_election": False, "keep_jobs_seconds": 60},
    "production": {},
}
"""By environment, what is another default than below: one process, whose Jobs stay for whoever looks into them."""

_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


class SettingsError(ValueError):
    """A setting that cannot be used; the message names the variable and what it may be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; the variable of a field is COURSEGEN_ and its name in capitals."""

    worker_image: str
    """Image of the worker."""
    validation_image: str = ""
    """Image of the worker for validations, the -quality variant with the embedding model; empty: the worker's, and
    alignment is measured by words."""
    image_pull_policy: str = "IfNotPresent"
    namespaces: tuple[str, ...] = ()
    """Namespaces to watch, separated by commas; none: all of them."""
    max_concurrent_courses: int = 100
    max_jobs: int = 400
    success_rate_target_percent: int = 95
    environment: str = "production"
    """development, testing or production: sets defaults (ENVIRONMENTS)."""
    queues_file: str = ""
    """GenerationQueues come from this file, for an operator that may not read the cluster's; empty: from the API."""
    redis_url: str = ""
    """Live progress; empty: percentages move with the Jobs alone. Never printed."""
    redis_ca: str = ""
    """Certificates (PEM) that vouch for a rediss:// server; empty: those of the system. Not printed, being long."""
    redis_max_connections: int = 50
    http_port: int = 8080
    """Metrics and probes."""
    resync_seconds: int = 300
    """A full LIST of everything is made this often."""
    keep_jobs_seconds: int = 300
    """Ended Jobs are kept this long, for people who want to read a worker's log; then they are removed."""
    visits: int = 32
    """Objects that are visited at once."""
    request_timeout_seconds: int = 30
    """A request to the API server that takes longer has no answer."""
    leader_election: bool = True
    """Off: this is the only operator for its namespaces, and somebody else sees to that."""
    lease_name: str = "coursegen-operator-leader"
    """Operators for different namespaces need different ones."""
    lease_namespace: str = ""
    """Empty: the namespace of the Pod, and `default` outside a cluster."""
    lease_duration_seconds: int = 15
    """A leader that is heard of no more is replaced after this time."""
    lease_renew_seconds: int = 3
    lease_retry_seconds: int = 1
    """A standby looks at the lease this often."""
    lease_margin_seconds: int = 5
    """No write is sent in the last seconds of a lease: a write has so long to take effect."""
    log_level: str = "INFO"

    def defaults(self) -> Defaults:
        """Give the part that the planner needs."""
        return Defaults(
            image=self.worker_image,
            validation_image=self.validation_image,
            image_pull_policy=self.image_pull_policy,
            max_courses=self.max_concurrent_courses,
            max_jobs=self.max_jobs,
            keep_jobs_seconds=self.keep_jobs_seconds,
        )

    def terms(self) -> Terms:
        """Give what the election goes by, with an identity that no process had before."""
        return Terms(
            identity=f"{socket.gethostname()}_{uuid.uuid4().hex[:12]}",
            duration=self.lease_duration_seconds,
            renew=self.lease_renew_seconds,
            retry=self.lease_retry_seconds,
            margin=self.lease_margin_seconds,
        )

    def lease_place(self) -> str:
        """Give the namespace that the lease lies in."""
        if self.lease_namespace:
            return self.lease_namespace
        return NAMESPACE_FILE.read_text().strip() if NAMESPACE_FILE.exists() else "default"

    def public(self) -> dict[str, Any]:
        """Give what may be printed: everything but what can hold a password."""
        hidden = {name: "set" if getattr(self, name) else "not set" for name in ("redis_url", "redis_ca")}
        return {f.name: getattr(self, f.name) for f in fields(self)} | hidden


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; SettingsError says which variable is wrong and what it may be."""
    _refuse_unknown(environ)
    values = {f.name: _value(f, text) for f in fields(Settings) if (text := environ.get(_variable(f.name)))}
    if "worker_image" not in values:
        raise SettingsError(f"{PREFIX}WORKER_IMAGE is not set: name the worker's image.")
    environment = values.get("environment", "production")
    if environment not in ENVIRONMENTS:
        raise SettingsError(f"{PREFIX}ENVIRONMENT is {environment!r}; it can be {', '.join(ENVIRONMENTS)}.")
    settings = Settings(**{**ENVIRONMENTS[environment], **values})
    _check_ranges(settings)
    _check_redis(settings)
    _check_lease(settings)
    return settings


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    """A name that is misspelt would leave its default in force, and nobody would know."""
    known = [_variable(f.name) for f in fields(Settings)]
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable not in known:
            near = difflib.get_close_matches(variable, known, 1)
            meant = f"did you mean {near[0]}?" if near else "take it out."
            raise SettingsError(f"{variable} is no setting of the operator: {meant}")


def _value(field: Field[Any], text: str) -> Any:
    variable = _variable(field.name)
    if field.type is int:
        return _integer(variable, text)
    if field.type is bool:
        return _truth(variable, text)
    if field.name == "namespaces":
        return _namespaces(variable, text)
    return text


def _check_ranges(settings: Settings) -> None:
    if settings.success_rate_target_percent > 100:
        raise SettingsError(f"{PREFIX}SUCCESS_RATE_TARGET_PERCENT is over 100.")
    if settings.http_port > 65535:
        raise SettingsError(f"{PREFIX}HTTP_PORT is over 65535.")
    if settings.log_level not in _LOG_LEVELS:
        raise SettingsError(f"{PREFIX}LOG_LEVEL is {settings.log_level!r}; it can be {', '.join(_LOG_LEVELS)}.")


def _check_redis(settings: Settings) -> None:
    """Nothing of a URL is repeated in an error: it holds a password."""
    scheme = settings.redis_url.partition("://")[0]
    if settings.redis_url and scheme not in ("redis", "rediss", "unix"):
        raise SettingsError(f"{PREFIX}REDIS_URL has to begin with redis://, rediss:// or unix://.")
    if scheme in ("redis", "rediss") and not _names_a_host(settings.redis_url):
        raise SettingsError(f"{PREFIX}REDIS_URL names no host; a password has its special characters as %XX.")
    if settings.redis_ca and "-----BEGIN CERTIFICATE-----" not in settings.redis_ca:
        raise SettingsError(f"{PREFIX}REDIS_CA holds no certificate: it has to be PEM text, not the name of a file.")


def _names_a_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a bracket that is not closed, or a port that is the rest of a password
        return False


def _check_lease(settings: Settings) -> None:
    least = settings.lease_margin_seconds + 2 * settings.lease_renew_seconds
    if settings.lease_duration_seconds <= least:
        raise SettingsError(
            f"{PREFIX}LEASE_DURATION_SECONDS is {settings.lease_duration_seconds}; it has to be more than {least}: "
            "the margin and two renewals, so that one that fails stops nothing."
        )


def _namespaces(variable: str, text: str) -> tuple[str, ...]:
    names = tuple(n.strip() for n in text.split(",") if n.strip())
    for name in names:
        if not _NAMESPACE.fullmatch(name):
            raise SettingsError(f"{variable}: {name!r} is no name of a namespace; separate names by commas.")
    return names


def _integer(variable: str, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise SettingsError(f"{variable} is {text!r}; it has to be a whole number of at least 1.")
    return value


def _truth(variable: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise SettingsError(f"{variable} is {text!r}; it can be true or false.")
    return text.lower() == "true"
