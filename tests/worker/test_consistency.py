"""The look over a whole course finds drifting terms, repetitions and words that come too early, and nothing else."""

import pytest
from worker_support import DEMO, PYTHON_COURSE, as_course, compose

from coursegen_worker.documents import Chapter, Contract, Course, CourseBrief, Generator, Paragraph, Section, Term
from coursegen_worker.quality import consistency

BRIEF = CourseBrief(
    audience="Beginners.",
    tone="Friendly.",
    running_example="A shop.",
    glossary=[
        Term(term="for loop", definition="A for loop runs lines for each item."),
        Term(term="list", definition="A list holds items in order."),
        Term(term="Function", definition="A function is lines with a name."),
    ],
)
LONG = (
    "The baker weighs flour before sunrise and mixes water slowly. Heavy dough rests under cloth near warm bricks. "
    "Children carry fresh bread through narrow streets towards hungry neighbours. Evening customers buy sweet rolls."
)
OTHER = (
    "Sailors repair torn nets while gulls circle above harbour walls. Fishermen sell silver herring from wooden boxes. "
    "Storm clouds gather behind distant islands each autumn evening. Lighthouse keepers polish brass lamps daily."
)


def course(*texts: str) -> Course:
    """Give a course with a chapter of one section for each text; chapter n teaches the glossary's term n."""
    chapters = [
        Chapter(
            chapter_id=f"c{n}",
            course=PYTHON_COURSE,
            index=n,
            title=f"Step {n}",
            complexity_level=PYTHON_COURSE.proficiency_level,
            objectives=[],
            contract=Contract(teaches=[f"what a {BRIEF.glossary[n - 1].term} is"]),
            generator=Generator(writer="test", version="1"),
            brief=BRIEF,
            sections=[Section(id=f"s{n}", kind="concept", title=f"Part {n}", blocks=[Paragraph(text=text)])],
        )
        for n, text in enumerate(texts, start=1)
    ]
    return Course(course_id="c", course=PYTHON_COURSE, chapters=chapters)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ((LONG, OTHER), []),
        ((LONG, LONG), [(2, "repetition")]),
        ((LONG, LONG.replace("sweet rolls", "rye")), [(2, "repetition")]),
        (("Bread is good.", "Bread is good."), []),
        (("A for-loop runs.", "It is done."), [(1, "term")]),
        (("Two forloops run.", "It is done."), [(1, "term")]),
        (("A For Loop and for loops run.", "It is done."), []),
        (("Put it into a list.", "A list it is."), [(1, "forward")]),
        (("A for loop it is.", "Use the for loop again."), []),
        (("Write functions here.", "Write a function.", "A function it is."), [(1, "forward"), (2, "forward")]),
        (("They enlist and listen.", "A list it is."), []),
        ((r"A (for loop [is", r"\b+*?"), []),
    ],
)
def test_what_stands_out_is_named_with_its_place(texts: tuple[str, ...], found: list[tuple[int, str]]) -> None:
    said = consistency.remarks(course(*texts))
    assert [(r.chapter, r.kind) for r in said] == found
    assert all(r.place == f"s{r.chapter}" for r in said)


def test_a_term_that_is_no_pattern_is_taken_at_its_word() -> None:
    odd = BRIEF.model_copy(update={"glossary": [Term(term="C++ (the [language", definition="x")]})
    chapters = [c.model_copy(update={"brief": odd}) for c in course(LONG, OTHER).chapters]
    assert consistency.remarks(Course(course_id="c", course=PYTHON_COURSE, chapters=chapters)) == []


def test_the_composers_course_repeats_no_section() -> None:
    assert consistency.remarks(as_course(*compose(*DEMO))) == []
