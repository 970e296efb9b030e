"""Settings of the operator, from environment variables `COURSEGEN_*`; refused with the variable's name when wrong."""

import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from .lease import Terms
from .plan.world import Defaults

PREFIX = "COURSEGEN_"
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
ENVIRONMENTS = ("development", "testing", "production")


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
    redis_url: str = ""
    """Live progress; empty: percentages move with the Jobs alone. Never printed."""
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
        hidden = {"redis_url": "set" if self.redis_url else "not set"}
        return {f.name: getattr(self, f.name) for f in fields(self)} | hidden


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; SettingsError says which variable is wrong and what it may be."""
    values: dict[str, Any] = {}
    for f in fields(Settings):
        variable = PREFIX + f.name.upper()
        text = environ.get(variable)
        if text is None or text == "":
            continue
        if f.type is int:
            values[f.name] = _integer(variable, text)
        elif f.type is bool:
            values[f.name] = _truth(variable, text)
        elif f.name == "namespaces":
            values[f.name] = tuple(n.strip() for n in text.split(",") if n.strip())
        else:
            values[f.name] = text
    if "worker_image" not in values:
        raise SettingsError(f"{PREFIX}WORKER_IMAGE is not set: name the worker's image.")
    settings = Settings(**values)
    if settings.environment not in ENVIRONMENTS:
        raise SettingsError(f"{PREFIX}ENVIRONMENT is {settings.environment!r}; it can be {', '.join(ENVIRONMENTS)}.")
    if settings.success_rate_target_percent > 100:
        raise SettingsError(f"{PREFIX}SUCCESS_RATE_TARGET_PERCENT is over 100.")
    least = settings.lease_margin_seconds + 2 * settings.lease_renew_seconds
    if settings.lease_duration_seconds <= least:
        raise SettingsError(
            f"{PREFIX}LEASE_DURATION_SECONDS is {settings.lease_duration_seconds}; it has to be more than {least}: "
            "the margin and two renewals, so that one that fails stops nothing."
        )
    return settings


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
