"""Conditions, as kstatus, kubectl wait, Argo CD and Flux understand them; and the phase derived from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from coursegen_api.base import Condition, HoldReason, Outcome, Phase

Answer = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class State:
    """All that conditions and phase follow from."""

    ended: Outcome | None = None
    reason: str = ""
    """Why it ended so, in a CamelCase word; the failure class for a failure."""
    message: str = ""
    hold: HoldReason | None = None
    admitted: bool = False
    running: bool = False
    quality_passed: bool | None = None


def find(conditions: Sequence[Condition], kind: str) -> Condition | None:
    """Give the condition of a type."""
    for condition in conditions:  # no generator: nothing is called as often
        if condition.type == kind:
            return condition
    return None


def phase(state: State) -> Phase:
    """Give one word for people; what waits is never Running."""
    if state.ended:
        return Phase(state.ended.value)
    if state.hold is HoldReason.SUSPENDED:
        return Phase.SUSPENDED
    if state.hold:
        return Phase.HELD
    return Phase.RUNNING if state.running else Phase.PENDING


def build(state: State, before: Sequence[Condition], generation: int, stamp: str) -> list[Condition]:
    """Give all conditions; a transition time moves only when the answer does."""
    word = phase(state).value
    reason = state.reason or (state.hold.value if state.hold else word)
    stalled = state.ended is Outcome.FAILED or state.hold is HoldReason.MISCONFIGURED
    answers: list[tuple[str, Answer, str]] = [
        ("Ready", "True" if state.ended is Outcome.SUCCEEDED else "False", reason),
        ("Admitted", "True" if state.admitted else "False", "Admitted" if state.admitted else reason),
        ("Succeeded", _succeeded(state), reason),
        ("Finished", "True" if state.ended else "False", state.ended.value if state.ended else reason),
    ]
    if not state.ended and not stalled:
        answers.append(("Reconciling", "True", reason))
    if stalled:
        answers.append(("Stalled", "True", reason))
    if state.quality_passed is not None:
        answers.append(("QualityPassed", "True" if state.quality_passed else "False", "Validated"))
    return [_condition(kind, status, why, state, before, generation, stamp) for kind, status, why in answers]


def _succeeded(state: State) -> Answer:
    if state.ended is None:
        return "Unknown"
    return "True" if state.ended is Outcome.SUCCEEDED else "False"


def _condition(
    kind: str,
    status: Answer,
    reason: str,
    state: State,
    before: Sequence[Condition],
    generation: int,
    stamp: str,
) -> Condition:
    old, message = find(before, kind), state.message[:1024]
    if old and (old.status, old.reason, old.message, old.observed_generation) == (status, reason, message, generation):
        return old
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        observed_generation=generation,
        last_transition_time=old.last_transition_time if old and old.status == status else stamp,
    )
