"""What a kind of the group declares besides its fields: names, columns, and rules over the whole object."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from . import names
from .base import Model, Rule


@dataclass(frozen=True)
class Column:
    """One column of `kubectl get`."""

    name: str
    type: Literal["string", "integer", "number", "boolean", "date"]
    path: str
    wide: bool = False


# The columns that every kind of work has, in this order: what it is doing, then why it is not.
PHASE = Column("Phase", "string", ".status.phase")
PROGRESS = Column("Progress%", "integer", ".status.progressPercentage")
STAGE = Column("Stage", "string", ".status.stage")
WAITING = Column("Waiting", "string", ".status.holdReason")
RETRIES = Column("Retries", "integer", ".status.retryCount")
RETRIES_WIDE = replace(RETRIES, wide=True)
ERROR = Column("Error", "string", ".status.errorDetails.failureClass")
AGE = Column("Age", "date", ".metadata.creationTimestamp")
MESSAGE = Column("Message", "string", ".status.conditions[?(@.type=='Ready')].message", wide=True)


SELECT_PHASE = ".status.phase"
"""`kubectl delete … --field-selector status.phase=Failed` purges failed work."""


@dataclass(frozen=True)
class Meta:
    """What the CRD of a kind says besides its schema."""

    plural: str
    short: str
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()
    spec_rules: tuple[Rule, ...] = ()
    scope: Literal["Namespaced", "Cluster"] = "Namespaced"
    selectable: tuple[str, ...] = field(default=())


class ObjectMeta(Model):
    """The part of metadata that we read."""

    model_config = Model.model_config | {"extra": "ignore"}

    name: str = Field(max_length=names.MAX_NAME)
    """Bounded, so that names made from it stay within the 63 characters of a label."""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    owner_references: list[dict[str, Any]] = Field(default_factory=list)

    def controller_uid(self) -> str | None:
        """Give the UID of the controlling owner, if there is one."""
        return next((str(o["uid"]) for o in self.owner_references if o.get("controller")), None)


class Kind(Model):
    """An object of the group as the API server holds it."""

    model_config = Model.model_config | {"extra": "ignore"}

    api_version: str = names.API_VERSION
    kind: str = ""
    metadata: ObjectMeta

    meta: ClassVar[Meta]

    @classmethod
    def kind_name(cls) -> str:
        """Give the kind's name in the API, which is the class's."""
        return cls.__name__


def _same(now: str, before: str) -> str:
    """Say in CEL that an optional field has not changed; every rule is evaluated at each write of a status, too."""
    return f"has({now}) ? has({before}) && {now} == {before} : !has({before})"


def queue_name_rule() -> Rule:
    """Let spec.queueName change only while the work is not admitted, or after it has ended."""
    admitted = "oldSelf.status.conditions.exists(c, c.type == 'Admitted' && c.status == 'True')"
    finished = "oldSelf.status.conditions.exists(c, c.type == 'Finished' && c.status == 'True')"
    return Rule(
        rule=(
            f"({_same('self.spec.queueName', 'oldSelf.spec.queueName')}) || "
            f"!has(oldSelf.status) || !has(oldSelf.status.conditions) || !{admitted} || {finished}"
        ),
        message="queueName cannot be changed while the work is admitted: wait for its end, or cancel it",
        field_path=".spec.queueName",
    )


def immutable_fields(*fields: str) -> tuple[Rule, ...]:
    """Refuse to change, add or remove each of these fields of spec after creation."""
    return tuple(
        Rule(
            rule=_same(f"self.{f}", f"oldSelf.{f}"),
            message=f"{f} is immutable: create another object instead",
            field_path=f".{f}",
        )
        for f in fields
    )
