"""Quality of chapters: readability, alignment with the objectives, biased wording.

Each measure has a method name with a version; a change of what it counts is a new version. A measure that
cannot be made is absent, never a constant.
"""

from coursegen_worker.documents import Chapter, Scores
from coursegen_worker.quality import alignment, prose, readability
from coursegen_worker.store import Store


def measure(chapter: Chapter) -> Scores:
    """Give the two scores of a chapter."""
    text = prose.of_chapter(chapter)
    return Scores(
        readability=readability.measure(text).score, alignment=alignment.measure(chapter, text).score
    )


def report_findings(store: Store, key: str, index: int) -> list[str]:
    """Give what a stored report says about one chapter, as sentences; nothing if the report is gone."""
    from coursegen_worker.artifacts import find_document
    from coursegen_worker.quality.report import Report

    found = find_document(store, key, Report)
    if found is None:
        return []
    return [
        f"{finding.measure}: {finding.suggestion}"
        for chapter in found[1].chapters
        if chapter.index == index
        for finding in chapter.findings
    ]
