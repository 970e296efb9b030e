"""What an API server does, or seems to do, to who asks it: refusals, silence, halves; lists and watches that lie."""

from collections.abc import Callable, Mapping

from . import load
from .fault import WATCHED, Act, Ask, Fault, begins_watch, every, intents, kopf, lists, numbered, patches, writes
from .run import Plan

STALE = "stale lists after every watch broke"
"""Also what shows an operator that believes an old list."""


def refusals() -> list[Plan]:
    """Give plans in which the API server refuses, is silent, or breaks off."""
    out = [
        Plan("every third status write is answered 409", lambda: [Fault(Act.ANSWER, every(3, patches), 12, 409)]),
        Plan(
            "every fifth write is committed, and half of its answer comes",
            lambda: [Fault(Act.HALF, every(5, writes), 8)],
        ),
        Plan("every ninth write is never answered", lambda: [Fault(Act.SILENCE, every(9, writes), 4)]),
        Plan("every third list is half", lambda: [Fault(Act.HALF, every(3, lists), 5)]),
        Plan("two lists are never answered", lambda: [Fault(Act.SILENCE, every(4, lists), 2, after=load.MOMENT)]),
    ]
    for code in (429, 500, 503):
        out += [_writes_answered(code), _lists_answered(code)]
    return out


def busy() -> Plan:
    """Give the plan that shows an impatient operator."""
    return _writes_answered(429)


def _writes_answered(code: int) -> Plan:
    return Plan(f"every third write is answered {code}", lambda: [Fault(Act.ANSWER, every(3, writes), 12, code)])


def _lists_answered(code: int) -> Plan:
    return Plan(f"every second list is answered {code}", lambda: [Fault(Act.ANSWER, every(2, lists), 8, code)])


def unanswered() -> list[Plan]:
    """Give plans in which chapters take their slots unseen: at once, or when the operator has long asked again."""
    return [
        Plan(
            "intents of chapters are committed and not answered, and the watch of chapters freezes",
            lambda: [Fault(Act.LOSE, intents, 12), _no_word_of_chapters()],
        ),
        Plan(
            "intents of chapters arrive when nobody waits for their answer any more, and the watch freezes",
            lambda: [Fault(Act.SLOW, intents, 4), _no_word_of_chapters()],
        ),
    ]


def _no_word_of_chapters() -> Fault:
    return Fault(Act.FREEZE, kopf("chaptergenerations"), 1, seconds=8)


def watches() -> list[Plan]:
    """Give plans in which watches are refused, break or freeze, and lists are old."""
    out = [
        Plan(STALE, stale),
        Plan("stale lists after a restart", _stale_after_restart),
        Plan("watches freeze after they broke", lambda: _frozen(8)),
        Plan("watches freeze for good after they broke", lambda: _frozen(0)),
    ]
    out += [_in_the_stream(resource, act) for resource in WATCHED for act in (Act.EXPIRED, Act.ERROR, Act.CUT)]
    for resource in ("jobs", "chaptergenerations"):
        out += [_refused_again(resource, code) for code in (410, 429, 500)]
        out.append(_silent_again(resource))
    return out


def _in_the_stream(resource: str, act: Act) -> Plan:
    return Plan(f"watch of {resource}: {act.value}", lambda: [Fault(act, kopf(resource), 2)])


def _refused_again(resource: str, code: int) -> Plan:
    return Plan(
        f"watch of {resource}: it breaks, and the next two are answered {code}",
        lambda: [_broken(resource), Fault(Act.ANSWER, _again(resource), 2, code)],
    )


def _silent_again(resource: str) -> Plan:
    return Plan(
        f"watch of {resource}: it breaks, and the next is never answered",
        lambda: [_broken(resource), Fault(Act.SILENCE, _again(resource), 1)],
    )


def pairs(events: Mapping[str, int]) -> list[Plan]:
    """Give a plan for each pair of events that the watches of a clean run brought: both are kept back."""
    return [pair(resource, n) for resource in WATCHED for n in range(1, events.get(resource, 0), 2)]


def pair(resource: str, first: int) -> Plan:
    """Give the plan in which an event and the next are kept back."""
    both = (first, first + 1)
    return Plan(
        f"{resource}: events {first} and {first + 1} are kept back",
        lambda: [Fault(Act.DROP, numbered(kopf(resource), lambda seen: seen in both), 2)],
    )


def stale() -> list[Fault]:
    """Break every watch, and give old lists afterwards."""
    return [*_all_broken(), Fault(Act.STALE, lists, 12, after=load.MOMENT)]


def _frozen(seconds: float) -> list[Fault]:
    freezes = [Fault(Act.FREEZE, kopf(r), 1, after=load.MOMENT, seconds=seconds) for r in WATCHED]
    return [*_all_broken(), *freezes]


def _stale_after_restart() -> list[Fault]:
    """What is old here is what kopf reads: the operator's own list is always a consistent read."""
    key = "PATCH chaptergenerations/status a-chapter-01 #2"
    by_kopf = lambda ask: lists(ask) and ask.agent.startswith("kopf")  # noqa: E731
    return [Fault(Act.KILL_AFTER, key=key), Fault(Act.STALE, by_kopf, 5, after=key)]


def _all_broken() -> list[Fault]:
    return [_broken(resource) for resource in WATCHED]


def _broken(resource: str) -> Fault:
    return Fault(Act.CUT, kopf(resource), 1, after=load.MOMENT)


def _again(resource: str) -> Callable[[Ask], bool]:
    """Match every beginning of a watch but the first."""
    return numbered(begins_watch(resource), lambda seen: seen > 1)
