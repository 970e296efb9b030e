"""Regeneration by a model: the sections that a wish concerns are written anew; ids, questions and all else stay."""

import re
from typing import Any

from coursegen_worker import markdown
from coursegen_worker.documents import Block, Chapter, CodeBlock, Generator, ListBlock, Section
from coursegen_worker.progress import Advance
from coursegen_worker.writers import Wish
from coursegen_worker.writers.model import chapter as chapters
from coursegen_worker.writers.model import prompts, shapes
from coursegen_worker.writers.model.asking import Asker, Question, together
from coursegen_worker.writers.model.shapes import Rewritten, RewrittenExercise

_WHOLE = {"readability"}
"""Measures of the whole chapter: a finding of one concerns every section."""


async def write(
    previous: Chapter, wish: Wish, asker: Asker, generator: Generator, advance: Advance
) -> tuple[Chapter, list[str]]:
    """Give the chapter with the sections concerned written anew, and what was changed in each."""
    facts = _facts(previous)
    chosen = _concerned(previous, wish)
    done = 0

    async def one(section: Section) -> Rewritten:
        nonlocal done
        answer = await asker.ask(_question(section, facts, wish))
        done += 1
        advance(done / len(chosen), f"rewriting: {done} of {len(chosen)} sections")
        return answer

    answers = await together(*(one(section) for section in chosen))
    new = {section.id: _changed(section, answer) for section, answer in zip(chosen, answers, strict=True)}
    changed = previous.model_copy(
        update={
            "digest": "",
            "sections": [new.get(section.id, section) for section in previous.sections],
            "generator": generator if chosen else previous.generator,
        }
    )
    return changed, [f"{section.title}: {a.change}"[:500] for section, a in zip(chosen, answers, strict=True)]


def _facts(previous: Chapter) -> dict[str, Any]:
    return {
        "course": chapters.facts_of_course(previous.course, previous.brief),
        "chapter": {
            "title": previous.title,
            "level": previous.complexity_level.value,
            "objectives": [o.text for o in previous.objectives],
            **previous.contract.wire(),
        },
    }


def _concerned(previous: Chapter, wish: Wish) -> list[Section]:
    """Choose the sections that the wish names, or its findings; all where people gave feedback, or a measure is low."""
    if wish.sections is not None:
        return [s for s in previous.sections if s.id in wish.sections]
    if wish.feedback or wish.focus_area or any(f.measure in _WHOLE for f in wish.findings) or not wish.findings:
        return list(previous.sections)
    places = {finding.place for finding in wish.findings}
    named = [s for s in previous.sections if s.id in places or places & set(s.objective_ids)]
    return named or list(previous.sections)


def _question(section: Section, facts: dict[str, Any], wish: Wish) -> Question[Rewritten]:
    text, solution = as_markdown(section.blocks), as_markdown(section.solution or [])
    near = {section.id, *section.objective_ids}
    said = [f.suggestion for f in wish.findings if f.measure in _WHOLE or f.place in near or not f.place]
    asked = {"feedback": wish.feedback, "focusArea": wish.focus_area, "findings": said[:10]}
    told = {"kind": section.kind, "title": section.title, "text": text}
    return Question(
        f"section “{section.title}”",
        RewrittenExercise if solution else Rewritten,
        prompts.REWRITE_EXERCISE if solution else prompts.REWRITE,
        facts
        | {
            "wish": {k: v for k, v in asked.items() if v},
            "section": told | ({"solution": solution} if solution else {}),
        },
        800 + 4 * (shapes.length(text) + shapes.length(solution)),
        lambda a: [
            *shapes.headless(title=a.title, change=a.change),
            *shapes.short(text=(a.text, _least(text))),
            *(shapes.short(solution=(a.solution, _least(solution))) if isinstance(a, RewrittenExercise) else []),
        ],
        wish.request_id,
    )


def _least(text: str) -> int:
    return max(5, shapes.length(text) // 3)


def _changed(section: Section, answer: Rewritten) -> Section:
    """Put the new text in; code that is still there keeps what is known of its output."""
    code = {b.text: b for b in [*section.blocks, *(section.solution or [])] if isinstance(b, CodeBlock)}

    def read(text: str) -> list[Block]:
        return [code.get(b.text, b) if isinstance(b, CodeBlock) else b for b in markdown.blocks(text)]

    new = {"title": answer.title, "blocks": read(answer.text)}
    if isinstance(answer, RewrittenExercise):
        new["solution"] = read(answer.solution)
    return section.model_copy(update=new)


def as_markdown(blocks: list[Block]) -> str:
    """Write blocks as the model writes them."""
    parts = []
    for block in blocks:
        if isinstance(block, CodeBlock):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", block.text)), default=0))
            parts.append(f"{fence}{block.language}\n{block.text}\n{fence}")
        elif isinstance(block, ListBlock):
            marks = (f"{n}." if block.ordered else "-" for n in block.numbers)
            parts.append("\n".join(f"{mark} {item}" for mark, item in zip(marks, block.items, strict=True)))
        else:
            parts.append(block.text)
    return "\n\n".join(parts)
