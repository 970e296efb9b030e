"""Every exception of the security checks has a reason and a need, in each overlay it names; tests/audit runs them."""

import re

import pytest

from checks import audit, bom, overlays, tools
from demo import registry

FOUND = audit.Finding("production", "CKV_1", "Deployment.a.b", "a rule")
ELSEWHERE = ("local", *FOUND.key[1:])


@pytest.mark.parametrize(
    ("findings", "known", "faults"),
    [
        ([FOUND, FOUND], [FOUND.key], []),
        ([FOUND], [], ["production: CKV_1 Deployment.a.b: a rule"]),
        ([], [FOUND.key], ["production: CKV_1 Deployment.a.b: nothing needs this exception"]),
        (
            [FOUND],
            [ELSEWHERE],
            ["production: CKV_1 Deployment.a.b: a rule", "local: CKV_1 Deployment.a.b: nothing needs this exception"],
        ),
    ],
)
def test_a_finding_without_an_exception_and_an_exception_without_a_finding_are_faults(
    findings: list[audit.Finding], known: list[audit.Key], faults: list[str]
) -> None:
    assert audit.judge(findings, dict.fromkeys(known, "because")) == faults


def test_every_exception_says_why_and_for_which_overlays() -> None:
    known = audit.excepted()
    assert all(len(reason.split()) >= 4 for reason in known.values())
    assert {overlay for overlay, _, _ in known} <= set(overlays.JUDGED)


@pytest.mark.parametrize("name", ["checkov", "cyclonedx"])
def test_what_judges_and_lists_is_installed_by_its_hashes(name: str) -> None:
    text = tools.locked(name).read_text()
    packages = re.findall(r"^[a-z].*?(?=^[a-z]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(packages) > 20
    assert [p for p in packages if not re.match(r"\S+==\S+.*--hash=sha256:", p, re.DOTALL)] == []


def test_a_bill_of_materials_has_what_its_image_has_and_each_image_has_one() -> None:
    assert {image: bom.installed(image) for image in registry.PARTS} == {
        "coursegen/operator": ["--package=coursegen-operator", "--extra=gateway"],
        "coursegen/worker": ["--package=coursegen-worker"],
        "coursegen/worker-quality": ["--package=coursegen-worker", "--extra=embedding"],
    }


def test_what_other_pythons_and_machines_take_is_in_no_bill_of_materials() -> None:
    lines = [
        "a==1 \\\n    --hash=sha256:0 \\\n    --hash=sha256:1",
        "b==1 ; python_full_version < '3.12' \\\n    --hash=sha256:0",
        "b==2 ; python_full_version >= '3.12' \\\n    --hash=sha256:0",
        "c==1 ; sys_platform == 'win32' \\\n    --hash=sha256:0",
        "    # via b",
    ]
    kept = [line.split()[0] for line in bom.in_image("\n".join(lines)).splitlines()]
    assert kept == ["a==1", "b==2"]
