"""The composer's units are whole, true and readable: code prints what is said, questions are sound."""

import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from coursegen_worker import bloom
from coursegen_worker.documents import Block, CodeBlock
from coursegen_worker.objectives import parse
from coursegen_worker.quality import prose, readability
from coursegen_worker.writers.template.units import Unit, catalogue, load, text_blocks

FOLDER = resources.files("coursegen_worker.writers.template").joinpath("units")
NAMES = [
    (family, entry.name.removesuffix(".toml"))
    for family in ("python", "study")
    for entry in sorted(FOLDER.joinpath(family).iterdir(), key=lambda e: e.name)
]
VALUES = dict.fromkeys(
    ("course", "goal", "topic", "word1", "word2", "word3", "round", "source", "case", "product", "partner"), "rain"
)
every_unit = pytest.mark.parametrize(("family", "name"), NAMES, ids=lambda value: value)


def _texts(unit: Unit) -> list[str]:
    passages = [
        *unit.ideas,
        unit.example,
        *unit.extra,
        *([unit.misconception] if unit.misconception else []),
        *([unit.deeper] if unit.deeper else []),
    ]
    exercises = [unit.exercise, *unit.practice]
    return [unit.opening, *(p.text for p in passages), *(t for e in exercises for t in (e.text, e.solution))]


def _blocks(unit: Unit) -> list[Block]:
    return [block for text in _texts(unit) for block in text_blocks(text, VALUES)]


@every_unit
def test_every_example_prints_what_the_unit_says(family: str, name: str, tmp_path: Path) -> None:
    for block in _blocks(load(family, name)):
        if isinstance(block, CodeBlock) and block.language == "python" and block.output is not None:
            done = subprocess.run(
                [sys.executable, "-c", block.text],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
            )
            assert done.stdout.rstrip() == block.output.rstrip(), f"{block.text}\n{done.stderr}"


@every_unit
def test_every_python_example_compiles(family: str, name: str) -> None:
    for block in _blocks(load(family, name)):
        if isinstance(block, CodeBlock) and block.language == "python":
            compile(block.text, name, "exec")


@every_unit
def test_questions_are_sound(family: str, name: str) -> None:
    unit = load(family, name)
    assert unit.questions
    for quiz in unit.questions:
        options = [quiz.right, *quiz.wrong]
        assert 1 <= quiz.objective <= len(unit.objectives)
        assert len(options) == 4, quiz.stem
        assert len({text for text, _ in options}) == 4, quiz.stem
        assert all(text and feedback for text, feedback in options)
    assert {q.objective for q in unit.questions} == set(range(1, len(unit.objectives) + 1))


def test_the_length_of_an_option_does_not_tell_the_right_one() -> None:
    quizzes = [quiz for family, name in NAMES for quiz in load(family, name).questions]
    longest = [quiz for quiz in quizzes if len(quiz.right[0]) > max(len(text) for text, _ in quiz.wrong)]
    assert 0.15 <= len(longest) / len(quizzes) <= 0.35, "one in four, as by chance"
    for quiz in longest:
        assert len(quiz.right[0]) <= 1.5 * max(len(text) for text, _ in quiz.wrong), quiz.stem


@every_unit
def test_every_objective_has_an_idea_and_a_level(family: str, name: str) -> None:
    unit = load(family, name)
    for level, text in unit.objectives:
        assert level in bloom.LEVELS
        assert parse(text).verb, f"{text} begins with no verb of the taxonomy"
    used = {p.objective for p in [*unit.ideas, unit.example]}
    assert used == set(range(1, len(unit.objectives) + 1))


@every_unit
def test_prose_is_easy_to_read(family: str, name: str) -> None:
    unit = load(family, name)
    sentences = [
        prose.Sentence("x", i, s) for i, text in enumerate(prose.texts(_blocks(unit))) for s in prose.sentences(text)
    ]
    score = readability.measure(sentences).score
    assert score is not None
    assert score >= 85, "leave room for the long words of a course's own title"


@every_unit
def test_extra_examples_are_easier_than_the_rest(family: str, name: str) -> None:
    for passage in load(family, name).extra:
        found = [s for t in prose.texts(text_blocks(passage.text, VALUES)) for s in prose.sentences(t)]
        assert max(len(prose.words(s)) for s in found) <= 14


def test_the_catalogue_names_units_that_exist() -> None:
    names = set(NAMES)
    for sequence in catalogue()["sequences"].values():
        assert len(sequence) == len(set(sequence))
        assert {("study", unit) for unit in sequence} <= names
    for subject in catalogue()["subjects"]:
        for track in subject["tracks"]:
            assert sorted(track["units"]) == sorted(track["order"])
            assert {(subject["family"], unit) for unit in track["units"]} <= names


@every_unit
def test_places_have_a_meaning(family: str, name: str) -> None:
    raw = FOLDER.joinpath(f"{family}/{name}.toml").read_text("utf-8")
    without_code = re.sub(r"```.*?```", "", raw, flags=re.DOTALL)
    assert set(re.findall(r"\{([a-z][a-z0-9_]*)\}", without_code)) <= set(VALUES)
