"""The QTI 2.1 export: the course's questions as a content package, a test with a section for each chapter.

Every question is an item of its own, so that a question bank takes in one as well as all. Its feedback is told for the
option that was chosen. Whoever imports the package reads in a rubric what the course is and who wrote it.
"""

import hashlib
import re
from html import escape
from typing import Any

from coursegen_worker import words
from coursegen_worker.documents import Chapter, Course, Option, Question
from coursegen_worker.exporters import Exported, archive, html, language
from coursegen_worker.exporters.describe import (
    LETTERS,
    course_facts,
    language_of,
    notes,
    shortened,
    spans,
    without_marks,
)
from coursegen_worker.failures import invalid_input
from coursegen_worker.progress import Advance

MEDIA_TYPE = "application/zip"
MANIFEST = "imsmanifest.xml"
_TITLE_CHARS = 120
_INDENT = re.compile("^ +")
_TOOL = 'toolName="coursegen"'
_QTI = """\
xmlns="http://www.imsglobal.org/xsd/imsqti_v2p1"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://www.imsglobal.org/xsd/imsqti_v2p1 \
http://www.imsglobal.org/xsd/qti/qtiv2p1/imsqti_v2p1.xsd\""""
_MANIFEST = """\
<?xml version="1.0" encoding="UTF-8"?>
<manifest identifier="{identifier}" xmlns="http://www.imsglobal.org/xsd/imscp_v1p1"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://www.imsglobal.org/xsd/imscp_v1p1 \
http://www.imsglobal.org/xsd/qti/qtiv2p1/qtiv2p1_imscpv1p2_v1p0.xsd">
  <metadata>
    <schema>QTIv2.1 Package</schema>
    <schemaversion>1.0.0</schemaversion>
  </metadata>
  <organizations/>
  <resources>
    <resource identifier="test" type="imsqti_test_xmlv2p1" href="test.xml">
      <file href="test.xml"/>
{dependencies}
    </resource>
{items}
  </resources>
</manifest>
"""
_TEST = """\
<?xml version="1.0" encoding="UTF-8"?>
<assessmentTest {qti}
    identifier="{identifier}" title={title} {tool}>
  <outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float">
    <defaultValue><value>0</value></defaultValue>
  </outcomeDeclaration>
  <testPart identifier="questions" navigationMode="nonlinear" submissionMode="individual">
    <itemSessionControl maxAttempts="0" showFeedback="true"/>
{sections}
  </testPart>
  <outcomeProcessing>
    <setOutcomeValue identifier="SCORE"><sum><testVariables variableIdentifier="SCORE"/></sum></setOutcomeValue>
  </outcomeProcessing>
</assessmentTest>
"""
_ITEM = """\
<?xml version="1.0" encoding="UTF-8"?>
<assessmentItem {qti}
    identifier="{identifier}" title={title} {tool} xml:lang="{lang}" adaptive="false" timeDependent="false">
  <responseDeclaration identifier="RESPONSE" cardinality="single" baseType="identifier">
    <correctResponse><value>{right}</value></correctResponse>
  </responseDeclaration>
  <outcomeDeclaration identifier="SCORE" cardinality="single" baseType="float">
    <defaultValue><value>0</value></defaultValue>
  </outcomeDeclaration>
{declared}  <itemBody>
    <choiceInteraction responseIdentifier="RESPONSE" shuffle="false" maxChoices="1">
      <prompt>{stem}</prompt>
{choices}
    </choiceInteraction>
  </itemBody>
{processed}{feedback}</assessmentItem>
"""
_PLAIN = """\
  <responseProcessing template="http://www.imsglobal.org/question/qti_v2p1/rptemplates/match_correct"/>
"""
_FEEDBACK = """\
  <outcomeDeclaration identifier="FEEDBACK" cardinality="single" baseType="identifier"/>
"""
_SCORED_AND_TOLD = """\
  <responseProcessing>
    <responseCondition>
      <responseIf>
        <match><variable identifier="RESPONSE"/><correct identifier="RESPONSE"/></match>
        <setOutcomeValue identifier="SCORE"><baseValue baseType="float">1</baseValue></setOutcomeValue>
      </responseIf>
      <responseElse>
        <setOutcomeValue identifier="SCORE"><baseValue baseType="float">0</baseValue></setOutcomeValue>
      </responseElse>
    </responseCondition>
    <setOutcomeValue identifier="FEEDBACK"><variable identifier="RESPONSE"/></setOutcomeValue>
  </responseProcessing>
"""


def export(course: Course, advance: Advance) -> Exported:
    """Write the package; raises InvalidInput for content without a question."""
    asking = [chapter for chapter in course.chapters if chapter.questions]
    if not asking:
        raise invalid_input("the content has no questions, and qti is questions alone: choose another format")
    lang = language_of(course)
    files = {}
    for number, chapter in enumerate(asking, start=1):
        for name, question in _named(chapter):
            files[f"{name}.xml"] = _item(name, question, lang).encode()
        advance(0.9 * number / len(asking), f"writing the questions of chapter {number} of {len(asking)}")
    count = len(files)
    files["test.xml"] = _test(course, asking, lang).encode()
    files[MANIFEST] = _manifest(course, [name for chapter in asking for name, _ in _named(chapter)]).encode()
    data = archive.pack(files, first=MANIFEST)
    advance(1.0, "packed")
    return Exported(data, MEDIA_TYPE, f"{len(data)} bytes of QTI 2.1, {count} questions of {len(asking)} chapters")


def _named(chapter: Chapter) -> list[tuple[str, Question]]:
    """Give the questions by name: the names under which SCORM and cmi5 report the answers."""
    return [(f"question-{chapter.index}-{n}", question) for n, question in enumerate(chapter.questions, start=1)]


def _manifest(course: Course, items: list[str]) -> str:
    return _MANIFEST.format(
        identifier=f"manifest-{_identifier(course)}",
        dependencies="\n".join(f'      <dependency identifierref="{name}"/>' for name in items),
        items="\n".join(
            f'    <resource identifier="{name}" type="imsqti_item_xmlv2p1" href="{name}.xml">\n'
            f'      <file href="{name}.xml"/>\n    </resource>'
            for name in items
        ),
    )


def _identifier(course: Course) -> str:
    """Give an XML name for the course: the same for each export of it, so that a platform sees an update."""
    readable = re.sub(r"[^A-Za-z0-9._-]", "-", course.course_id)[:20]
    return f"{readable}-{hashlib.sha256(course.course_id.encode()).hexdigest()[:8]}"


def _test(course: Course, asking: list[Chapter], lang: str) -> str:
    said = words.of(lang)
    sections = []
    for chapter in asking:
        refs = "\n".join(
            f'      <assessmentItemRef identifier="{name}" href="{name}.xml"/>' for name, _ in _named(chapter)
        )
        told = _rubric([o.text for o in chapter.objectives], lang)
        if chapter is asking[0]:
            facts = [course.course.title, *(o.text for o in course.objectives)]
            told = (
                f"{_rubric(facts, lang)}{_rubric([*course_facts(course, said), *notes(course, said)], said.lang)}{told}"
            )
        sections.append(
            f'    <assessmentSection identifier="chapter-{chapter.index}" visible="true"'
            f" title={_attribute(f'{chapter.index}. {chapter.title}')}>\n{told}{refs}\n    </assessmentSection>"
        )
    return _TEST.format(
        qti=_QTI,
        tool=_TOOL,
        identifier=f"test-{_identifier(course)}",
        title=_attribute(course.course.title),
        sections="\n".join(sections),
    )


def _rubric(lines: list[str], lang: str) -> str:
    """Tell those who set the test, and not those who take it."""
    shown = "".join(f"<p>{_inline(line)}</p>" for line in lines)
    return f'      <rubricBlock view="author tutor" xml:lang="{lang}">{shown}</rubricBlock>\n' if shown else ""


def _item(name: str, question: Question, lang: str) -> str:
    options = list(zip(LETTERS, question.options, strict=False))
    told = "".join(_modal(letter, option) for letter, option in options if option.feedback.strip())
    return _ITEM.format(
        qti=_QTI,
        tool=_TOOL,
        identifier=name,
        title=_attribute(question.stem),
        lang=language.different(question.stem, lang) or lang,
        right=LETTERS[question.answer],
        declared=_FEEDBACK if told else "",
        stem=_inline(question.stem),
        choices="\n".join(
            f'      <simpleChoice identifier="{letter}">{_inline(option.text)}</simpleChoice>'
            for letter, option in options
        ),
        processed=_SCORED_AND_TOLD if told else _PLAIN,
        feedback=told,
    )


def _modal(letter: str, option: Option) -> str:
    return (
        f'  <modalFeedback outcomeIdentifier="FEEDBACK" identifier="{letter}" showHide="show">'
        f"{_inline(option.feedback)}</modalFeedback>\n"
    )


def _inline(marked: str) -> str:
    """Give a text in which backticks mark code; QTI knows no direction of a text."""
    return "".join(map(_span, spans(marked)))


def _span(part: dict[str, Any]) -> str:
    if part["block"]:  # white space counts for nothing in QTI
        lines = (_INDENT.sub(_kept, _text(line)) for line in part["text"].split("\n"))
        return f"<br/><code>{'<br/>'.join(lines)}</code><br/>"
    shown = _text(part["text"])
    return f"<code>{shown}</code>" if part["code"] else shown


def _kept(spaces: re.Match[str]) -> str:
    return "\u00a0" * len(spaces[0])


def _text(plain: str) -> str:
    return escape(html.clean(plain), quote=False)


def _attribute(plain: str) -> str:
    """Give a title in quotes, on one line and short enough for any list of questions."""
    shown = shortened(" ".join(html.clean(without_marks(plain)).split()), _TITLE_CHARS) or "Untitled"
    return f'"{escape(shown)}"'
