"""Every exception of the security checks has a reason and a need."""

from checks import __main__ as checks
from demo import registry

FOUND = checks.Finding("CKV_1", "Deployment.a.b", "a rule")


def test_a_finding_without_an_exception_and_an_exception_without_a_finding_are_faults():
    assert checks.judge([FOUND, FOUND], {FOUND.key: "because"}) == []
    assert checks.judge([FOUND], {}) == ["CKV_1 Deployment.a.b: a rule"]
    assert checks.judge([], {FOUND.key: "because"}) == ["CKV_1 Deployment.a.b: nothing needs this exception"]


def test_every_exception_says_why():
    assert all(len(reason.split()) >= 4 for reason in checks.excepted().values())


def test_a_bill_of_materials_has_what_its_image_has_and_each_image_has_one() -> None:
    assert {image: checks.installed(image) for image in registry.PARTS} == {
        "coursegen/operator": ["--package=coursegen-operator", "--extra=gateway"],
        "coursegen/worker": ["--package=coursegen-worker"],
        "coursegen/worker-quality": ["--package=coursegen-worker", "--extra=embedding"],
    }
