"""The quality report: scores with their methods, and findings with their place and a way out."""

from typing import Literal

from pydantic import Field

from coursegen_api.base import Model
from coursegen_api.task import ChapterScore, GlossaryTerms, QualityBar, QualitySummary
from coursegen_worker.documents import Chapter, Document
from coursegen_worker.quality import alignment, bias, language, prose, readability
from coursegen_worker.quality.alignment import Alignment, Method
from coursegen_worker.quality.consistency import Remark

_HARDEST = 5
"""So many of a chapter's hardest sentences are named."""
_SHORT_WORDS = 8
"""A sentence of so many words is hard by its words, not by its length."""
_EXCERPT = 200
_WELL_ASKED = 0.5
"""From here on a report asks for no further question on an objective."""
NOT_ENGLISH = "does not look like English prose: neither readability, alignment nor wording is measured"


class Finding(Model):
    """One thing to mend: what kind of measure found it, where, and what to do."""

    measure: Literal["readability", "alignment", "bias"]
    severity: Literal["fails", "advice"]
    place: str
    """The id of a section or objective."""
    excerpt: str = ""
    tier: bias.Tier | None = None
    """Of biased wording: `block` fails, `warn` and `style` advise."""
    suggestion: str


class Methods(Model):
    """How each score was made; scores of different methods are not to be compared."""

    readability: str
    alignment: str
    bias: str | None = None

    @classmethod
    def of(cls, bar: QualityBar, method: Method) -> "Methods":
        """Name the methods that a bar asks for."""
        exempt = bar.glossary_terms is GlossaryTerms.EXEMPT
        return cls(
            readability=readability.EXEMPT_METHOD if exempt else readability.METHOD,
            alignment=method.name,
            bias=bias.METHOD if bar.check_bias else None,
        )


class ReadabilityScore(Model):
    """Flesch reading ease with its counts."""

    score: float | None = None
    words: int
    sentences: int
    syllables: int
    not_applicable: str | None = None
    exempt_score: float | None = None
    """The score without the syllables of the objectives' long words."""
    counts: GlossaryTerms = GlossaryTerms.COUNT
    """Which of the two is held against the bar."""

    @property
    def counted(self) -> float | None:
        """The score that is held against the bar."""
        return self.exempt_score if self.counts is GlossaryTerms.EXEMPT else self.score


class ObjectiveScore(Model):
    """How one objective is taught and assessed, each part 0 to 1."""

    id: str
    text: str
    score: float
    coverage: float
    assessed: float
    verb: float


class ChapterReport(Model):
    """Everything measured of one chapter."""

    index: int
    title: str
    passed: bool
    readability: ReadabilityScore
    alignment: float | None = None
    not_measured: str | None = None
    """Why there are neither alignment nor findings of biased wording."""
    objectives: list[ObjectiveScore]
    bias_findings: int
    findings: list[Finding]


class Report(Document):
    """The quality of a source, chapter by chapter."""

    kind: Literal["report"] = "report"
    bar: QualityBar
    methods: Methods
    passed: bool
    chapters: list[ChapterReport]
    remarks: list[Remark] = Field(default_factory=list)
    """What stands out over the whole course; no chapter fails by it."""

    def summary(self) -> QualitySummary:
        """Give what status shows; the worst chapter speaks for the whole."""
        eases = [c.readability.counted for c in self.chapters if c.readability.counted is not None]
        aligned = [c.alignment for c in self.chapters if c.alignment is not None]
        return QualitySummary(
            passed=self.passed,
            readability=min(eases, default=None),
            readability_method=self.methods.readability,
            alignment=min(aligned, default=None),
            alignment_method=self.methods.alignment,
            bias=sum(c.bias_findings for c in self.chapters),
            bias_method=self.methods.bias,
            below_bar=[c.index for c in self.chapters if not c.passed],
            scores=[
                ChapterScore(
                    index=c.index,
                    readability=c.readability.counted,
                    alignment=c.alignment,
                    bias=c.bias_findings,
                    passed=c.passed,
                )
                for c in sorted(self.chapters, key=lambda c: c.passed)  # cut to fit from the end: the failed ones first
            ],
        )


def examine(chapter: Chapter, bar: QualityBar, method: Method) -> ChapterReport:
    """Measure one chapter against the bar. A measure that does not apply fails nothing."""
    text = prose.of_chapter(chapter)
    measured = readability.measure(text, readability.glossary(chapter.objectives))
    ease = ReadabilityScore.model_validate({**vars(measured), "counts": bar.glossary_terms})
    english = _is_english(text)
    aligned = method.measure(chapter, text) if english else Alignment(None, [])
    biased = bias.find(chapter, bar.allowed_terms) if bar.check_bias and english else []
    counting = sum(b.counts for b in biased)
    hard = ease.counted is not None and ease.counted < bar.min_readability_score
    astray = aligned.score is not None and aligned.score < bar.min_pedagogical_alignment
    objectives = {o.id: o.text for o in chapter.objectives}
    return ChapterReport(
        index=chapter.index,
        title=chapter.title,
        passed=not (hard or astray or counting),
        readability=ease,
        alignment=aligned.score,
        not_measured=None if english else NOT_ENGLISH,
        objectives=[
            ObjectiveScore(
                id=o.objective_id,
                text=objectives[o.objective_id],
                score=round(o.score, 4),
                coverage=o.coverage,
                assessed=o.assessed,
                verb=o.verb,
            )
            for o in aligned.objectives
        ],
        bias_findings=counting,
        findings=[
            *(_hard_sentences(text, ease.counted, bar) if hard and ease.counted is not None else []),
            *(_gaps(aligned, objectives, bar) if astray else []),
            *(_biased(b) for b in biased),
        ],
    )


def _is_english(text: list[prose.Sentence]) -> bool:
    """Tell whether the measures know the chapter's language; too few words are taken for English."""
    words = [word for sentence in text for word in sentence.words]
    if len(words) < language.LEAST_WORDS:
        return all(map(str.isascii, words))
    return language.looks_english(words)


def with_swapped(chapters: list[ChapterReport], swapped: dict[int, int]) -> list[ChapterReport]:
    """Add the advice to look whether chapters were mixed up, by index of a chapter and of the one that fits better."""
    titles = {c.index: c.title for c in chapters}
    return [
        c.model_copy(update={"findings": [*c.findings, _other_fits(c, swapped[c.index], titles)]})
        if c.index in swapped and c.objectives
        else c
        for c in chapters
    ]


def _other_fits(chapter: ChapterReport, other: int, titles: dict[int, str]) -> Finding:
    return Finding(
        measure="alignment",
        severity="advice",
        place=chapter.objectives[0].id,
        excerpt=chapter.title[:_EXCERPT],
        suggestion=f"The text of chapter {other}, “{titles[other]}”, is nearer to this chapter's objectives than its "
        "own: look whether the chapters were mixed up, or teach the same.",
    )


def _hard_sentences(text: list[prose.Sentence], score: float, bar: QualityBar) -> list[Finding]:
    """Name the sentences that are hardest, of those that are below the bar by themselves."""
    eases = sorted(((readability.of_text([s]), s.text, s) for s in text), key=lambda e: e[:2])
    hardest = [s for ease, _, s in eases if ease < bar.min_readability_score][:_HARDEST]
    return [
        Finding(
            measure="readability",
            severity="fails",
            place=s.section_id,
            excerpt=s.text[:_EXCERPT],
            suggestion=f"{_way_out(s)}: the chapter has {score}, {bar.min_readability_score:g} is asked.",
        )
        for s in hardest
    ]


def _way_out(hard: prose.Sentence) -> str:
    long = len(hard.words) > _SHORT_WORDS
    return "Split this sentence or use shorter words" if long else "Use shorter words in this sentence"


def _gaps(aligned: alignment.Alignment, objectives: dict[str, str], bar: QualityBar) -> list[Finding]:
    found = []
    for o in aligned.objectives:
        if o.score >= bar.min_pedagogical_alignment:
            continue
        todo = [
            *(["explain more of it, in sentences that say more than the objective does"] if o.coverage < 1 else []),
            *(["ask a question about it that the text answers"] if o.assessed < _WELL_ASKED else []),
            *(["let learners do what its verb says"] if not o.verb else []),
        ]
        found.append(
            Finding(
                measure="alignment",
                severity="fails",
                place=o.objective_id,
                excerpt=objectives[o.objective_id][:_EXCERPT],
                suggestion=f"This objective reaches {o.score:.2f}: {'; '.join(todo)}.",
            )
        )
    return found


def _biased(found: bias.Finding) -> Finding:
    often = f" ({found.count} times)" if found.count > 1 else ""
    return Finding(
        measure="bias",
        severity="fails" if found.counts else "advice",
        tier=found.tier,
        place=found.place,
        excerpt=found.excerpt,
        suggestion=f"Instead of “{found.term}”{often}: {found.suggestion}.",
    )
