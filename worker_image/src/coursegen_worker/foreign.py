"""Content that this system did not make, read as chapters: JSON in a plain shape, or Markdown.

JSON is one of our own documents (a chapter, or an export of a course), or a plain shape:
`{title, learningObjectives: [text], content: Markdown}` or `{title, sections: [{title, content}], questions:
[{question, options: [text], answer: index}]}`, and for a course `{title, chapters: [...]}`. Markdown is one chapter:
the first heading of level 1 is its title; a list under a heading such as `Learning objectives` is its objectives.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from coursegen_api.base import ProficiencyLevel
from coursegen_api.task import CourseContext, CourseMeta
from coursegen_worker import markdown
from coursegen_worker.documents import (
    Block,
    Chapter,
    Generator,
    LearningObjective,
    ListBlock,
    Option,
    Paragraph,
    Question,
    Section,
)
from coursegen_worker.failures import TaskFailedError, invalid_input, one_line
from coursegen_worker.objectives import parse
from coursegen_worker.quality.stem import content_stems

VERSION = 2
"""A part of the key of all that is made of it: raise it with any change of what is read, also by `markdown`."""
EXTERNAL = Generator(writer="external", version="", note="This text came from outside; who wrote it is not known here.")
_OBJECTIVES = re.compile(r"(learning )?(objectives|goals|outcomes)", re.IGNORECASE)
_TITLE_CHARS = 200
_TEXT_CHARS = 20_000


@dataclass(frozen=True)
class Found:
    """What a file holds: chapters, and what it says of their course where it is an export of one."""

    chapters: list[Chapter]
    meta: CourseMeta | None = None


def read(name: str, data: bytes, meta: CourseMeta | None) -> Found:
    """Read one file; raises InvalidInput naming the file and the field."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise invalid_input(f"{name}: it is not UTF-8 text") from error
    try:
        if not name.endswith(".md"):
            return _of_json(name, json.loads(text), meta)
        return Found([_of_markdown(text, {"title": ""}, 1, meta)])
    except ValidationError as error:
        raise _flaw(name, error) from error
    except (ValueError, RecursionError) as error:
        raise invalid_input(f"{name}: it cannot be read: {one_line(str(error), 200)}") from error


def _flaw(where: str, error: ValidationError) -> TaskFailedError:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"]))
    return invalid_input(f"{where}: {field}: {first['msg'].removeprefix('Value error, ')}")


def _of_json(name: str, raw: Any, meta: CourseMeta | None) -> Found:
    if not isinstance(raw, dict):
        raise invalid_input(f"{name}: a JSON object with a title is expected, not a {type(raw).__name__}")
    if raw.get("kind") == "chapter" and "sections" in raw:
        return Found([Chapter.model_validate(raw)])
    if "hasPart" in raw:
        return _of_export(name, raw)
    many = raw.get("chapters")
    if many is None:
        return Found([_plain(name, raw, 1, meta)])
    if not isinstance(many, list) or not many:
        raise invalid_input(f"{name}: chapters: a list with at least one chapter is expected")
    meta = meta or _meta_of(raw)
    found = []
    for number, item in enumerate(many, start=1):
        where = f"{name}: chapters[{number - 1}]"
        if not isinstance(item, dict):
            raise invalid_input(f"{where}: an object is expected")
        ours = item.get("kind") == "chapter" and "sections" in item
        try:
            found.append(Chapter.model_validate(item) if ours else _plain(where, item, number, meta))
        except ValidationError as error:
            raise _flaw(where, error) from error
    return Found(found)


def _of_export(name: str, raw: dict[str, Any]) -> Found:
    from coursegen_worker.exporters import json_export  # its measures are needed by nothing else that is read

    meta, chapters = json_export.read(raw)
    places = [chapter.index for chapter in chapters]
    if twice := sorted({place for place in places if places.count(place) > 1}):
        raise invalid_input(f"{name}: hasPart: the position {twice[0]} is there twice")
    return Found(chapters, meta)


def _plain(where: str, raw: dict[str, Any], index: int, meta: CourseMeta | None) -> Chapter:
    """Read one chapter in the plain shape, by way of Markdown."""
    parts = [raw["content"]] if isinstance(raw.get("content"), str) else []
    sections = raw.get("sections", [])
    if not isinstance(sections, list):
        raise invalid_input(f"{where}: sections: a list is expected")
    for section in sections:
        text = section.get("content", section.get("text")) if isinstance(section, dict) else None
        if not isinstance(text, str):
            raise invalid_input(f"{where}: sections: each needs a content in Markdown")
        parts.append(f"## {' '.join(str(section.get('title', '')).split())}\n\n{text}")
    if not parts:
        raise invalid_input(f"{where}: content or sections is missing: there is nothing to read")
    return _of_markdown("\n\n".join(parts), raw, index, meta, where)


def _of_markdown(
    text: str, raw: dict[str, Any], index: int, meta: CourseMeta | None, where: str = "content"
) -> Chapter:
    title = " ".join(str(raw.get("title", "")).split())
    sections: list[Section] = []
    goals: list[str] = []
    heading, held = "", list[Block]()

    def close() -> None:
        if heading and _OBJECTIVES.fullmatch(heading.strip(" :")):
            goals.extend(item for b in held if isinstance(b, ListBlock) for item in b.items)
        elif held:
            number = len(sections) + 1
            sections.append(Section(id=f"s{number}", kind="concept", title=heading or title, blocks=list(held)))
        held.clear()

    for part in markdown.parts(text):
        if not isinstance(part, markdown.Heading):
            held.append(_bounded(part))
        elif part.level == 1 and not title and not sections:
            title = part.text
        else:
            close()
            heading = part.text
    close()
    if not sections:
        raise invalid_input(f"{where}: there is no text in it")
    title = title[:_TITLE_CHARS] or "Untitled"
    objectives = _objectives(raw.get("learningObjectives", raw.get("learning_objectives")) or goals, where)
    return Chapter(
        chapter_id=f"chapter-{index}",
        course_id=meta.course_id if meta else None,
        course=meta.course if meta else CourseContext(title=title),
        index=min(index, 100),
        title=title,
        complexity_level=meta.course.proficiency_level if meta else ProficiencyLevel.BEGINNER,
        objectives=objectives,
        generator=EXTERNAL,
        sections=[s if s.title else s.model_copy(update={"title": title}) for s in sections],
        questions=_questions(raw.get("questions", raw.get("assessments", [])), objectives, where),
    )


def _bounded(block: Block) -> Block:
    """Cut a paragraph of more than the documents allow; nothing longer is prose."""
    if isinstance(block, ListBlock):
        return block
    return block if len(block.text) <= _TEXT_CHARS else Paragraph(text=block.text[:_TEXT_CHARS])


def _objectives(raw: Any, where: str) -> list[LearningObjective]:
    if not isinstance(raw, list) or len(raw) > 50:
        raise invalid_input(f"{where}: learningObjectives: a list of at most 50 texts is expected")
    texts = [o.get("text") if isinstance(o, dict) else o for o in raw]
    if not all(isinstance(t, str) and t.strip() for t in texts):
        raise invalid_input(f"{where}: learningObjectives: each must be a text")
    return [
        LearningObjective(id=f"o{n}", text=str(t), bloom_level=parse(str(t)).level)
        for n, t in enumerate(texts, start=1)
    ]


def _questions(raw: Any, objectives: list[LearningObjective], where: str) -> list[Question]:
    """Read questions; one without an objective's id belongs to the objective with most words in common."""
    if not isinstance(raw, list):
        raise invalid_input(f"{where}: questions: a list is expected")
    if not objectives:
        return []
    found = []
    ids = {o.id for o in objectives}
    for number, item in enumerate(raw, start=1):
        try:
            stem = str(item.get("stem") or item["question"])
            options = [
                Option(text=str(o["text"]), feedback=str(o.get("feedback", "")))
                if isinstance(o, dict)
                else Option(text=str(o), feedback="")
                for o in item["options"]
            ]
            own = set(content_stems(f"{stem} {' '.join(o.text for o in options)}"))
            near = max(objectives, key=lambda o: len(own & set(content_stems(o.text)))).id
            named = str(item.get("objectiveId", ""))
            answer = int(item["answer"])
            if answer >= len(options):
                raise invalid_input(f"{where}: questions[{number - 1}]: answer must be the index of an option")
            found.append(
                Question(
                    id=f"q{number}",
                    objective_id=named if named in ids else near,
                    stem=stem,
                    options=options,
                    answer=answer,
                )
            )
        except TaskFailedError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise invalid_input(
                f"{where}: questions[{number - 1}]: question, options and answer (an index) are expected"
            ) from error
    return found


def _meta_of(raw: dict[str, Any]) -> CourseMeta | None:
    """Take the course's title from the document itself, where the task says nothing of the course."""
    title = " ".join(str(raw.get("title") or raw.get("name") or "").split())[:_TITLE_CHARS]
    return CourseMeta(course_id="course", course=CourseContext(title=title)) if title else None
