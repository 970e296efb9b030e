"""A support bundle holds neither content nor credentials."""

from typing import Any

import pytest

from coursegen import redact


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"spec": {"title": "My secret course"}}, {"spec": {"title": "<redacted, 16 characters>"}}),
        (
            {"learningObjectives": ["a", "bc"]},
            {"learningObjectives": ["<redacted, 1 characters>", "<redacted, 2 characters>"]},
        ),
        (
            {"regeneration": {"feedback": "x", "requestId": "r1"}},
            {"regeneration": {"feedback": "<redacted, 1 characters>", "requestId": "r1"}},
        ),
        ({"name": "AWS_SECRET_ACCESS_KEY", "value": "abc"}, {"name": "AWS_SECRET_ACCESS_KEY", "value": "<redacted>"}),
        ({"name": "COURSEGEN_TASK", "value": "{...}"}, {"name": "COURSEGEN_TASK", "value": "<redacted, 5 characters>"}),
        (
            {"name": "COURSEGEN_REDIS_URL", "value": "redis://u:pw@h:6379/0"},
            {"name": "COURSEGEN_REDIS_URL", "value": "redis://<redacted>@h:6379/0"},
        ),
        (
            {"data": {"password": "hunter2", "COURSEGEN_MAX_JOBS": "400"}},
            {"data": {"password": "<redacted>", "COURSEGEN_MAX_JOBS": "400"}},
        ),
        ({"message": "GET https://me:pw@host/x"}, {"message": "GET https://<redacted>@host/x"}),
        (
            {"message": "redis://me:p@s:s@host/0 and https://h/x"},
            {"message": "redis://<redacted>@host/0 and https://h/x"},
        ),
        ({"message": "Authorization: Bearer abcdefgh12345"}, {"message": "Authorization: Bearer <redacted>"}),
        ({"metadata": {"name": "c", "managedFields": [1]}}, {"metadata": {"name": "c"}}),
        ({"usage": {"promptTokens": 5}}, {"usage": {"promptTokens": 5}}),
    ],
)
def test_content_and_credentials_are_taken_out_and_the_rest_stays(value: Any, expected: Any) -> None:
    assert redact.thing(value) == expected
