"""Settings are refused where they enter, by the name of the variable."""

import pytest

from coursegen_operator import settings


def test_defaults_are_those_of_the_queue_that_is_replaced() -> None:
    loaded = settings.load({"COURSEGEN_WORKER_IMAGE": "w:1"})
    assert (loaded.max_concurrent_courses, loaded.max_jobs, loaded.redis_max_connections) == (100, 400, 50)
    assert (loaded.success_rate_target_percent, loaded.environment) == (95, "production")


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, "COURSEGEN_WORKER_IMAGE"),
        ({"COURSEGEN_MAX_JOBS": "many"}, "COURSEGEN_MAX_JOBS"),
        ({"COURSEGEN_MAX_JOBS": "0"}, "COURSEGEN_MAX_JOBS"),
        ({"COURSEGEN_ENVIRONMENT": "prod"}, "COURSEGEN_ENVIRONMENT"),
        ({"COURSEGEN_SUCCESS_RATE_TARGET_PERCENT": "120"}, "COURSEGEN_SUCCESS_RATE_TARGET_PERCENT"),
        ({"COURSEGEN_LEADER_ELECTION": "maybe"}, "COURSEGEN_LEADER_ELECTION"),
        ({"COURSEGEN_LEASE_DURATION_SECONDS": "11"}, "COURSEGEN_LEASE_DURATION_SECONDS"),
        ({"COURSEGEN_LEASE_MARGIN_SECONDS": "9"}, "COURSEGEN_LEASE_DURATION_SECONDS"),
        ({"COURSEGEN_LEASE_RENEW_SECONDS": "0"}, "COURSEGEN_LEASE_RENEW_SECONDS"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], named: str) -> None:
    image = {} if named == "COURSEGEN_WORKER_IMAGE" else {"COURSEGEN_WORKER_IMAGE": "w:1"}
    with pytest.raises(settings.SettingsError, match=named):
        settings.load(image | environ)


def test_replicas_elect_a_leader_unless_told_otherwise() -> None:
    image = {"COURSEGEN_WORKER_IMAGE": "w:1"}
    assert settings.load(image).leader_election
    assert not settings.load(image | {"COURSEGEN_LEADER_ELECTION": "false"}).leader_election
    assert settings.load(image).terms().identity != settings.load(image).terms().identity


def test_what_is_printed_holds_no_password() -> None:
    loaded = settings.load({"COURSEGEN_WORKER_IMAGE": "w:1", "COURSEGEN_REDIS_URL": "redis://:secret@redis"})
    assert "secret" not in str(loaded.public())
