"""What the layout says by itself: in the course's language in every file, and in English where the table lacks it."""

import re
import string
import zipfile
from io import BytesIO

import foreign_courses
import pytest
from foreign_courses import PERSIAN, SPOKEN
from pypdf import PdfReader
from worker_support import ignore

from coursegen_api.base import ExportFormat
from coursegen_worker import words
from coursegen_worker.documents import Course
from coursegen_worker.exporters import Wanted, export, language

LANGUAGES = sorted(words.tables())
FILES = [f for f in ExportFormat if f not in (ExportFormat.JSON, ExportFormat.QTI)]
"""JSON has the names of fields, QTI has questions: neither has a layout."""


def places(phrase: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(phrase) if name}


def text_of(course: Course, form: ExportFormat) -> str:
    """Give what a reader of the file sees: of marked up files without the markup."""
    data = export(course, Wanted(form), ignore).data
    if form is ExportFormat.PDF:
        return " ".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)
    return re.sub(r"<(script|style).*?</\1>|<[^>]*>", " ", pages_of(data), flags=re.DOTALL)


def pages_of(data: bytes) -> str:
    """Give the pages in a zip, or the one that the file is."""
    if not zipfile.is_zipfile(BytesIO(data)):
        return data.decode()
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return "\n".join(archive.read(n).decode() for n in archive.namelist() if n.endswith((".html", ".xhtml")))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_language_has_every_phrase_with_the_same_places(lang: str) -> None:
    english, own = words.tables()["en"], words.tables()[lang]
    assert list(own) == list(english)
    assert {name: places(phrase) for name, phrase in own.items()} == {n: places(p) for n, p in english.items()}
    assert all(phrase == phrase.strip() != "" for phrase in own.values())


def test_every_language_of_the_table_is_one_that_a_text_can_be_told_to_be_in() -> None:
    assert {lang: language.of(texts) for lang, texts in SPOKEN.items()} == {lang: lang for lang in SPOKEN}
    assert set(SPOKEN) == set(LANGUAGES) - {"en"}


@pytest.mark.parametrize("form", FILES)
@pytest.mark.parametrize("lang", ["de", "pl", "ru", "ja"])
def test_a_file_speaks_its_courses_language(lang: str, form: ExportFormat) -> None:
    text = " ".join(text_of(foreign_courses.course(SPOKEN[lang]), form).split()).casefold()
    said, english = words.tables()[lang], words.tables()["en"]
    for name in ("objectives", "questions", "misconception", "recap", "prints"):
        assert said[name].casefold() in text, name
        assert english[name].casefold() not in text, name
    assert said["level"].format(level=said["beginner"]).casefold() in text


@pytest.mark.parametrize("form", [f for f in FILES if f not in (ExportFormat.PDF, ExportFormat.MARKDOWN)])
def test_a_language_without_words_has_the_english_ones_marked_as_english(form: ExportFormat) -> None:
    data = export(foreign_courses.course(PERSIAN), Wanted(form), ignore).data
    assert '<h2 lang="en" dir="ltr">What you will be able to do</h2>' in pages_of(data)


@pytest.mark.parametrize(
    ("lang", "duration", "said"),
    [
        ("en", "PT2H30M", "2 h 30 min"),
        ("de", "PT1H", "1 Std."),
        ("pl", "PT45M", "45 min"),
        ("ar", "PT2H", "2 س"),
        ("ja", "P1DT1M", "24 時間 1 分"),
        ("en", "PT0S", "0 min"),
    ],
)
def test_times_are_said_without_plurals(lang: str, duration: str, said: str) -> None:
    assert words.of(lang).time(duration) == said
