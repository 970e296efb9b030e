"""Names that the operator makes: valid, short enough for a label, functions of identity alone."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coursegen_api import names

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_LABEL = re.compile(_LABEL)
SUBDOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})*")

SUFFIXES = st.one_of(
    st.integers(1, 100).map(lambda i: f"chapter-{i:02d}"),
    st.tuples(
        st.sampled_from(["quality", "pdf", "scorm", "json"]), st.text("0123456789abcdef", min_size=8, max_size=8)
    ).map("-".join),
)
NAMES = st.from_regex(SUBDOMAIN, fullmatch=True).filter(lambda name: len(name) <= names.MAX_NAME)
UIDS = st.uuids().map(str)


@settings(deadline=None)
@given(NAMES, UIDS, st.integers(0, 999_999), st.integers(1, 20))
def test_a_job_is_named_by_a_dns_label(name: str, uid: str, revision: int, attempt: int) -> None:
    made = names.job_name(name, uid, revision, attempt)
    assert DNS_LABEL.fullmatch(made)
    assert len(made) <= 63
    assert made == names.job_name(name, uid, revision, attempt)


@settings(deadline=None)
@given(NAMES, UIDS, UIDS, st.integers(0, 999), st.integers(0, 999), st.integers(1, 20), st.integers(1, 20))
def test_two_attempts_never_share_a_jobs_name(
    name: str, one: str, other: str, r1: int, r2: int, a1: int, a2: int
) -> None:
    same = (one, r1, a1) == (other, r2, a2)
    assert (names.job_name(name, one, r1, a1) == names.job_name(name, other, r2, a2)) is same


@settings(deadline=None)
@given(NAMES, SUFFIXES)
def test_a_child_is_named_as_the_api_server_allows(course: str, suffix: str) -> None:
    made = names.child_name(course, suffix)
    assert SUBDOMAIN.fullmatch(made)
    assert len(made) <= names.MAX_NAME
    assert made.endswith(f"-{suffix}")
    assert made == names.child_name(course, suffix)


@settings(deadline=None)
@given(st.text("ab", min_size=52, max_size=52), st.text("ab", min_size=52, max_size=52), SUFFIXES)
def test_long_names_that_begin_alike_have_children_of_their_own(one: str, other: str, suffix: str) -> None:
    one, other = "a" * 40 + one[40:], "a" * 40 + other[40:]
    assert (names.child_name(one, suffix) == names.child_name(other, suffix)) is (one == other)


@pytest.mark.parametrize(
    ("course", "suffix", "made"),
    [
        ("course-123", "chapter-01", "course-123-chapter-01"),
        ("a" * 41, "chapter-01", "a" * 41 + "-chapter-01"),
        ("a" * 52, "chapter-01", "a" * 32 + "-9fbd2b1e-chapter-01"),
    ],
)
def test_a_name_that_people_know_stays_as_it_is(course: str, suffix: str, made: str) -> None:
    assert re.sub("-[0-9a-f]{8}-", "-########-", names.child_name(course, suffix)) == re.sub(
        "-[0-9a-f]{8}-", "-########-", made
    )


def test_job_names_do_not_change_between_versions() -> None:
    made = names.job_name("course-123", "6f2b0c1e-8a54-4c0e-9a57-2f1f3c9d7a10", 0, 1)
    assert made == "course-123-7089d86ba7-r0-a1"


def test_the_most_urgent_queue_is_the_chapters() -> None:
    assert sorted(names.QUEUE_PRIORITIES.values(), reverse=True) == [8, 6, 5, 4, 3]
    assert max(names.QUEUE_PRIORITIES, key=names.QUEUE_PRIORITIES.__getitem__) == names.QUEUE_CHAPTER


@pytest.mark.parametrize("queue", list(names.QUEUE_PRIORITIES))
def test_every_queue_has_a_priority_class_with_a_valid_name(queue: str) -> None:
    assert DNS_LABEL.fullmatch(names.priority_class(queue))
