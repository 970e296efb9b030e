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
        ({"COURSEGEN_MAX_JOB": "3"}, "COURSEGEN_MAX_JOB is no setting.* COURSEGEN_MAX_JOBS"),
        ({"COURSEGEN_HTTP_PORT": "70000"}, "COURSEGEN_HTTP_PORT"),
        ({"COURSEGEN_LOG_LEVEL": "info"}, "COURSEGEN_LOG_LEVEL"),
        ({"COURSEGEN_NAMESPACES": "a,*"}, r"COURSEGEN_NAMESPACES is .*'\*' is no name"),
        ({"COURSEGEN_REDIS_URL": "http://redis"}, "COURSEGEN_REDIS_URL"),
        ({"COURSEGEN_REDIS_URL": "redis://u:p/w@redis"}, "COURSEGEN_REDIS_URL"),
        ({"COURSEGEN_REDIS_URL": "redis://[:1"}, "COURSEGEN_REDIS_URL"),
        ({"COURSEGEN_REDIS_CA": "/etc/ca.crt"}, "COURSEGEN_REDIS_CA"),
        ({"COURSEGEN_REDIS_FOLDER": "/run/r", "COURSEGEN_REDIS_URL": "redis://r"}, "COURSEGEN_REDIS_FOLDER"),
        ({"COURSEGEN_SHARD": "B!"}, "COURSEGEN_SHARD"),
        ({"COURSEGEN_SHARD": "main"}, "COURSEGEN_SHARD is 'main'"),
        ({"COURSEGEN_MAX_JOBS": "1.5"}, "COURSEGEN_MAX_JOBS is '1.5'; it has to be a whole number"),
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


@pytest.mark.parametrize("environment", settings.ENVIRONMENTS)
def test_an_environment_sets_defaults_that_a_variable_overrides(environment: str) -> None:
    named = {"COURSEGEN_WORKER_IMAGE": "w:1", "COURSEGEN_ENVIRONMENT": environment}
    loaded = settings.load(named)
    assert {name: getattr(loaded, name) for name in settings.ENVIRONMENTS[environment]} == dict(
        settings.ENVIRONMENTS[environment]
    )
    assert loaded.leader_election == (environment == "production")
    asked = settings.load(named | {"COURSEGEN_KEEP_JOBS_SECONDS": "7", "COURSEGEN_LEADER_ELECTION": "true"})
    assert (asked.keep_jobs_seconds, asked.leader_election) == (7, True)


@pytest.mark.parametrize(
    ("given", "lease"),
    [
        ({}, "coursegen-operator-leader"),
        ({"COURSEGEN_SHARD": "b"}, "coursegen-operator-leader-b"),
        ({"COURSEGEN_SHARD": "b", "COURSEGEN_LEASE_NAME": "own"}, "own"),
    ],
)
def test_each_shard_leads_by_a_lease_of_its_own(given: dict[str, str], lease: str) -> None:
    assert settings.load({"COURSEGEN_WORKER_IMAGE": "w:1"} | given).lease() == lease


def test_redis_is_where_the_settings_or_a_mounted_secret_say() -> None:
    image = {"COURSEGEN_WORKER_IMAGE": "w:1"}
    assert settings.load(image).redis() is None
    redis = settings.load(image | {"COURSEGEN_REDIS_FOLDER": "/run/r"}).redis()
    assert redis is not None
    assert (redis.folder, redis.max_connections) == ("/run/r", 50)


@pytest.mark.parametrize("url", ["http://u:hidden@redis", "redis://u:hid/den@redis", "redis://u:hidden@[redis"])
def test_a_refused_url_is_not_repeated(url: str) -> None:
    with pytest.raises(settings.SettingsError) as refused:
        settings.load({"COURSEGEN_WORKER_IMAGE": "w:1", "COURSEGEN_REDIS_URL": url})
    assert "hid" not in str(refused.value)


def test_what_is_printed_holds_no_password() -> None:
    loaded = settings.load({"COURSEGEN_WORKER_IMAGE": "w:1", "COURSEGEN_REDIS_URL": "redis://:secret@redis"})
    assert "secret" not in str(loaded.public())
