"""What docs/migration.md tells somebody who comes from Celery is so: each row is held to what is delivered."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from coursegen_api import names
from coursegen_operator import settings
from coursegen_operator.environ import Environment, variable
from coursegen_operator.plan import clock
from demo import overlay

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "migration.md").read_text()
[DEPLOYMENT] = yaml.safe_load_all((ROOT / "deploy/base/operator/deployment.yaml").read_text())
POD = DEPLOYMENT["spec"]["template"]["spec"]
QUEUES = {d["metadata"]["name"]: d["spec"] for d in yaml.safe_load_all((ROOT / "deploy/base/queues.yaml").read_text())}


def table(title: str) -> dict[str, str]:
    """Give the rows of a section: the first cell, and the others."""
    text = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    _, _, *rows = [line.strip("| ") for line in text.splitlines() if line.startswith("|")]
    return {first.strip(): rest.strip() for first, _, rest in (row.partition(" | ") for row in rows)}


def delivered() -> dict[str, str]:
    """Give the environment that the manifests give the operator, but for what a cluster fills in."""
    [container] = POD["containers"]
    named = {e["name"]: e["value"] for e in container["env"] if "value" in e}
    return overlay.read_env(ROOT / "deploy/base/operator/settings.env") | named


def loaded(**told: str) -> settings.Settings:
    return settings.load(delivered() | {f"COURSEGEN_{name}": text for name, text in told.items()})


def field(plural: str, path: str) -> dict[str, Any]:
    """Give the schema of a field from its CRD."""
    crd = yaml.safe_load((ROOT / "crds" / f"{plural}.yaml").read_text())
    found = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in path.split("."):
        found = found["properties"][part]
    return found  # type: ignore[no-any-return]


def redis_row(now: str) -> None:
    """The Secret that the row names is where the operator looks, with the keys that it reads."""
    [secret] = [v["secret"] for v in POD["volumes"] if "secret" in v]
    [mount] = [m["mountPath"] for m in POD["containers"][0]["volumeMounts"] if m["name"] == "redis"]
    assert (secret["secretName"], mount) == ("coursegen-operator-redis", loaded().redis_folder)
    assert set(re.findall(r"`([^`]+)`", now)) >= {
        secret["secretName"],
        "url",
        "ca.crt",
        variable("redis_max_connections"),
    }
    assert loaded().redis_max_connections == 50


def backoff_row(now: str) -> None:
    assert {(q["maxRetries"], *q["backoffSeconds"]) for q in QUEUES.values()} == {(3, 60, 120, 240)}
    assert [field("generationqueues", f"spec.{f}")["default"] for f in ("maxRetries", "backoffSeconds")] == [
        3,
        [60, 120, 240],
    ]
    most = max(clock.jitter(f"uid-{i}", 0, 1) for i in range(1000))
    assert 0.19 < most <= 0.2
    assert "20 %" in now


def environment_row(now: str) -> None:
    for environment in Environment:
        assert environment in now
        assert loaded(ENVIRONMENT=environment).environment is environment


def ttl_row(now: str) -> None:
    assert "default" not in field("coursegenerations", "spec.ttlSecondsAfterFinished")


def nothing(now: str) -> None:
    assert now.startswith("none: ")


SETTINGS: dict[str, Callable[[str], None]] = {
    "broker and result backend URL": nothing,
    "Redis URL, max connections 50": redis_row,
    "max concurrent courses 100": lambda now: _is(loaded().max_concurrent_courses, 100),
    "worker pool size 8 (`--concurrency`)": lambda now: _is(QUEUES["default"]["capacity"], 8),
    "chapter limit 120 s (`task_time_limit`)": lambda now: _is(QUEUES["chapter-generation"]["timeoutSeconds"], 120),
    "max retries 3, 60/120/240 s, jitter": backoff_row,
    "success-rate target 95": lambda now: _is(loaded().success_rate_target_percent, 95),
    "environment": environment_row,
    "`visibility_timeout`": nothing,
    "`task_acks_late`, `worker_prefetch_multiplier`": nothing,
    "`result_expires`": ttl_row,
}


def _is(found: object, wanted: object) -> None:
    assert found == wanted


def test_every_row_about_settings_is_tried() -> None:
    assert list(table("Settings")) == list(SETTINGS)


@pytest.mark.parametrize("row", SETTINGS)
def test_a_setting_of_before_has_the_value_of_before_where_the_table_says(row: str) -> None:
    SETTINGS[row](table("Settings")[row])


NAMED = sorted({name for row in table("Settings").values() for name in re.findall(r"`(COURSEGEN_\w+)`", row)})
OTHER = {"COURSEGEN_ENVIRONMENT": "testing"}


@pytest.mark.parametrize("name", NAMED)
def test_a_variable_that_the_table_names_can_be_set_beside_what_the_manifests_set(name: str) -> None:
    value = OTHER.get(name, "7")
    known = {variable(f): f for f in settings.Settings.model_fields}
    assert str(getattr(settings.load(delivered() | {name: value}), known[name])) == value


@pytest.mark.parametrize(
    ("plural", "path"),
    sorted(
        {
            ("coursegenerations" if "of a course" in row else "generationqueues", path)
            for row in table("Settings").values()
            for path in re.findall(r"`(spec\.\w+)`", row)
        }
    ),
)
def test_a_field_that_the_table_names_is_one_of_the_kind(plural: str, path: str) -> None:
    assert field(plural, path)["type"]


def test_the_queues_have_the_priorities_and_slots_that_the_table_says() -> None:
    rows = {name.strip("`"): rest.split(" | ") for name, rest in table("Queues").items()}
    told = {
        name: (int(priority), int(re.findall(r"\d+ slots", now)[0].split()[0]))
        for name, (priority, now) in rows.items()
    }
    assert told == {name: (q["priority"], q["capacity"]) for name, q in QUEUES.items()}
    assert list(told) == sorted(names.QUEUE_PRIORITIES, key=lambda q: -names.QUEUE_PRIORITIES[q])
