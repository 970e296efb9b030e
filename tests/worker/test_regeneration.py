"""Regeneration and the rewrite loop: what is concerned changes, the rest stays, and nothing gets worse unseen."""

from collections.abc import Sequence
from typing import cast

import pytest
from worker_support import BIOLOGY, DEMO, compose, ignore

from coursegen_api.base import Usage
from coursegen_api.task import GlossaryTerms
from coursegen_worker import regeneration, rewriting
from coursegen_worker.documents import Chapter, Paragraph, Section
from coursegen_worker.quality import measure
from coursegen_worker.rewriting import Target
from coursegen_worker.writers import Flaw, Rewriter, Wish, Writer
from coursegen_worker.writers.template import TemplateWriter

WRITER = TemplateWriter()
CHAPTER = compose(*DEMO)[1][2]
FIRST, SECOND = CHAPTER.sections[1], CHAPTER.sections[2]
GOAL = CHAPTER.objectives[0]


def with_sections(sections: Sequence[Section]) -> Chapter:
    return CHAPTER.model_copy(update={"sections": list(sections)})


def reworded(section: Section) -> Section:
    return section.model_copy(update={"blocks": [Paragraph(text="Something else altogether.")]})


# ---- what a wish concerns ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "sections", "objectives"),
    [
        (Wish("Please rewrite " + FIRST.id, None), {FIRST.id}, set()),
        (Wish(f"The part “{FIRST.title}” is wrong", None), {FIRST.id}, set()),
        (Wish("Say more", GOAL.id), set(), {GOAL.id}),
        (Wish(f"It does not {GOAL.text.lower()}.", None), set(), {GOAL.id}),
        (Wish(None, None, [Flaw("alignment", GOAL.id, "ask")]), set(), {GOAL.id}),
        (Wish(None, None, [Flaw("bias", SECOND.id, "say chair")]), {SECOND.id}, set()),
        (Wish(None, None, [Flaw("bias", CHAPTER.questions[0].id, "say chair")]), {CHAPTER.questions[0].id}, set()),
    ],
)
def test_a_wish_concerns_what_it_names(wish: Wish, sections: set[str], objectives: set[str]) -> None:
    found = regeneration.scope(CHAPTER, wish)
    assert (found.whole, set(found.sections), set(found.objectives)) == (False, sections, objectives)


# Ids and titles as models' chapters and the composer's recaps have them.
TITLES = {
    "introduction": "Introduction",
    "lesson-1": "Loops over lists",
    "lesson-2": "変数とは何であるか",
    "exercise": "Your turn: write a loop",
    "recap": "In short",
}
TITLED = CHAPTER.model_copy(
    update={"sections": [FIRST.model_copy(update={"id": id_, "title": title}) for id_, title in TITLES.items()]}
)


@pytest.mark.parametrize(
    ("feedback", "focus", "sections"),
    [
        ("Keep the introduction as it is, and add one more exercise. A recap would help.", None, set()),
        ("Please write in shorter sentences.", None, set()),
        ("In short: write it anew.", None, set()),
        ("Troubleloops over listsort", None, set()),
        ("Loops over lists are hard", None, {"lesson-1"}),
        ("rewrite lesson-1, not lesson-12", None, {"lesson-1"}),
        ("Write the section introduction anew", None, {"introduction"}),
        ("The exercise section is too long", None, {"exercise"}),
        ("“In short” is too long, as is `introduction`", None, {"recap", "introduction"}),
        ("Shorter, please", "exercise", {"exercise"}),
        ("「変数とは何であるか」をやさしく。", None, {"lesson-2"}),
        ("変数とは何であるかをやさしく。", None, {"lesson-2"}),
    ],
)
def test_a_word_of_prose_is_not_the_name_of_a_section(feedback: str, focus: str | None, sections: set[str]) -> None:
    found = regeneration.scope(TITLED, Wish(feedback, focus))
    assert (set(found.sections), found.whole) == (sections, not sections)


@pytest.mark.parametrize(
    "wish",
    [
        Wish("Content too advanced for beginners", "simplification"),
        Wish(None, None),
        Wish(None, None, [Flaw("readability", FIRST.id, "split"), Flaw("bias", SECOND.id, "say chair")]),
        Wish(f"x{FIRST.id}y is no id", None),
    ],
)
def test_a_wish_that_names_nothing_concerns_the_whole_chapter(wish: Wish) -> None:
    assert regeneration.scope(CHAPTER, wish).whole


@pytest.mark.parametrize(
    ("feedback", "kept", "sections"),
    [
        ("Too advanced. Keep the introduction as it is.", {"introduction"}, set()),
        ("Leave section “In short” alone; loops over lists are hard.", {"recap"}, {"lesson-1"}),
        ("Don't touch lesson-1, and simplify the exercise section.", {"lesson-1"}, {"exercise"}),
        ("Keep the introduction short.", set(), set()),
        ("Leave nothing unchanged, lesson-1 least of all.", set(), {"lesson-1"}),
    ],
)
def test_a_section_that_is_to_stay_stays(feedback: str, kept: set[str], sections: set[str]) -> None:
    asked = regeneration.scope(TITLED, Wish(feedback, None))
    assert (set(asked.kept), set(asked.sections), asked.whole) == (kept, sections, not sections)
    new = TITLED.model_copy(update={"sections": [reworded(s) for s in TITLED.sections]})
    found, _ = regeneration.within(TITLED, new, asked)
    assert set(regeneration.rewritten(TITLED, found)) == (sections or set(TITLES) - kept)
    assert asked.section_ids(TITLED) == ((sections or set(TITLES) - kept) if sections or kept else None)


def test_what_is_outside_of_the_scope_is_put_back_in_its_place() -> None:
    asked = regeneration.Scope(whole=False, sections=frozenset([FIRST.id]))
    added = FIRST.model_copy(update={"id": "new", "objective_ids": []})
    changed = [CHAPTER.sections[0], reworded(FIRST), *map(reworded, CHAPTER.sections[3:]), added]
    found, restored = regeneration.within(CHAPTER, with_sections(changed), asked)
    assert restored
    assert found.sections == [CHAPTER.sections[0], reworded(FIRST), *CHAPTER.sections[2:]]
    assert regeneration.rewritten(CHAPTER, found) == [FIRST.id]


def test_nothing_is_put_back_where_the_whole_chapter_is_concerned() -> None:
    new = with_sections([reworded(s) for s in CHAPTER.sections])
    assert regeneration.within(CHAPTER, new, regeneration.Scope(whole=True)) == (new, False)


# ---- what is refused -------------------------------------------------------------------------------------------


def test_a_version_in_which_another_objective_loses_coverage_is_refused() -> None:
    lost = [s if GOAL.id not in s.objective_ids else reworded(s) for s in CHAPTER.sections]
    whole = regeneration.Scope(whole=True)
    said = regeneration.refusal(CHAPTER, with_sections(lost), Wish("More examples", None), whole)
    assert said is not None
    assert "would fall from" in said
    of_that_objective = regeneration.Scope(whole=False, objectives=frozenset(o.id for o in CHAPTER.objectives))
    assert regeneration.refusal(CHAPTER, with_sections(lost), Wish("More examples", None), of_that_objective) is None


def test_a_simplification_that_makes_nothing_easier_is_refused() -> None:
    whole = regeneration.Scope(whole=True)
    simpler, examples = Wish("Content too advanced for beginners", "simplification"), Wish("More examples", None)
    assert "no easier" in (regeneration.refusal(CHAPTER, CHAPTER, simpler, whole) or "")
    assert regeneration.refusal(CHAPTER, CHAPTER, examples, whole) is None


@pytest.mark.parametrize("number", range(10))
def test_the_composers_simplification_is_taken(number: int) -> None:
    chapter = compose(*DEMO)[1][number]
    wish = Wish("Content too advanced for beginners", "simplification")
    found = WRITER.revise(chapter, wish, ignore).chapter
    assert regeneration.refusal(chapter, found, wish, regeneration.scope(chapter, wish)) is None


@pytest.mark.parametrize("asked", ["Please explain it in more depth", "Learners complain that it is too simple"])
def test_the_composers_deeper_text_is_taken(asked: str) -> None:
    chapter, wish = compose(*DEMO)[1][0], Wish(asked, None)
    found = WRITER.revise(chapter, wish, ignore).chapter
    assert any(s.id.endswith("-deeper") for s in found.sections)
    assert regeneration.refusal(chapter, found, wish, regeneration.scope(chapter, wish)) is None


def test_the_composers_work_on_one_objective_leaves_the_others_alone() -> None:
    wish = Wish(None, None, [Flaw("alignment", GOAL.id, "explain more")])
    asked = regeneration.scope(CHAPTER, wish)
    found, restored = regeneration.within(CHAPTER, WRITER.revise(CHAPTER, wish, ignore).chapter, asked)
    assert not restored
    assert regeneration.refusal(CHAPTER, found, wish, asked) is None
    touched = set(regeneration.rewritten(CHAPTER, found))
    assert touched
    assert all(GOAL.id in s.objective_ids for s in found.sections if s.id in touched)


def test_the_composer_simplifies_the_section_that_is_named_and_no_other() -> None:
    long = "We walked along the long road to the town, and it was very warm there. " * 4
    hard = FIRST.model_copy(update={"blocks": [Paragraph(text=long)]})
    chapter = with_sections([CHAPTER.sections[0], hard, *CHAPTER.sections[2:]])
    wish = Wish(f"Content too advanced in {FIRST.id}", "simplification", sections=frozenset([FIRST.id]))
    found = WRITER.revise(chapter, wish, ignore).chapter
    assert regeneration.rewritten(chapter, found) == [FIRST.id]
    assert regeneration.refusal(chapter, found, wish, regeneration.scope(chapter, wish)) is None


# ---- the rewrite loop --------------------------------------------------------------------------------------------

HARD = "Subsequently, the utilisation of `sorted` necessitates considerable familiarity with iterable collections."


class FakeModel:
    """A writer that gives scripted answers."""

    def __init__(self, *answers: str | None) -> None:
        self.answers = answers
        self.asked: list[list[str]] = []

    def plainer(self, sentences: Sequence[str], chapter: Chapter) -> tuple[list[str | None], Usage]:
        self.asked.append(list(sentences))
        return [*self.answers][: len(sentences)], Usage(prompt_tokens=10 * len(self.asked))


def hard_chapter(times: int = 1) -> Chapter:
    text = " ".join([HARD] * times)
    return with_sections([*CHAPTER.sections, FIRST.model_copy(update={"id": "hard", "blocks": [Paragraph(text=text)]})])


def rewrite(chapter: Chapter, writer: object, least: float = 150) -> rewriting.Rewritten:
    return rewriting.until_readable(chapter, cast(Writer, writer), Target(least), ignore)


def test_a_hard_sentence_is_replaced_where_it_stands_and_code_stays() -> None:
    model = FakeModel("Then you need to know lists well to use `sorted`.")
    found = rewrite(hard_chapter(2), model)
    assert model.asked[0][0] == HARD
    assert found.chapter.sections[-1].blocks == [
        Paragraph(text=" ".join(["Then you need to know lists well to use `sorted`."] * 2))
    ]
    assert found.chapter.sections[:-1] == CHAPTER.sections
    assert found.usage == Usage(prompt_tokens=20)
    assert len(found.changes) == 1


def test_a_sentence_is_not_cut_within_its_code() -> None:
    whole = HARD.replace("`sorted`", '`print("Sorted. All done.")`')
    section = FIRST.model_copy(update={"id": "hard", "blocks": [Paragraph(text=f"{whole} {HARD}")]})
    model = FakeModel(None)
    rewrite(with_sections([*CHAPTER.sections, section]), model)
    assert {whole, HARD} <= set(model.asked[0])


def test_there_are_two_rounds_at_most_and_none_without_need() -> None:
    writer = FakeModel("Then use `sorted`.")
    rewrite(hard_chapter(), writer)
    assert len(writer.asked) == 2
    writer = FakeModel("Then use `sorted`.")
    assert rewrite(hard_chapter(), writer, least=10) == rewriting.Rewritten(hard_chapter())
    assert writer.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "",
        "…",
        HARD,
        "Then use sorted.",
        "Then use `sort`.",
        HARD.replace("Subsequently", "Notwithstanding the aforementioned considerations"),
        "Use `sorted`. " * 40,
    ],
    ids=["none", "empty", "no words", "the same", "code lost", "other code", "harder", "an essay"],
)
def test_an_answer_that_is_no_plainer_sentence_is_not_taken(answer: str | None) -> None:
    found = rewrite(hard_chapter(), FakeModel(answer))
    assert (found.chapter, found.changes) == (hard_chapter(), [])


def test_a_writer_that_cannot_rewrite_is_not_asked() -> None:
    assert rewrite(hard_chapter(), object()) == rewriting.Rewritten(hard_chapter())


def test_the_composer_rewrites_and_the_score_afterwards_is_the_texts_own() -> None:
    assert isinstance(WRITER, Rewriter)
    chapter = hard_chapter(8)
    found = rewrite(chapter, WRITER)
    assert (measure(found.chapter).readability or 0) > (measure(chapter).readability or 0)
    assert Target(150).score(found.chapter) == measure(found.chapter).readability
    assert (measure(found.chapter).readability or 0) < 150


def test_the_loop_goes_by_the_score_that_the_course_counts() -> None:
    chapter = compose(BIOLOGY, ["Explain photosynthesis"])[1][0]
    counted, exempt = (Target(0, terms).score(chapter) for terms in GlossaryTerms)
    assert counted is not None
    assert exempt is not None
    assert exempt > counted
