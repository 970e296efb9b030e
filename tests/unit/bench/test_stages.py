"""The fake nodes' last words are words that the operator accepts."""

import json
from pathlib import Path

import pytest
import yaml

from coursegen_api import names
from coursegen_api.base import Outcome
from coursegen_api.task import TaskKind
from coursegen_operator.plan.failure import judge
from coursegen_operator.plan.world import JobView, PodView, Reading
from tests.bench import stages

NAMESPACE = "0d9c7c56-5f1f-4a05-9d2c-3f9b6f1f0a11"
JOB = JobView("bench", "job", "job-uid", "", "", "", "", "", "", 0.0, finished="Complete")


def as_kwok_fills_it_in(message: str) -> str:
    return message.replace(stages.TASK, NAMESPACE).replace(stages.DIGEST, "ab" * 32)


@pytest.mark.parametrize("kind", TaskKind)
def test_a_message_is_a_success_with_an_artifact_of_its_namespace(kind: TaskKind) -> None:
    said = as_kwok_fills_it_in(stages.message_template(kind))
    pod = PodView("pod", "pod", JOB.uid, 0.0, "Succeeded", exit_code=0, termination_message=said)
    verdict = judge(JOB, Reading(1.0, (pod,), final=True), NAMESPACE)
    assert verdict.outcome is Outcome.SUCCEEDED
    assert verdict.result
    assert verdict.result.artifact
    assert verdict.result.artifact.key == f"{NAMESPACE}/{kind.value}/{'ab' * 32}.json"
    assert (verdict.result.outline is not None) == (kind is TaskKind.OUTLINE)
    assert (verdict.result.quality is not None) == (kind is TaskKind.VALIDATION)


@pytest.mark.parametrize("kind", TaskKind)
def test_a_stage_selects_running_pods_of_its_kind_and_holds_the_message(kind: TaskKind, tmp_path: Path) -> None:
    stage = yaml.safe_load((stages.write(tmp_path) / f"{kind.value}.yaml").read_text())
    assert stage["spec"]["selector"]["matchLabels"][names.LABEL_COMPONENT] == kind.value
    template = stage["spec"]["next"]["statusTemplate"]
    line = next(text for text in template.splitlines() if "message:" in text)
    said = yaml.safe_load(as_kwok_fills_it_in(line))["message"]
    assert json.loads(said) == json.loads(as_kwok_fills_it_in(stages.message_template(kind)))
