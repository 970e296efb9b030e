"""Settings of the operator, from environment variables `COURSEGEN_*`; refused with the variable's name when wrong."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .plan.world import Defaults

PREFIX = "COURSEGEN_"
ENVIRONMENTS = ("development", "testing", "production")


class SettingsError(ValueError):
    """A setting that cannot be used; the message names the variable and what it may be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; the variable of a field is COURSEGEN_ and its name in capitals."""

    worker_image: str
    """Image of the worker."""
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
    log_level: str = "INFO"

    def defaults(self) -> Defaults:
        """Give the part that the planner needs."""
        return Defaults(
            image=self.worker_image,
            image_pull_policy=self.image_pull_policy,
            max_courses=self.max_concurrent_courses,
            max_jobs=self.max_jobs,
            keep_jobs_seconds=self.keep_jobs_seconds,
        )

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
    return settings


def _integer(variable: str, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise SettingsError(f"{variable} is {text!r}; it has to be a whole number of at least 1.")
    return value
