"""Settings are refused where they enter, by the name of the variable."""

import logging
from pathlib import Path

import pytest

from coursegen_operator import settings
from coursegen_operator.__main__ import tell


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
        (
            {"COURSEGEN_IMAGE_PULL_POLICY": "Sometimes"},
            "PULL_POLICY is 'Sometimes'; it can be 'Always', 'IfNotPresent' or",
        ),
        ({"COURSEGEN_LEASE_NAME": "Not A Name"}, "COURSEGEN_LEASE_NAME is 'Not A Name'; it has to be a name that"),
        ({"COURSEGEN_LEASE_NAME": "a" * 254}, "COURSEGEN_LEASE_NAME is .*; it has to be a name that"),
        (
            {"COURSEGEN_LEASE_NAMESPACE": "Not_A"},
            "COURSEGEN_LEASE_NAMESPACE is 'Not_A'; it has to be the name of a namespace",
        ),
        (
            {"COURSEGEN_LEASE_RETRY_SECONDS": "9999"},
            "RETRY_SECONDS is 9999; it has to be less than .*DURATION_SECONDS.* 15",
        ),
        (
            {"COURSEGEN_WORKER_IMAGE": "UPPER CASE!!"},
            "WORKER_IMAGE is 'UPPER CASE!!'; it has to name an image, such as",
        ),
        ({"COURSEGEN_WORKER_IMAGE": "registry.example.com/"}, "COURSEGEN_WORKER_IMAGE is .*; it has to name an image"),
        ({"COURSEGEN_VALIDATION_IMAGE": "w@sha256:12"}, "COURSEGEN_VALIDATION_IMAGE is .*; it has to name an image"),
    ],
)
def test_a_wrong_setting_is_named(environ: dict[str, str], named: str) -> None:
    image = {} if named == "COURSEGEN_WORKER_IMAGE" else {"COURSEGEN_WORKER_IMAGE": "w:1"}
    with pytest.raises(settings.SettingsError, match=named):
        settings.load(image | environ)


@pytest.mark.parametrize(
    "image",
    [
        "w:1",
        "coursegen/worker:0.1.0-quality",
        "localhost:5000/worker",
        "[fd00::1]:5000/a/b__c:v1",
        f"Registry.example.com:5000/course-gen/worker_x@sha256:{'0' * 64}",
        f"registry.example.com/coursegen/worker:0.1.0@sha256:{'a' * 64}",
    ],
)
def test_an_image_may_be_named_as_kubelet_takes_it(image: str) -> None:
    assert settings.load({"COURSEGEN_WORKER_IMAGE": image}).worker_image == image


OPEN_REDIS = [
    ("redis://redis:6379", "without TLS and a password"),
    ("redis://user@redis:6379", "without TLS and a password"),
    ("redis://user:hidden@redis:6379/0", "without TLS:"),
    ("rediss://redis:6380", "without a password"),
    ("rediss://user:hidden@redis:6380/0", ""),
    ("unix:///run/redis.sock", ""),
]


@pytest.mark.parametrize("mounted", [False, True], ids=["variable", "Secret"])
@pytest.mark.parametrize(("url", "missing"), OPEN_REDIS)
def test_a_redis_that_anybody_can_read_or_speak_for_is_told_of_at_the_start_in_production(
    url: str, missing: str, mounted: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "url").write_text(url)
    where = {"COURSEGEN_REDIS_FOLDER": str(tmp_path)} if mounted else {"COURSEGEN_REDIS_URL": url}
    named = f"{tmp_path}/url" if mounted else "COURSEGEN_REDIS_URL"
    tell(settings.load({"COURSEGEN_WORKER_IMAGE": "w:1"} | where), logging.getLogger("coursegen_operator"))
    warned = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert len(warned) == bool(missing)
    assert all(f"{named} names a Redis {missing}" in said and "rediss://" in said for said in warned)
    assert "hidden" not in caplog.text


@pytest.mark.parametrize("environment", ["development", "testing"])
def test_elsewhere_than_in_production_an_open_redis_is_nothing_to_speak_of(environment: str) -> None:
    told = {"COURSEGEN_WORKER_IMAGE": "w:1", "COURSEGEN_ENVIRONMENT": environment, "COURSEGEN_REDIS_URL": "redis://r"}
    assert settings.load(told).warnings() == ()


def test_a_secret_that_is_not_mounted_yet_is_nothing_to_warn_of(tmp_path: Path) -> None:
    told = {"COURSEGEN_WORKER_IMAGE": "w:1", "COURSEGEN_REDIS_FOLDER": str(tmp_path / "absent")}
    assert settings.load(told).warnings() == ()


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
