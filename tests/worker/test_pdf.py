"""The PDF: judged by veraPDF, read by pypdf in every script that has a font."""

from io import BytesIO
from pathlib import Path
from typing import Any

import foreign_courses
import judges
import pytest
from foreign_courses import ARABIC, CHINESE, ENGLISH, GERMAN, HEBREW, JAPANESE, KOREAN, PERSIAN
from pypdf import PdfReader
from worker_support import DEMO, as_course, compose, ignore

from coursegen_api.base import ProficiencyLevel
from coursegen_worker import words
from coursegen_worker.documents import Course, Paragraph
from coursegen_worker.exporters import language, pdf

HOSTILE = (
    '#import "evil": * #read("/etc/passwd") $x^2$ <label> @ref *bold*',
    r"\input{/etc/passwd} $\frac{1}{2}$ \end{document} %comment <script>alert(1)</script>",
    "= Heading  == Sub  - item  + item  / term: x  // comment /* */ `code",
)
EMOJI = (
    "Snakes 🐍👩‍🏫",
    "Signs → ≤ ℕ ∑ 🎉 and ไทย हिन्दी 한국어 in one line",
    "日本語 and العربية within English \u202eevil",
)
LONG = ("A very long title " * 555 + "of it", "It is the text that you are to read.", "It is not long.")


def demo() -> Course:
    outline, chapters = compose(*DEMO)
    return as_course(outline, chapters)


COURSES = {
    "demo": demo,
    "arabic": lambda: foreign_courses.course(ARABIC),
    "hebrew": lambda: foreign_courses.course(HEBREW),
    "japanese": lambda: foreign_courses.course(JAPANESE),
    "chinese": lambda: foreign_courses.course(CHINESE),
    "korean": lambda: foreign_courses.course(KOREAN),
    "many": lambda: foreign_courses.course(ENGLISH, PERSIAN, JAPANESE, EMOJI),
    "hostile": lambda: foreign_courses.course(HOSTILE),
    "long": lambda: foreign_courses.course(LONG, title="Short"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write every course, and one without its answers."""
    folder = tmp_path_factory.mktemp("pdf")
    found = {}
    for name, make in COURSES.items():
        for assessed in (True, False) if name == "arabic" else (True,):
            exported = pdf.export(make(), assessed, ignore)
            assert pdf.ACCESSIBLE in exported.note, name
            path = folder / f"{name}{'' if assessed else '-unassessed'}.pdf"
            path.write_bytes(exported.data)
            found[path.stem] = path
    return found


def test_verapdf_finds_every_file_accessible(files: dict[str, Path]) -> None:
    judged = judges.java(judges.VERAPDF, ["-f", "ua1", "--format", "text", *map(str, files.values())])
    assert sorted(judged.stdout.splitlines()) == sorted(f"PASS {path} ua1" for path in files.values()), judged.stderr


def test_verapdf_refuses_a_file_without_tags(tmp_path: Path) -> None:
    path = tmp_path / "untagged.pdf"
    layout = b'#set document(title: "x")\n#set text(lang: "en")\n= A heading'
    path.write_bytes(pdf._compile(layout, "", []))
    judged = judges.java(judges.VERAPDF, ["-f", "ua1", "--format", "text", str(path)])
    assert judged.stdout.startswith("FAIL")


@pytest.mark.parametrize(
    ("name", "code"), [("demo", "en"), ("arabic", "ar"), ("hebrew", "he"), ("japanese", "ja"), ("chinese", "zh")]
)
def test_the_file_names_its_language(files: dict[str, Path], name: str, code: str) -> None:
    root: Any = PdfReader(files[name]).trailer["/Root"]
    assert root["/Lang"] == code


@pytest.mark.parametrize("name", ["arabic", "japanese", "chinese", "korean", "many"])
def test_every_font_is_embedded(files: dict[str, Path], name: str) -> None:
    fonts = set()
    for page in PdfReader(files[name]).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            base = font["/DescendantFonts"][0]["/FontDescriptor"]
            assert {"/FontFile2", "/FontFile3"} & set(base), base
            fonts.add(base["/FontName"])
    assert any("Noto" in str(font) for font in fonts)


def test_text_in_other_scripts_can_be_copied(files: dict[str, Path]) -> None:
    text = "".join(page.extract_text() for page in PdfReader(files["japanese"]).pages)
    assert JAPANESE[2] in text.replace("\n", "")


def test_a_title_too_long_for_a_heading_is_told_in_full_below_it(files: dict[str, Path]) -> None:
    reader = PdfReader(files["long"])
    bookmarks = [str(entry["/Title"]) for entry in reader.outline if isinstance(entry, dict)]
    assert max(map(len, bookmarks)) < 210
    text = " ".join("".join(page.extract_text() for page in reader.pages).split())
    assert "title of it" in text


def test_where_a_solution_stands_is_said_below_its_exercise_and_not_on_a_page_alone() -> None:
    context, goals, time = DEMO
    context = context.model_copy(update={"proficiency_level": ProficiencyLevel.INTERMEDIATE})
    outline, chapters = compose(context, goals, time)
    reader = PdfReader(BytesIO(pdf.export(as_course(outline, chapters), True, ignore).data))
    told = words.of("en")("solution_at_end")
    tops = [page.extract_text().splitlines()[:2] for page in reader.pages]  # below the name of the course
    assert any(told in page.extract_text() for page in reader.pages)
    assert not any(told in line for top in tops for line in top)


def test_an_exercise_without_a_text_has_its_solution() -> None:
    course = foreign_courses.course(ENGLISH)
    sections = [s.model_copy(update={"blocks": []}) for s in course.chapters[0].sections]
    course.chapters[0] = course.chapters[0].model_copy(update={"sections": sections})
    assert pdf.ACCESSIBLE in pdf.export(course, True, ignore).note


def test_a_text_in_another_language_is_marked(files: dict[str, Path]) -> None:
    reader = PdfReader(files["many"])
    objects = [reader.get_object(number) for number in range(1, int(reader.trailer["/Size"]))]
    marked = {str(item["/Lang"]) for item in objects if isinstance(item, dict) and "/Lang" in item}
    content = b"".join(page.get_contents().get_data() for page in reader.pages)  # type: ignore[union-attr]
    for code in ("fa", "ja"):
        assert code in marked or f"/Lang ({code})".encode() in content


def test_a_sign_that_no_font_has_is_replaced_and_named() -> None:
    texts = ("Signs", "A sign of Egypt \U00013000 is here, and \U00013001 is another.", "It is said in the result.")
    exported = pdf.export(foreign_courses.course(texts), True, ignore)
    assert "accessible (PDF/UA-1); no font here has U+13000" in exported.note
    assert "U+13001" in exported.note
    text = "".join(page.extract_text() for page in PdfReader(BytesIO(exported.data)).pages)
    assert "\ufffd" in text


def test_a_text_of_lost_signs_is_set_untagged_and_said_so() -> None:
    lost = "".join(chr(0x13000 + n) for n in range(40))
    exported = pdf.export(foreign_courses.course(("Egypt", lost, lost)), True, ignore)
    assert exported.data.startswith(b"%PDF")
    assert exported.note.endswith(pdf.NOT_ACCESSIBLE)


def test_nothing_of_a_text_is_run(files: dict[str, Path]) -> None:
    text = "".join(page.extract_text() for page in PdfReader(files["hostile"]).pages)
    assert "root:x:0" not in text
    assert '#read("/etc/passwd")' in text.replace("\n", " ").replace("“", '"').replace("”", '"')


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (ENGLISH, "en"), (GERMAN, "de"), (ARABIC, "ar"), (PERSIAN, "fa"), (HEBREW, "he"),
        (JAPANESE, "ja"), (CHINESE, "zh"), (KOREAN, "ko"), (("1", "2", "3"), "en"),
    ],
)  # fmt: skip
def test_a_language_is_known_by_script_and_common_words(texts: tuple[str, ...], code: str) -> None:
    assert language.of(texts) == code


@pytest.mark.parametrize(
    ("text", "course", "code"),
    [
        ("入門", "en", "zh"), ("入門", "ja", None), ("Python", "ar", "en"), ("Ein Titel", "en", None),
        ("42", "ar", None), (ARABIC[1], "en", "ar"), (ENGLISH[1], "de", "en"),
    ],
)  # fmt: skip
def test_a_text_names_its_language_only_where_it_differs(text: str, course: str, code: str | None) -> None:
    assert language.different(text, course) == code


def test_a_paragraph_of_only_spaces_breaks_nothing() -> None:
    course = foreign_courses.course(ENGLISH)
    first = course.chapters[0]
    section = first.sections[0].model_copy(update={"title": " ", "blocks": [Paragraph(text=" "), Paragraph(text="")]})
    empty = first.model_copy(update={"title": "\u202e", "sections": [section]})
    exported = pdf.export(course.model_copy(update={"chapters": [empty]}), True, ignore)
    assert exported.data.startswith(b"%PDF")
