"""What is kept of the past and of money, as a function of what is stored: recent ends, circuits, spending, budgets."""

from dataclasses import dataclass, field

from coursegen_api.base import TaskStatus
from coursegen_api.budget import CourseBudget
from coursegen_api.chapter import ChapterGeneration
from coursegen_api.course import CourseGeneration
from coursegen_api.names import QUEUE_COURSE
from coursegen_api.provider import ModelProvider

from .plan import clock
from .plan.ledger import Account, Ledger
from .plan.objects import provider_of, queue_of
from .plan.recent import Recent, circuits_of, provider_key
from .plan.tally import Tally, said
from .plan.world import AnyObject, Gate, Key, Owner, as_owner, key_of, owner_of


def account_of(obj: AnyObject, course: CourseGeneration | None) -> Account | None:
    """Say whom an object's cost is charged to; None for work that asks no model."""
    payer: Owner | None
    if isinstance(obj, CourseGeneration):
        kind, payer, provider = "outline", as_owner(obj), obj.spec.provider_name
    elif isinstance(obj, ChapterGeneration):
        kind, payer, provider = "chapter", owner_of(obj), provider_of(obj, course)
    else:
        return None
    return Account(kind, payer, provider_key(obj.metadata.namespace, provider) if provider else None)


@dataclass(slots=True)
class Books:
    """Kept up to date by the snapshot, object by object."""

    recent: Recent = field(default_factory=Recent)
    """What ended of late, for the circuits of providers and queues."""
    tripped: set[Key] = field(default_factory=set)
    """Providers and queues whose status says something of their circuit."""
    ledger: Ledger = field(default_factory=Ledger)
    """What has been spent, by course and provider."""
    budgets: dict[Key, CourseBudget] = field(default_factory=dict)
    """Of the courses and providers that have one."""
    tally: Tally = field(default_factory=Tally)
    """What each object says of itself, counted."""
    _changes: int = 0
    """Of budgets, and of what the status of a provider with a budget says."""

    @property
    def version(self) -> tuple[int, int]:
        """Give what moves when a budget, or what is spent or set aside of it, changes."""
        return self._changes, self.ledger.version

    def note_gate(self, gate: Gate, deleted: bool) -> None:
        """Take in a provider or queue."""
        key = key_of(gate)
        if not deleted and gate.status.circuit_breaker is not None:
            self.tripped.add(key)
        else:
            self.tripped.discard(key)
        if isinstance(gate, ModelProvider):
            self._note_budget(key, None if deleted else gate.spec.budget)
            self._changes += key in self.budgets

    def _note_budget(self, key: Key, budget: CourseBudget | None) -> None:
        if self.budgets.get(key) == budget:
            return
        self._changes += 1
        if budget is None:
            del self.budgets[key]
        else:
            self.budgets[key] = budget

    def note(self, obj: AnyObject, course: CourseGeneration | None, provider: Gate | None) -> set[Key]:
        """Take in work as it is now; give the providers and queues of which it has something to say.

        Arguments:
            course: the course that the object names.
            provider: what its cost is charged to, if it is there.
        """
        status: TaskStatus | None
        if isinstance(obj, CourseGeneration):
            self._note_budget(key_of(obj), obj.spec.budget)
            status, queue, name = obj.status.outline, obj.spec.queue_name or QUEUE_COURSE, obj.spec.provider_name
        else:
            status, queue, name = obj.status, queue_of(obj), provider_of(obj, course)
        self.tally.put(obj.metadata.uid, said(obj))
        queue = (status.queue_name if status else None) or queue
        circuits = circuits_of(obj.metadata.namespace, queue, name)
        return self._charge(obj, course, provider, status) | self.recent.put(obj.metadata.uid, circuits, status)

    def _charge(
        self, obj: AnyObject, course: CourseGeneration | None, provider: Gate | None, status: TaskStatus | None
    ) -> set[Key]:
        account = account_of(obj, course)
        if account is None:
            return set()
        usage = provider.status.usage if isinstance(provider, ModelProvider) else None
        settled = clock.parse(usage.settled_time) if usage else 0.0
        news = self.ledger.put(obj.metadata.uid, account, status, settled)
        return {account.provider} if news and account.provider else set()

    def forget(self, key: Key, uid: str) -> set[Key]:
        """Take out work that is gone; what it cost a provider stays."""
        self._note_budget(key, None)
        self.tally.put(uid, None)
        self.ledger.put(uid, None, None, 0.0)
        return self.recent.put(uid, (), None)

    def gates(self) -> set[Key]:
        """Name the providers and queues with something to say."""
        paid = {k for k in self.budgets if k.kind == "ModelProvider"} | self.ledger.unsettled.keys()
        return self.tripped | self.recent.failing.keys() | paid
