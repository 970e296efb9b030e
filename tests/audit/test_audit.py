"""checkov and kube-score over every overlay by itself: what they find has its reason, and every reason its finding."""

from pathlib import Path

import pytest
import yaml

from checks import audit, overlays

COMPONENTS = overlays.DEPLOY / "components"


@pytest.fixture(scope="module")
def manifests() -> dict[str, str]:
    return overlays.rendered()


def without(text: str, *kinds: str) -> str:
    return yaml.safe_dump_all([d for d in yaml.safe_load_all(text) if d and d["kind"] not in kinds])


def test_every_finding_is_explained_and_every_explanation_has_a_finding(manifests: dict[str, str]) -> None:
    verdicts = audit.verdicts(manifests)
    assert audit.judge((f for v in verdicts for f in v.findings), audit.excepted()) == []
    assert {v.tool: v.passed > 100 for v in verdicts} == {"checkov": True, "kube-score": True}


@pytest.mark.parametrize("overlay", [name for name in overlays.JUDGED if name != "production/tenant"])
def test_an_overlay_without_network_policies_is_found_out_beside_one_that_has_them(
    manifests: dict[str, str], overlay: str
) -> None:
    bare = manifests | {overlay: without(manifests[overlay], "NetworkPolicy")}
    found = [f for f in audit.kube_score(bare).findings if f.check == "pod-networkpolicy"]
    assert {f.overlay for f in found} == {overlay}


def test_every_overlay_and_every_component_is_judged() -> None:
    def named(folder: Path) -> set[str]:
        return {str(f.parent.relative_to(folder)) for f in folder.rglob("kustomization.yaml")}

    there = {o for o in named(overlays.DEPLOY / "overlays") if not o.startswith("local/") and "generated" not in o}
    assert there == set(overlays.JUDGED)
    texts = "".join(f.read_text() for f in (overlays.DEPLOY / "overlays").rglob("kustomization.yaml"))
    judged = {c for j in overlays.JUDGED.values() for c in j.components}
    assert {c for c in named(COMPONENTS) if f"components/{c}\n" not in texts} == judged
