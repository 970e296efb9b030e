"""The rules of the contract, each with a value at its border that is accepted and one beyond that is refused."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .manifests import ABSENT, CHAPTER, KEY, REGENERATION, SCORM


class Row(NamedTuple):
    """One rule of one field; the changes are by path."""

    kind: str
    path: str
    """Where the rule stands."""
    keyword: str
    """A keyword of the schema, or the message of a CEL rule."""
    accepted: Mapping[str, Any]
    refused: Mapping[str, Any]


Bound = tuple[str, str, Any, Any]
"""Path, keyword, accepted value, refused value."""


# ---- types that many fields share ---------------------------------------------------------------------


def line(path: str, size: int) -> list[Bound]:
    """One line of text."""
    return [
        (path, "minLength", "a", ""),
        (path, "maxLength", "語" * size, "a" * (size + 1)),
        (path, "pattern", " 🎓 Ünïcödé $(HOME) \"'\\<&> ", "   "),
        (path, "pattern", "a-b", "two\nlines"),
        (path, "pattern", "a b", "two\u2028lines"),
        (path, "pattern", "no. 7", "bell \x07"),
        (path, "pattern", "\ufffd", "no XML: \uffff"),
    ]


def object_name(path: str, size: int = 52) -> list[Bound]:
    """A name of another object."""
    return [
        (path, "minLength", "a", ""),
        (path, "maxLength", "a" * size, "a" * (size + 1)),
        (path, "pattern", "a-b.c-1", "Upper"),
        (path, "pattern", "1a", "under_score"),
        (path, "pattern", "a.b", "a..b"),
        (path, "pattern", "a-b", "-a"),
    ]


def owner_id(path: str) -> list[Bound]:
    """An id of the owner's."""
    return [
        (path, "minLength", "A", ""),
        (path, "maxLength", "a" * 63, "a" * 64),
        (path, "pattern", "Course_1.2-3", "with space"),
        (path, "pattern", "7", "-7"),
    ]


def language(path: str) -> list[Bound]:
    """A BCP 47 code."""
    return [
        (path, "minLength", "en", "e"),
        (path, "maxLength", "en" + "-abcdefgh" * 3, "eng" + "-abcdefgh" * 3),
        (path, "pattern", "zh-Hant-TW", "German"),
        (path, "pattern", "haw", "de_DE"),
    ]


def duration(path: str) -> list[Bound]:
    """An ISO 8601 duration."""
    some = "must name at least one amount, for example PT20H (ISO 8601)"
    more_than_zero = "must be longer than zero, for example PT20H (ISO 8601)"
    return [
        (path, "minLength", "P1W", "P"),
        (path, "minLength", "P1D", ""),
        (path, "maxLength", "P9999DT9999H9999M99999S", "P" + "1" * 32),
        (path, "pattern", "PT20H", "PT20X"),
        (path, "pattern", "PT1H30M", "-PT1H"),
        (path, "pattern", "P2W", "P2W1D"),
        (path, "pattern", "PT99999S", "PT1.5H"),
        (path, "pattern", "P1DT1S", "20 hours"),
        (path, some, "P1D", "PT"),
        (path, some, "P1DT1H", "P1DT"),
        (path, more_than_zero, "PT10S", "PT0H"),
        (path, more_than_zero, "P0DT1M", "P0DT0M"),
    ]


def objectives(path: str) -> list[Bound]:
    """Learning objectives."""
    return [
        (path, "minItems", ["a"], []),
        (path, "maxItems", ["a"] * 20, ["a"] * 21),
        *line(f"{path}[]", 300),
    ]


def store_key(path: str) -> list[Bound]:
    """A key in the object store."""
    return [
        (path, "minLength", KEY, ""),
        (path, "maxLength", KEY[:45].ljust(128, "a"), KEY[:45].ljust(129, "a")),
        (path, "pattern", KEY, KEY.replace("/chapter/", "/../")),
        (path, "pattern", KEY, f"s3://bucket/{KEY}"),
        (path, "pattern", KEY, "/etc/passwd"),
    ]


def choice(path: str, *values: str) -> list[Bound]:
    """One of a closed list."""
    return [(path, "enum", value, value.swapcase()) for value in values] + [(path, "enum", values[0], "")]


def number(path: str, least: float, most: float, step: float = 1) -> list[Bound]:
    """A number between bounds."""
    return [(path, "minimum", least, least - step), (path, "maximum", most, most + step)]


def regeneration(path: str) -> list[Bound]:
    """A wish for a regeneration."""
    return [
        (f"{path}.requestId", "required", "r", ABSENT),
        *owner_id(f"{path}.requestId"),
        (f"{path}.feedback", "required", "f", ABSENT),
        (f"{path}.feedback", "minLength", "f", ""),
        (f"{path}.feedback", "maxLength", "🎓" * 4000, "f" * 4001),
        (f"{path}.focusArea", "maxLength", "a" * 63, "a" * 64),
        (f"{path}.focusArea", "pattern", "more-examples2", "More examples"),
    ]


def bar(path: str) -> list[Bound]:
    """The quality bar."""
    return [
        *number(f"{path}.minReadabilityScore", 0, 100, 0.1),
        *number(f"{path}.minPedagogicalAlignment", 0, 1, 0.1),
        (f"{path}.allowedTerms", "maxItems", ["host"] * 40, ["host"] * 41),
        (f"{path}.allowedTerms[]", "minLength", "a", ""),
        (f"{path}.allowedTerms[]", "maxLength", "語" * 60, "a" * 61),
        (f"{path}.allowedTerms[]", "pattern", "master's degree", "two\nlines"),
        *choice(f"{path}.glossaryTerms", "Count", "Exempt"),
    ]


def quantity(path: str) -> list[Bound]:
    """An amount of a resource."""
    return [
        (path, "maxLength", "0." + "0" * 29 + "1", "1" * 33),
        (path, "pattern", "0.5", "half"),
        (path, "pattern", "100m", "-1"),
        (path, "pattern", "1", "1 000"),
    ]


def breaker(path: str) -> list[Bound]:
    """A circuit breaker."""
    return [
        *number(f"{path}.failureRatePercent", 1, 100),
        *number(f"{path}.windowSeconds", 10, 3600),
        *number(f"{path}.minimumAttempts", 1, 100),
        *number(f"{path}.openSeconds", 1, 3600)[:1],
        (f"{path}.openSeconds", "maximum", 60, 3601),
        (f"{path}.maxOpenSeconds", "minimum", 10, 0),
        (f"{path}.maxOpenSeconds", "maximum", 86400, 86401),
    ]


def budget(path: str, *amounts: str) -> list[Bound]:
    """A budget."""
    return [bound for amount in amounts for bound in number(f"{path}.{amount}", 0, 10**15)]


def deadline(path: str) -> list[Bound]:
    """A time with its zone."""
    return [
        (path, "maxLength", "2027-03-01T08:00:00.000000+01:00", "2027-03-01T08:00:00.0000000+01:00"),
        (path, "pattern", "2027-03-01T08:00:00Z", "2027-03-01T08:00:00z"),
        (path, "pattern", "9999-12-31T23:59:59-12:00", "0000-01-01T00:00:00Z"),
        (path, "pattern", "2027-03-01T08:00:00.5Z", "2027-03-01 08:00:00Z"),
    ]


def controller(path: str) -> list[Bound]:
    """The name of a controller."""
    return [
        (path, "minLength", "a/b", "a/"),
        (path, "maxLength", "a.b/" + "c" * 59, "a.b/" + "c" * 60),
        (path, "pattern", "kueue.x-k8s.io/multikueue", "multikueue"),
        (path, "pattern", "a/b", "A/b"),
    ]


FORMATS = ("pdf", "scorm", "json", "epub", "qti", "markdown", "html", "cmi5")
SCORM_VERSIONS = ("scorm-1.2", "scorm-2004-3rd", "scorm-2004-4th")
LEVELS = ("beginner", "intermediate", "advanced")


# ---- the fields ---------------------------------------------------------------------------------------

BOUNDS: dict[str, list[Bound]] = {
    "CourseGeneration": [
        ("spec", "required", {"title": "t", "learningObjectives": ["o"]}, ABSENT),
        ("spec.title", "required", "t", ABSENT),
        ("spec.learningObjectives", "required", ["o"], ABSENT),
        *owner_id("spec.courseId"),
        *line("spec.title", 200),
        *language("spec.language"),
        *line("spec.subjectDomain", 200),
        *choice("spec.targetAudience.proficiencyLevel", *LEVELS),
        *objectives("spec.learningObjectives"),
        *duration("spec.estimatedDuration"),
        *number("spec.difficultyScore", 0, 10, 0.1),
        *number("spec.chapterCount", 1, 100),
        ("spec.chapters", "minItems", [CHAPTER], []),
        (
            "spec.chapters",
            "maxItems",
            [CHAPTER | {"id": f"c{i}"} for i in range(100)],
            [CHAPTER | {"id": f"c{i}"} for i in range(101)],
        ),
        *((f"spec.chapters[].{f}", "required", CHAPTER[f], ABSENT) for f in ("id", "title", "learningObjectives")),
        *owner_id("spec.chapters[].id"),
        *line("spec.chapters[].title", 200),
        *objectives("spec.chapters[].learningObjectives"),
        *duration("spec.chapters[].estimatedDuration"),
        *choice("spec.chapters[].complexityLevel", *LEVELS),
        ("spec.exports", "maxItems", [{"format": f} for f in FORMATS], [{"format": f} for f in (*FORMATS, "pdf")]),
        ("spec.exports", "unique", [{"format": "pdf"}, {"format": "json"}], [{"format": "pdf"}, {"format": "pdf"}]),
        *choice("spec.exports[].scorm.version", *SCORM_VERSIONS),
        *choice("spec.exports[].scorm.packaging", "Single", "PerChapter"),
        *choice("spec.exports[].cmi5.packaging", "Single", "PerChapter"),
        *bar("spec.quality"),
        *number("spec.quality.maxRegenerations", 0, 3),
        *choice("spec.quality.belowBar", "Deliver", "Fail"),
        *choice("spec.failurePolicy", "Fail", "ExportPartial"),
        *budget("spec.budget", "tokens", "costMicroUSD"),
        *number("spec.ttlSecondsAfterFinished", 0, 315360000),
        *object_name("spec.providerName"),
        *object_name("spec.queueName"),
        *deadline("spec.deadlineTime"),
        *controller("spec.managedBy"),
        *regeneration("spec.regeneration"),
    ],
    "ChapterGeneration": [
        ("spec", "required", {"courseName": "c", "title": "t", "learningObjectives": ["o"]}, ABSENT),
        *owner_id("spec.chapterId"),
        *object_name("spec.courseName"),
        ("spec.courseContext.title", "required", "t", ABSENT),
        *line("spec.courseContext.title", 200),
        *language("spec.courseContext.language"),
        *line("spec.courseContext.subjectDomain", 200),
        *choice("spec.courseContext.proficiencyLevel", *LEVELS),
        *number("spec.courseContext.difficultyScore", 0, 10, 0.1),
        *number("spec.index", 1, 100),
        *line("spec.title", 200),
        *objectives("spec.learningObjectives"),
        *duration("spec.estimatedDuration"),
        *choice("spec.complexityLevel", *LEVELS),
        *store_key("spec.outlineKey"),
        *object_name("spec.providerName"),
        *object_name("spec.queueName"),
        *deadline("spec.deadlineTime"),
        *controller("spec.managedBy"),
        *regeneration("spec.regeneration"),
    ],
    "QualityValidation": [
        ("spec", "required", {"courseName": "c"}, ABSENT),
        *object_name("spec.courseName"),
        *object_name("spec.chapterName"),
        *store_key("spec.artifactKey"),
        *object_name("spec.configMapName", 253),
        *bar("spec"),
        *object_name("spec.queueName"),
        *deadline("spec.deadlineTime"),
        *controller("spec.managedBy"),
    ],
    "CourseExport": [
        ("spec", "required", {"courseName": "c", "format": "pdf"}, ABSENT),
        *object_name("spec.courseName"),
        *object_name("spec.chapterName"),
        *store_key("spec.artifactKey"),
        *object_name("spec.configMapName", 253),
        ("spec.format", "required", "scorm", ABSENT),
        *choice("spec.scorm.version", *SCORM_VERSIONS),
        *choice("spec.scorm.packaging", "Single", "PerChapter"),
        *choice("spec.cmi5.packaging", "Single", "PerChapter"),
        *object_name("spec.queueName"),
        *deadline("spec.deadlineTime"),
        *controller("spec.managedBy"),
    ],
    "ArtifactCleanup": [
        ("spec", "required", {}, ABSENT),
        *number("spec.retentionDays", 2, 3650),
        *number("spec.intervalHours", 1, 720),
        *object_name("spec.queueName"),
        *controller("spec.managedBy"),
    ],
    "GenerationQueue": [
        ("spec", "required", {"priority": 3}, ABSENT),
        ("spec.priority", "required", 3, ABSENT),
        *number("spec.priority", 0, 100),
        *number("spec.capacity", 0, 10000),
        *number("spec.maxRetries", 0, 10),
        *number("spec.backoffSeconds[]", 1, 3600),
        ("spec.backoffSeconds", "minItems", [60], []),
        ("spec.backoffSeconds", "maxItems", [60] * 10, [60] * 11),
        *number("spec.timeoutSeconds", 15, 3600),
        *breaker("spec.circuitBreaker"),
        *number("spec.ageingSeconds", 1, 604800),
        *number("spec.namespaceCapacity", 0, 10000),
        (
            "spec.tenants",
            "maxItems",
            [{"namespace": f"n{i}"} for i in range(256)],
            [{"namespace": f"n{i}"} for i in range(257)],
        ),
        ("spec.tenants", "unique", [{"namespace": "a"}, {"namespace": "b"}], [{"namespace": "a"}, {"namespace": "a"}]),
        ("spec.tenants[].namespace", "required", "a", ABSENT),
        ("spec.tenants[].namespace", "minLength", "a", ""),
        ("spec.tenants[].namespace", "maxLength", "a" * 63, "a" * 64),
        ("spec.tenants[].namespace", "pattern", "a-1", "a.b"),
        *number("spec.tenants[].weight", 1, 100),
        *number("spec.tenants[].capacity", 0, 10000),
        *choice("spec.stopPolicy", "None", "Hold", "HoldAndDrain"),
        ("spec.elasticity.maxCapacity", "required", 200, ABSENT),
        ("spec.elasticity.minCapacity", "minimum", 1, 0),
        ("spec.elasticity.minCapacity", "maximum", 200, 10001),
        ("spec.elasticity.maxCapacity", "minimum", 10, 0),
        ("spec.elasticity.maxCapacity", "maximum", 10000, 10001),
        *number("spec.elasticity.headroom", 0, 100),
        (
            "spec.workers.nodeSelector",
            "maxProperties",
            {f"k{i}": "v" for i in range(16)},
            {f"k{i}": "v" for i in range(17)},
        ),
        ("spec.workers.nodeSelector{}", "maxLength", "v" * 63, "v" * 64),
        ("spec.workers.nodeSelector{}", "pattern", "", "not a label"),
        ("spec.workers.tolerations", "maxItems", [{"operator": "Exists"}] * 16, [{"operator": "Exists"}] * 17),
        ("spec.workers.tolerations[].key", "maxLength", "a" * 253 + "/" + "b" * 63, "a" * 254 + "/" + "b" * 63),
        ("spec.workers.tolerations[].key", "pattern", "node.kubernetes.io/not-ready", "not a key"),
        *choice("spec.workers.tolerations[].operator", "Equal"),
        *choice("spec.workers.tolerations[].effect", "NoExecute"),
        ("spec.workers.tolerations[].value", "maxLength", "v" * 63, "v" * 64),
        ("spec.workers.tolerations[].value", "pattern", "v", "not a label"),
        *number("spec.workers.tolerations[].tolerationSeconds", 0, 10**9),
        *quantity("spec.workers.resources.requests.cpu"),
        ("spec.workers.resources.requests.memory", "maxLength", "0" * 31 + "1", "1" * 33),
        ("spec.workers.resources.requests.memory", "pattern", "128Mi", "128MB"),
        ("spec.workers.resources.limits.cpu", "maxLength", "1" * 32, "1" * 33),
        ("spec.workers.resources.limits.cpu", "pattern", "2.5", "two"),
        ("spec.workers.resources.limits.memory", "maxLength", "1" * 32, "1" * 33),
        ("spec.workers.resources.limits.memory", "pattern", "2Gi", "2GB"),
        *object_name("spec.workers.priorityClassName", 253),
        *object_name("spec.workers.runtimeClassName", 253),
        ("spec.workers.imagePullSecrets", "maxItems", [{"name": "s"}] * 8, [{"name": "s"}] * 9),
        ("spec.workers.imagePullSecrets[].name", "required", "s", ABSENT),
        *object_name("spec.workers.imagePullSecrets[].name", 253),
    ],
    "ModelProvider": [
        ("spec", "required", {}, ABSENT),
        *choice("spec.writer", "template", "openai", "anthropic"),
        ("spec.endpoint", "minLength", "https://a", ""),
        ("spec.endpoint", "maxLength", "https://" + "a" * 248, "https://" + "a" * 249),
        *(
            ("spec.endpoint", "pattern", good, bad)
            for good, bad in (
                ("https://api.openai.com/v1", "http://api.openai.com/v1"),
                ("http://vllm.models.svc:8000/v1", "http://vllm.models.svc.example.com/v1"),
                ("http://vllm.models.svc.cluster.local/v1", "http://vllm.models/v1"),
                ("https://[fd00::1]:443/v1", "http://10.0.0.1/v1"),
                ("https://10.0.0.1:8443", "https://user:password@10.0.0.1"),
                ("https://a.b/c-d/~e", "https://a.b/v1?key=x"),
                ("https://a.b/", "ftp://a.b/"),
            )
        ),
        ("spec.model", "minLength", "m", ""),
        ("spec.model", "maxLength", "m" * 128, "m" * 129),
        ("spec.model", "pattern", "meta-llama/Llama-3.1-8B:free@1", "two words"),
        ("spec.model", "pattern", "7b", "-7b"),
        *number("spec.prices.promptMicroUSD", 0, 10**10),
        *number("spec.prices.cachedPromptMicroUSD", 0, 10**10),
        *number("spec.prices.completionMicroUSD", 0, 10**10),
        *number("spec.taskTokenLimit", 1000, 100_000_000),
        *number("spec.parallelRequests", 1, 32),
        *object_name("spec.secretName", 253),
        *number("spec.concurrency", 1, 10000),
        *budget("spec.budget", "tokens", "costMicroUSD", "reserveTokens", "reserveCostMicroUSD"),
        *choice("spec.budget.period", "Day", "Month"),
        *breaker("spec.circuitBreaker"),
    ],
}


# ---- what one field cannot say ------------------------------------------------------------------------

_SOURCES = ("chapterName", "courseName", "artifactKey", "configMapName")
_NO_SOURCE = {f"spec.{source}": ABSENT for source in _SOURCES}
_ONE_SOURCE = "set exactly one of chapterName, courseName, artifactKey and configMapName"
_SCORM_ONLY = "scorm says how a SCORM package is made: leave it out with other formats"
_CMI5_ONLY = "cmi5 says how a cmi5 package is made: leave it out with other formats"
_NO_OPTIONS = {"spec.scorm": ABSENT, "spec.cmi5": ABSENT}
_PLAIN = _NO_OPTIONS | {"spec.includeAssessments": True}
_QTI_IS_ASSESSMENTS = (
    "qti is the course's questions and nothing else: leave includeAssessments true, or choose another format"
)
_TOLERATION = "spec.workers.tolerations[]"
_SELECTOR = "each key must be a label key: letters, digits, '-', '_' and '.', after an optional prefix/"
_RESOURCES = "spec.workers.resources"


def _planned(chapters: int, size: int) -> dict[str, Any]:
    objectives = ["語" * size] * 20
    return {
        "spec.chapterCount": ABSENT,
        "spec.chapters": [CHAPTER | {"id": f"c{i}", "learningObjectives": objectives} for i in range(chapters)],
    }


CEL: list[Row] = [
    Row(
        "CourseGeneration",
        "spec.chapters",
        "two chapters have the same id: give each its own",
        {"spec.chapterCount": ABSENT, "spec.chapters": [CHAPTER, CHAPTER | {"id": "chapter-2"}]},
        {"spec.chapterCount": ABSENT, "spec.chapters": [CHAPTER, CHAPTER]},
    ),
    Row(
        "CourseGeneration",
        "spec.chapters",
        "the objectives have more than 200000 characters in all chapters: shorten them",
        _planned(100, 100),
        _planned(100, 101),
    ),
    Row(
        "CourseGeneration",
        "spec",
        "the embedded composer writes English only: name a ModelProvider in providerName",
        {"spec.providerName": ABSENT, "spec.language": "en-GB"},
        {"spec.providerName": ABSENT, "spec.language": "de"},
    ),
    Row(
        "CourseGeneration",
        "spec",
        "chapterCount is for a course whose outline is to be made: leave it out with given chapters",
        {"spec.chapterCount": ABSENT, "spec.chapters": [CHAPTER]},
        {"spec.chapterCount": 1, "spec.chapters": [CHAPTER]},
    ),
    *(
        Row("CourseGeneration", "spec.exports[].format", keyword, {"spec.exports": [good]}, {"spec.exports": [bad]})
        for keyword, good, bad in (
            ("required", {"format": "pdf"}, {"includeAssessments": True}),
            *(("enum", {"format": name}, {"format": name.swapcase()}) for name in FORMATS),
            ("enum", {"format": "pdf"}, {"format": "docx"}),
        )
    ),
    *(
        Row("CourseExport", "spec.format", "enum", _PLAIN | {"spec.format": good}, _PLAIN | {"spec.format": bad})
        for good, bad in (*((name, name.swapcase()) for name in FORMATS), ("pdf", "docx"))
    ),
    Row(
        "CourseGeneration",
        "spec.exports[]",
        _SCORM_ONLY,
        {"spec.exports": [{"format": "scorm", "scorm": {"version": "scorm-2004-4th"}}, {"format": "pdf"}]},
        {"spec.exports": [{"format": "pdf", "scorm": {"version": "scorm-2004-4th"}}]},
    ),
    *(
        Row("CourseExport", "spec", _SCORM_ONLY, {"spec.format": "scorm", "spec.scorm": {}}, broken)
        for broken in ({"spec.format": "json", "spec.scorm": {}}, {"spec.format": "pdf"})
    ),
    Row(
        "CourseGeneration",
        "spec.exports[]",
        _CMI5_ONLY,
        {"spec.exports": [{"format": "cmi5", "cmi5": {"packaging": "PerChapter"}}, {"format": "pdf"}]},
        {"spec.exports": [{"format": "scorm", "cmi5": {"packaging": "PerChapter"}}]},
    ),
    Row(
        "CourseExport",
        "spec",
        _CMI5_ONLY,
        {"spec.format": "cmi5", "spec.cmi5": {}, "spec.scorm": ABSENT},
        {"spec.format": "html", "spec.cmi5": {}, "spec.scorm": ABSENT},
    ),
    Row(
        "CourseGeneration",
        "spec.exports[]",
        _QTI_IS_ASSESSMENTS,
        {"spec.exports": [{"format": "qti"}, {"format": "pdf", "includeAssessments": False}]},
        {"spec.exports": [{"format": "qti", "includeAssessments": False}]},
    ),
    Row(
        "CourseExport",
        "spec",
        _QTI_IS_ASSESSMENTS,
        _PLAIN | {"spec.format": "qti"},
        _PLAIN | {"spec.format": "qti", "spec.includeAssessments": False},
    ),
    *(
        Row(
            "ChapterGeneration",
            "spec",
            "set exactly one of courseName (a CourseGeneration) and courseContext (a chapter that stands alone)",
            {"spec.courseName": "c", "spec.courseContext": ABSENT},
            {"spec.courseName": name, "spec.courseContext": context},
        )
        for name, context in (("c", {"title": "t"}), (ABSENT, ABSENT))
    ),
    *(
        Row(
            "ChapterGeneration",
            "spec",
            "title and learningObjectives are needed, unless outlineKey names an outline that has them",
            {"spec.outlineKey": KEY} | missing,
            {"spec.outlineKey": ABSENT} | missing,
        )
        for missing in ({"spec.title": ABSENT}, {"spec.learningObjectives": ABSENT})
    ),
    *(
        Row(kind, "spec", _ONE_SOURCE, _NO_SOURCE | {f"spec.{source}": KEY}, broken)
        if source == "artifactKey"
        else Row(kind, "spec", _ONE_SOURCE, _NO_SOURCE | {f"spec.{source}": "a"}, broken)
        for kind in ("QualityValidation", "CourseExport")
        for source, broken in (
            ("chapterName", _NO_SOURCE),
            ("courseName", _NO_SOURCE | {"spec.courseName": "a", "spec.chapterName": "a"}),
            ("artifactKey", _NO_SOURCE | {"spec.artifactKey": KEY, "spec.courseName": "a"}),
            ("configMapName", _NO_SOURCE | {"spec.configMapName": "a", "spec.chapterName": "a"}),
        )
    ),
    *(
        Row(
            "GenerationQueue",
            "spec.workers.nodeSelector",
            _SELECTOR,
            {"spec.workers.nodeSelector": {good: "v"}},
            {"spec.workers.nodeSelector": {bad: "v"}},
        )
        for good, bad in (("example.com/pool", "not a key"), ("a" * 63, "a" * 64), ("a.b_c", "/a"))
    ),
    Row(
        "GenerationQueue",
        "spec.elasticity",
        "minCapacity must not be more than maxCapacity",
        {"spec.elasticity": {"minCapacity": 20, "maxCapacity": 20}},
        {"spec.elasticity": {"minCapacity": 21, "maxCapacity": 20}},
    ),
    Row(
        "GenerationQueue",
        _TOLERATION,
        "operator must be Exists where key is absent",
        {"spec.workers.tolerations": [{"operator": "Exists"}]},
        {"spec.workers.tolerations": [{"operator": "Equal", "value": "v"}]},
    ),
    Row(
        "GenerationQueue",
        _TOLERATION,
        "value must be absent where operator is Exists",
        {"spec.workers.tolerations": [{"key": "k", "operator": "Exists"}]},
        {"spec.workers.tolerations": [{"key": "k", "operator": "Exists", "value": "v"}]},
    ),
    Row(
        "GenerationQueue",
        _TOLERATION,
        "effect must be NoExecute where tolerationSeconds is set",
        {"spec.workers.tolerations": [{"key": "k", "effect": "NoExecute", "tolerationSeconds": 1}]},
        {"spec.workers.tolerations": [{"key": "k", "effect": "NoSchedule", "tolerationSeconds": 1}]},
    ),
    *(
        Row(
            kind,
            "spec.budget",
            "set tokens, costMicroUSD, or both",
            {"spec.budget": {given: 1}},
            {"spec.budget": {}},
        )
        for kind in ("CourseGeneration", "ModelProvider")
        for given in ("tokens", "costMicroUSD")
    ),
    *(
        Row(
            "ModelProvider",
            "spec",
            "a writer that asks a model needs endpoint and model",
            {"spec.writer": "template", missing: ABSENT},
            {"spec.writer": writer, missing: ABSENT},
        )
        for writer in ("openai", "anthropic")
        for missing in ("spec.endpoint", "spec.model")
    ),
    *(
        Row(
            kind,
            "spec.circuitBreaker",
            "openSeconds must not be more than maxOpenSeconds",
            {"spec.circuitBreaker.openSeconds": 3600, "spec.circuitBreaker.maxOpenSeconds": 3600},
            {"spec.circuitBreaker.openSeconds": 31, "spec.circuitBreaker.maxOpenSeconds": 30},
        )
        for kind in ("GenerationQueue", "ModelProvider")
    ),
    *(
        Row(
            "GenerationQueue",
            _RESOURCES,
            f"requests.{amount} must not be more than limits.{amount}",
            {f"{_RESOURCES}.requests.{amount}": same, f"{_RESOURCES}.limits.{amount}": limit},
            {f"{_RESOURCES}.requests.{amount}": more, f"{_RESOURCES}.limits.{amount}": limit},
        )
        for amount, same, limit, more in (("cpu", "1000m", "1", "1001m"), ("memory", "1024Mi", "1Gi", "1025Mi"))
    ),
]

NAMES: list[Row] = [
    Row(kind, "metadata.name", "maxLength", {"metadata.name": "a" * 52}, {"metadata.name": "a" * size})
    for kind in BOUNDS
    for size in (53, 60)
]

ROWS: list[Row] = (
    [
        Row(kind, path, keyword, {path: good}, {path: bad})
        for kind, bounds in BOUNDS.items()
        for path, keyword, good, bad in bounds
    ]
    + CEL
    + NAMES
)


# ---- changes after creation ---------------------------------------------------------------------------

MUTABLE: list[tuple[str, Mapping[str, Any]]] = [
    ("CourseGeneration", {"spec.suspend": False}),
    ("CourseGeneration", {"spec.regeneration": REGENERATION | {"requestId": "another"}}),
    ("CourseGeneration", {"spec.regeneration": ABSENT}),
    ("CourseGeneration", {"spec.quality.minReadabilityScore": 90, "spec.quality.belowBar": "Deliver"}),
    ("CourseGeneration", {"spec.failurePolicy": "Fail"}),
    ("CourseGeneration", {"spec.budget.tokens": 2000}),
    ("CourseGeneration", {"spec.budget": ABSENT}),
    ("CourseGeneration", {"spec.ttlSecondsAfterFinished": ABSENT}),
    ("ModelProvider", {"spec.budget": ABSENT}),
    (
        "CourseGeneration",
        {"spec.exports": [{"format": "json"}, SCORM, {"format": "pdf", "includeAssessments": False}]},
    ),
    ("ChapterGeneration", {"spec.suspend": False}),
    ("ChapterGeneration", {"spec.regeneration": REGENERATION | {"requestId": "another"}}),
    ("QualityValidation", {"spec.suspend": False}),
    ("CourseExport", {"spec.suspend": False}),
    ("ArtifactCleanup", {"spec.suspend": False, "spec.retentionDays": 30, "spec.intervalHours": ABSENT}),
    ("GenerationQueue", {"spec.priority": 1, "spec.capacity": 0, "spec.maxRetries": 0, "spec.timeoutSeconds": 15}),
    ("GenerationQueue", {"spec.backoffSeconds": [1], "spec.workers": ABSENT}),
    ("GenerationQueue", {"spec.circuitBreaker.enabled": True}),
    ("ModelProvider", {"spec.circuitBreaker.enabled": True, "spec.circuitBreaker.openSeconds": 20}),
    ("GenerationQueue", {"spec.ageingSeconds": 1, "spec.namespaceCapacity": ABSENT, "spec.tenants": []}),
    ("GenerationQueue", {"spec.stopPolicy": "HoldAndDrain", "spec.elasticity": {"maxCapacity": 2}}),
    ("GenerationQueue", {"spec.elasticity": ABSENT}),
    *(
        (kind, {"spec.deadlineTime": time})
        for kind in ("CourseGeneration", "ChapterGeneration", "QualityValidation", "CourseExport")
        for time in ("2028-01-01T00:00:00+02:00", ABSENT)
    ),
    ("ModelProvider", {"spec.writer": "template", "spec.secretName": ABSENT, "spec.concurrency": ABSENT}),
    ("ModelProvider", {"spec.endpoint": "https://another.example/v1", "spec.model": "another", "spec.prices": ABSENT}),
    ("ModelProvider", {"spec.taskTokenLimit": 20_000, "spec.parallelRequests": 2}),
    *(
        (kind, {"spec.queueName": name})
        for kind in ("CourseGeneration", "ChapterGeneration", "QualityValidation", "CourseExport", "ArtifactCleanup")
        for name in ("another", ABSENT)
    ),
]
"""Changes that are accepted at any time; queueName, until the work is admitted."""

OTHER: dict[str, Any] = {
    "managedBy": "kueue.x-k8s.io/multikueue",
    "scorm": {"version": "scorm-1.2", "packaging": "PerChapter"},
    "cmi5": {"packaging": "Single"},
    "courseId": "another",
    "chapterId": "another",
    "title": "Another",
    "language": "fr",
    "subjectDomain": "Another",
    "targetAudience": {"proficiencyLevel": "intermediate"},
    "learningObjectives": ["Another"],
    "estimatedDuration": "PT1H",
    "difficultyScore": 3,
    "chapterCount": 13,
    "chapters": [CHAPTER | {"title": "Another"}],
    "providerName": "another",
    "courseName": "another",
    "courseContext": {"title": "Another"},
    "index": 8,
    "complexityLevel": "intermediate",
    "outlineKey": KEY.replace("3b1f", "4c2a"),
    "chapterName": "another",
    "artifactKey": KEY.replace("3b1f", "4c2a"),
    "configMapName": "another",
    "minReadabilityScore": 61,
    "minPedagogicalAlignment": 0.6,
    "checkBias": True,
    "allowedTerms": ["guest"],
    "glossaryTerms": "Count",
    "format": "json",
    "includeAssessments": True,
}
"""Another valid value of each immutable field."""
