"""Argo CD's Lua and Flux's CEL, on states recorded from a run of the operator on a real API server (`make record`)."""

import re

import pytest
import yaml

from coursegen_api import names
from coursegen_operator.snapshot import KINDS
from gitops import __main__ as gitops

from ...gitops import argocd, flux, recorded

WORK = [k for k, folder in gitops.FOLDERS.items() if folder == "work"]
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@pytest.mark.parametrize("file", recorded.STATES)
def test_every_recorded_state_is_judged_as_a_person_would(file):
    recorded.judge(file, recorded.load(file))


def test_every_state_is_recorded_and_still_what_the_contract_says():
    assert {p.stem for p in recorded.FOLDER.glob("*.yaml")} == set(recorded.STATES)
    for file, state in recorded.STATES.items():
        obj = recorded.load(file)
        assert state.holds(obj), f"{file} is not in its state: `make record`"
        KINDS[obj["kind"]].model_validate(obj)


def test_every_kind_has_a_health_check_and_the_work_of_people_has_expressions():
    assert set(argocd.customizations()) == set(KINDS)
    assert set(flux.expressions()) == set(WORK)
    assert gitops.CONFIG.read_text() == gitops.config(), "stale: `make generate`"


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_that_the_operator_has_not_seen_is_progress_whatever_was_before(kind):
    file = next(f for f, s in recorded.STATES.items() if s.kind == kind and s.flux != "Unknown")
    obj = recorded.load(file)
    obj["metadata"]["generation"] += 1
    assert argocd.customizations()[kind].health(obj)[0] == "Progressing"
    if kind in WORK:
        assert flux.status(flux.expressions()[kind], obj) == "InProgress"


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_without_status_waits_for_the_operator(kind):
    obj = {"kind": kind, "metadata": {"name": "x", "generation": 1}, "spec": {}}
    assert argocd.customizations()[kind].health(obj)[0] == "Progressing"
    assert argocd.customizations()[kind].enabled(obj) is not None


ANNOTATIONS = {"retry": names.ANNOTATION_RETRY, "cancel": names.ANNOTATION_CANCEL, "stop": names.ANNOTATION_STOP}
FIELDS = {
    ("work", "suspend"): ("suspend", True),
    ("work", "resume"): ("suspend", False),
    ("queue", "suspend"): ("stopPolicy", "Hold"),
    ("queue", "resume"): ("stopPolicy", "None"),
}


@pytest.mark.parametrize(("kind", "action"), [(k, a) for k in KINDS for a in gitops.actions(k)])
def test_an_action_changes_its_one_field_and_nothing_else(kind, action):
    file = next(f for f, s in recorded.STATES.items() if s.kind == kind and s.flux != "Unknown")
    before, after = recorded.load(file), argocd.customizations()[kind].act(action, recorded.load(file))
    del before["status"], after["status"]
    if action in ANNOTATIONS:
        annotations = after["metadata"].pop("annotations")
        assert set(annotations) == {ANNOTATIONS[action]}
        assert STAMP.fullmatch(annotations[ANNOTATIONS[action]])
    else:
        field, value = FIELDS[gitops.FOLDERS[kind], action]
        assert after["spec"].pop(field) == value
        before["spec"].pop(field, None)
    assert _without_empty(after) == _without_empty(before)


def _without_empty(value):
    """Lua cannot tell an empty list from an empty map; Argo CD puts both back as they were."""
    if isinstance(value, dict):
        return {k: _without_empty(v) for k, v in value.items() if v not in ({}, [])}
    return [_without_empty(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("folder", ["argocd", "flux"])
def test_the_examples_name_folders_that_are_there_and_never_prune_the_platform(folder):
    for manifest in yaml.safe_load_all((gitops.HERE / folder / "operator.yaml").read_text()):
        spec = manifest["spec"]
        path = spec.get("path") or spec.get("source", {}).get("path")
        if path:
            assert (gitops.HERE.parents[1] / path / "kustomization.yaml").exists()
        prune = spec.get("prune", spec.get("syncPolicy", {}).get("automated", {}).get("prune", False))
        assert prune is False


@pytest.mark.parametrize(
    ("status", "offered"),
    [({}, False), ({"missingChapters": []}, False), ({"missingChapters": [2]}, True)],
)
def test_argo_cd_offers_to_write_the_chapters_that_a_course_was_delivered_without(
    status: dict[str, object], offered: bool
) -> None:
    course = {"kind": "CourseGeneration", "metadata": {}, "spec": {}, "status": {"phase": "Succeeded", **status}}
    assert ("retry" in argocd.customizations()["CourseGeneration"].enabled(course)) is offered
