"""A course in another language than English: asked for, checked, shown in its own words, and not measured by ours."""

import json
from itertools import count
from typing import Any

import pytest
from foreign_courses import SPOKEN
from model_support import CHAPTER, OUTLINE, Desktop
from scripted_model import Answer, Asked, completion, good
from worker_support import PYTHON_COURSE

from coursegen_api.base import FailureClass
from coursegen_api.task import ExportTask, QualityBar, Source, ValidationTask
from coursegen_worker.documents import Chapter, unseal
from coursegen_worker.exporters import language
from coursegen_worker.failures import TaskFailedError
from coursegen_worker.quality.report import Report
from coursegen_worker.writers.model import shapes

GERMAN = (
    "Ein Laden führt eine Liste und schreibt jeden Verkauf auf. Wer die Liste liest, sieht was verkauft wurde und was "
    "nicht. Mit der Schleife geht man von der ersten Zeile bis zur letzten und stellt bei jeder dieselbe Frage."
)
ENGLISH = "This is the text of a lesson that you are to read, and it is not in the language of the course. " * 2
GERMAN_COURSE = PYTHON_COURSE.model_copy(update={"title": "Programmieren mit Python", "language": "de-AT"})
DIALOGUE = (
    '"Hola, ¿qué tal? Me llamo María y soy de Madrid, la capital de España." "Mucho gusto, María. Yo soy de la ciudad '
    'de México y trabajo en una escuela con los niños."'
)
CHINESE = "在这一章里，我们学习如何用循环重复执行同样的步骤，并且了解什么时候应该停止。" * 4


def in_german(asked: Asked) -> Answer:
    """Give the usual answer with other words in it, as many and no two texts alike."""
    numbers, german = count(1), GERMAN.split()

    def translated(value: Any) -> Any:
        if isinstance(value, str):
            number = next(numbers)
            words = [german[(number + n) % len(german)] for n in range(max(4, len(value.split())))]
            return f"{' '.join(words)} {number}"
        if isinstance(value, list):
            return [translated(v) for v in value]
        return {k: translated(v) for k, v in value.items()} if isinstance(value, dict) else value

    content = json.loads(json.loads(good(asked).body)["choices"][0]["message"]["content"])
    return completion(json.dumps(translated(content)))


def test_a_german_chapter_is_asked_for_written_shown_and_not_measured(desktop: Desktop) -> None:
    desktop.model.script = in_german
    artifact = desktop.run(CHAPTER.model_copy(update={"course": GERMAN_COURSE})).artifact
    assert artifact is not None
    chapter = unseal((desktop.folder / artifact.key).read_bytes(), Chapter)
    assert {asked.data["course"]["language"] for asked in desktop.model.asked} == {"de-AT"}
    assert chapter.sections[0].title == "Wohin dieses Kapitel führt"
    source = Source(artifact_key=artifact.key)
    report = unseal(desktop.read(desktop.run(ValidationTask(source=source, bar=QualityBar()))), Report)
    assert report.passed
    measured = report.chapters[0]
    assert (measured.readability.score, measured.alignment, measured.bias_findings) == (None, None, 0)
    assert measured.not_measured is not None
    exported = json.loads(desktop.read(desktop.run(ExportTask.model_validate({"source": source, "format": "json"}))))
    assert exported["inLanguage"] == "de"


def test_an_outline_is_in_the_language_too(desktop: Desktop) -> None:
    desktop.model.script = in_german
    desktop.run(OUTLINE.model_copy(update={"course": GERMAN_COURSE}))
    assert {asked.data["course"]["language"] for asked in desktop.model.asked} == {"de-AT"}


def test_an_english_answer_to_a_german_course_is_refused(desktop: Desktop) -> None:
    with pytest.raises(TaskFailedError, match="not in German") as failed:
        desktop.run(CHAPTER.model_copy(update={"course": GERMAN_COURSE}))
    assert failed.value.failure is FailureClass.BAD_OUTPUT
    assert desktop.files("chapter") == []


@pytest.mark.parametrize("work", [CHAPTER, OUTLINE], ids=["chapter", "outline"])
def test_the_composer_says_that_it_knows_english_only(desktop: Desktop, work: Any) -> None:
    desktop.writer = {"type": "template"}
    desktop.run(work.model_copy(update={"course": PYTHON_COURSE.model_copy(update={"language": "en-GB"})}))
    with pytest.raises(TaskFailedError, match="writes English only") as failed:
        desktop.run(work.model_copy(update={"course": GERMAN_COURSE}))
    assert failed.value.failure is FailureClass.INVALID_INPUT


@pytest.mark.parametrize(
    ("text", "wanted", "foreign"),
    [
        (ENGLISH, "en", False),
        (ENGLISH, "de", True),
        (ENGLISH, "fi", True),
        (ENGLISH, "ja", True),
        (CHINESE, "zh", False),
        (CHINESE, "en", True),
        (CHINESE, "ar", True),
        (" ".join(SPOKEN["ar"]) * 2, "ar", False),
        (" ".join(SPOKEN["ar"]) * 2, "fa", False),
        (" ".join(SPOKEN["ru"]) * 2, "uk", False),
        (" ".join(SPOKEN["ru"]) * 2, "bg", False),
        (" ".join(SPOKEN["ru"]) * 2, "pl", True),
        ("Python", "ja", False),
        (f"Read this dialogue aloud: {DIALOGUE} Who asks?", "en", False),
        (f"Lies das Gespräch vor und sag, wer was fragt: „{ENGLISH.strip()}“", "de", False),
        (f"Say who speaks in this text: «{CHINESE}»", "en", False),
        (DIALOGUE.replace('"', ""), "en", True),
        *((" ".join(SPOKEN[code]) * 2, code, False) for code in SPOKEN),
    ],
)
def test_the_wrong_language_is_told_from_english_and_from_another_script(text: str, wanted: str, foreign: bool) -> None:
    assert bool(shapes.foreign(shapes.Opening(text=text), wanted)) is foreign


@pytest.mark.parametrize(
    ("text", "words"),
    [("One two three.", 3), ("循环语句重复执行", 5), ("この章では学びます。", 5), ("`for` 循环 loop", 4)],
)
def test_words_are_counted_where_no_space_divides_them(text: str, words: int) -> None:
    assert shapes.length(text) == words


@pytest.mark.parametrize(
    ("text", "course", "code"),
    [
        ("Tämä on luku, ja se on hyvin lyhyt: on, on, on.", "fi", None),
        ("This is the text that you are to read, and it is not long.", "fi", "en"),
        ("Python", "fi", None),
    ],
)
def test_a_course_in_a_language_that_is_not_known_here_marks_no_text_of_its_own(
    text: str, course: str, code: str | None
) -> None:
    assert language.different(text, course) == code
