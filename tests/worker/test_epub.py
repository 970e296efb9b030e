"""The EPUB: judged by epubcheck, in several scripts, with and without its answers."""

import zipfile
from io import BytesIO
from pathlib import Path

import foreign_courses
import judges
from foreign_courses import ARABIC, ENGLISH, JAPANESE
from lxml import etree
from worker_support import ignore

from coursegen_worker.exporters import epub, without_assessments

HOSTILE = ("<script>alert(1)</script> & \"quoted\" 'single' ]]> <!--", "&nbsp; </p> `code", "{title} %s \x07 \ufffe")
LONG = ("A long title " * 800, ENGLISH[1], ENGLISH[2])


def test_epubcheck_finds_no_fault(tmp_path: Path) -> None:
    many = foreign_courses.course(ENGLISH, JAPANESE, ARABIC, HOSTILE, LONG, title="& < > 🐍")
    courses = {"many": many, "arabic": without_assessments(foreign_courses.course(ARABIC))}
    for name, course in courses.items():
        path = tmp_path / f"{name}.epub"
        path.write_bytes(epub.export(course, ignore).data)
        judged = judges.java(judges.EPUBCHECK, ["--failonwarnings", str(path)])
        assert judged.returncode == 0, judged.stdout + judged.stderr
        assert "No errors or warnings detected" in judged.stdout


def test_epubcheck_refuses_a_broken_book(tmp_path: Path) -> None:
    path = tmp_path / "broken.epub"
    path.write_bytes(epub.export(foreign_courses.course(ENGLISH), ignore).data.replace(b"epub+zip", b"epub+zap", 1))
    assert judges.java(judges.EPUBCHECK, [str(path)]).returncode != 0


def test_a_book_from_right_to_left_is_turned_from_right_to_left() -> None:
    with zipfile.ZipFile(BytesIO(epub.export(foreign_courses.course(ARABIC), ignore).data)) as archive:
        assert archive.namelist()[0] == "mimetype"
        assert archive.read("mimetype") == b"application/epub+zip"
        package = etree.fromstring(archive.read("book/package.opf"))
    assert package.find("{*}spine").get("page-progression-direction") == "rtl"
    assert package.findtext("{*}metadata/{*}language") == "ar"
