"""A worker's last word: always within 4 KiB, always readable, and its exit code says the same."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from coursegen_api.base import Artifact, FailureClass
from coursegen_api.task import (
    EXIT_CODES,
    EXIT_OK,
    MAX_RESULT_BYTES,
    MAX_RETRY_AFTER_SECONDS,
    TASK_RESULT,
    ChapterScore,
    OutlineSummary,
    QualitySummary,
    TaskResult,
    exit_code,
)

from .generate import UUID, largest, values

SCHEMA = TaskResult.model_json_schema(by_alias=True)
OPERATORS_OWN = {
    FailureClass.OUT_OF_MEMORY,
    FailureClass.POD_NOT_STARTED,
    FailureClass.DISRUPTED,
    FailureClass.RESULT_LOST,
}


def read(result: TaskResult) -> TaskResult:
    text = result.to_json()
    assert len(text.encode()) <= MAX_RESULT_BYTES
    return TASK_RESULT.validate_json(text)


def _loose(schema: dict) -> dict:
    """Give bounds for a test to what the model leaves open, since to_json cuts it."""
    message, titles = schema["properties"]["message"], schema["$defs"]["OutlineSummary"]["properties"]["titles"]
    changed = schema | {"properties": schema["properties"] | {"message": message | {"maxLength": 5000}}}
    titles |= {"maxItems": 1000, "items": {"type": "string", "maxLength": 200}}
    return changed


LOOSE = _loose(TaskResult.model_json_schema(by_alias=True))


@settings(deadline=None)
@given(values(LOOSE, LOOSE["$defs"]), st.text(max_size=9000), st.integers(0, 100), st.integers(0, 300))
def test_a_result_fits_and_is_read_as_it_was_but_for_what_was_cut(
    wire: dict, message: str, scores: int, titles: int
) -> None:
    wire |= {
        "message": message,
        "outline": {"chapterCount": titles, "titles": [f"Chapter {i} 語" for i in range(titles)]},
    }
    wire["quality"] = {"passed": True, "scores": [{"index": 1, "passed": True, "readability": 71.5}] * scores}
    result = TaskResult.model_validate(wire)
    found = read(result)
    cut = {"message", "outline", "quality"}
    assert found.model_dump(exclude=cut) == result.model_dump(exclude=cut)
    assert found.outline is not None
    assert found.outline.titles == result.outline.titles[: len(found.outline.titles)]  # type: ignore[union-attr]
    assert found.message == message or (found.message.endswith("…") and message.startswith(found.message[:-1]))


def test_the_largest_result_fits() -> None:
    wire = largest(LOOSE, LOOSE["$defs"])
    found = read(TaskResult.model_validate(wire))
    assert found.artifact == Artifact.model_validate(wire["artifact"])
    assert found.title == wire["title"]


@pytest.mark.parametrize("character", ["a", "語", "🎓", "\x01", '"', "$"], ids=ascii)
def test_a_long_message_keeps_as_much_as_fits(character: str) -> None:
    found = read(TaskResult(failure_class=FailureClass.INTERNAL, message=character * 100_000))
    assert len(found.to_json().encode()) > MAX_RESULT_BYTES - 16
    assert found.message.rstrip("…") == character * (len(found.message) - 1)


def test_scores_are_cut_before_titles_and_titles_before_the_message() -> None:
    scores = [ChapterScore(index=i, readability=80.123, passed=True) for i in range(1, 101)]
    result = TaskResult(
        message="m" * 1000,
        outline=OutlineSummary(chapter_count=100, titles=["t" * 100] * 100),
        quality=QualitySummary(passed=True, scores=scores),
    )
    found = read(result)
    assert found.quality is not None
    assert found.outline is not None
    assert (found.quality.scores, 0 < len(found.outline.titles) < 100) == ([], True)
    assert found.message == "m" * 1000


def test_what_cannot_be_cut_is_said_and_not_cut_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coursegen_api.task.MAX_RESULT_BYTES", 40)
    for message in ("", "…", "a", "ab", "a long message"):
        with pytest.raises(ValueError, match="cannot be cut to 40 bytes"):
            TaskResult(message=message, title="t" * 50).to_json()


def test_a_message_with_what_no_utf8_has_is_still_said() -> None:
    assert read(TaskResult(message="no such file: caf\udce9.md")).message == "no such file: caf?.md"


@pytest.mark.parametrize(("told", "kept"), [(0, 0), (7, 7), (10**9, MAX_RETRY_AFTER_SECONDS)])
def test_no_provider_is_waited_for_longer_than_a_day(told: int, kept: int) -> None:
    assert TaskResult(retry_after_seconds=told).retry_after_seconds == kept


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_is_a_number(value: float) -> None:
    with pytest.raises(ValidationError):
        ChapterScore(index=1, passed=True, readability=value)


@pytest.mark.parametrize("field", ["promptTokens", "completionTokens", "costMicroUSD"])
def test_a_count_that_the_api_server_would_refuse_is_no_result(field: str) -> None:
    with pytest.raises(ValidationError):
        TASK_RESULT.validate_python({"usage": {field: 10**19}})


@pytest.mark.parametrize("failure", list(FailureClass))
def test_an_exit_code_says_the_class_that_it_was_made_from(failure: FailureClass) -> None:
    if failure in OPERATORS_OWN:
        with pytest.raises(KeyError):
            exit_code(failure)
    else:
        assert EXIT_CODES[exit_code(failure)] is failure


def test_exit_codes_are_small_and_none_is_a_success() -> None:
    assert EXIT_OK not in EXIT_CODES
    assert all(0 < code < 126 for code in EXIT_CODES), "126 and above are the shell's and the signals'"


@pytest.mark.parametrize("key", ["../../etc/passwd", f"{UUID}/../x/y", f"s3://{UUID}/chapter/x", f"{UUID}/chapter/.x"])
def test_an_artifact_lies_under_a_namespaces_uid(key: str) -> None:
    with pytest.raises(ValidationError):
        Artifact(key=key, sha256="0" * 64, bytes=1, media_type="text/plain")
