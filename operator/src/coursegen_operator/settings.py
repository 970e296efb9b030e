"""Settings of the operator, from environment variables `COURSEGEN_*`; refused with the variable's name when wrong."""

import os
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from . import environ as environment
from .environ import PREFIX, Environment, Image, Namespace, Number, ObjectName, PullPolicy, SettingsError, Truth
from .lease import Terms
from .plan.world import Defaults
from .shares import MAIN

__all__ = ["ENVIRONMENTS", "PREFIX", "Settings", "SettingsError", "load"]

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
LEASE_NAME = "coursegen-operator-leader"

ENVIRONMENTS: Mapping[Environment, Mapping[str, Any]] = {
    Environment.DEVELOPMENT: {"leader_election": False, "keep_jobs_seconds": 3600},
    Environment.TESTING: {"leader_election": False, "keep_jobs_seconds": 60},
    Environment.PRODUCTION: {},
}
"""By environment, what is another default than below: one process, whose Jobs stay for whoever looks into them."""


class Settings(environment.Settings):
    """All settings; the variable of a field is COURSEGEN_ and its name in capitals."""

    program: ClassVar[str] = "the operator"
    environments: ClassVar[Mapping[Environment, Mapping[str, Any]]] = ENVIRONMENTS

    worker_image: Image
    """Image of the worker."""
    validation_image: Image = ""
    """Image of the worker for validations, the -quality variant with the embedding model; empty: the worker's, and
    alignment is measured by words."""
    image_pull_policy: PullPolicy = "IfNotPresent"
    shard: str = Field(default="", pattern=r"^([a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?)?$")
    """Name of this operator among several: it works in the namespaces whose label coursegen.dev/shard says so; empty:
    in those without the label. With `namespaces` these decide, and no label."""
    max_concurrent_courses: Number = 100
    max_jobs: Number = 400
    queues_file: str = ""
    """GenerationQueues come from this file, for an operator that may not read the cluster's; empty: from the API."""
    keep_jobs_seconds: Number = 300
    """Ended Jobs are kept this long, for people who want to read a worker's log; then they are removed."""
    visits: Number = 32
    """Objects that are visited at once."""
    request_timeout_seconds: Number = 30
    """A request to the API server that takes longer has no answer."""
    leader_election: Truth = True
    """Off: this is the only operator for its namespaces, and somebody else sees to that."""
    lease_name: ObjectName = ""
    """Empty: LEASE_NAME, and the shard's name behind it. Operators for different namespaces need different ones."""
    lease_namespace: Namespace = ""
    """Empty: the namespace of the Pod, and `default` outside a cluster."""
    lease_duration_seconds: Number = 15
    """A leader that is heard of no more is replaced after this time."""
    lease_renew_seconds: Number = 3
    lease_retry_seconds: Number = 1
    """A standby looks at the lease this often."""
    lease_margin_seconds: Number = 5
    """No write is sent in the last seconds of a lease: a write has so long to take effect."""

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

    def lease(self) -> str:
        """Name the Lease that this operator's replicas lead by."""
        return self.lease_name or "-".join(part for part in (LEASE_NAME, self.shard) if part)

    def lease_place(self) -> str:
        """Give the namespace that the lease lies in."""
        if self.lease_namespace:
            return self.lease_namespace
        return NAMESPACE_FILE.read_text().strip() if NAMESPACE_FILE.exists() else "default"

    @model_validator(mode="after")
    def _check(self) -> Self:
        least = self.lease_margin_seconds + 2 * self.lease_renew_seconds
        if self.lease_duration_seconds <= least:
            raise ValueError(
                f"{PREFIX}LEASE_DURATION_SECONDS is {self.lease_duration_seconds}; it has to be more than {least}: "
                "the margin and two renewals, so that one that fails stops nothing."
            )
        if self.lease_retry_seconds >= self.lease_duration_seconds:
            raise ValueError(
                f"{PREFIX}LEASE_RETRY_SECONDS is {self.lease_retry_seconds}; it has to be less than "
                f"{PREFIX}LEASE_DURATION_SECONDS, which is {self.lease_duration_seconds}, "
                "so that a standby looks at the lease while it lasts."
            )
        if self.shard == MAIN:
            raise ValueError(f"{PREFIX}SHARD is {MAIN!r}, which is what the operator without a name is called.")
        return self


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; SettingsError says which variable is wrong and what it may be."""
    return environment.load(Settings, environ)
