"""Quality of chapters: readability, alignment with the objectives, biased wording.

Each measure has a method name with a version; a change of what it counts is a new version. A measure that
cannot be made is absent, never a constant.
"""

from coursegen_worker.documents import Chapter, Scores
from coursegen_worker.quality import alignment, prose, readability


def measure(chapter: Chapter) -> Scores:
    """Give the two scores of a chapter; alignment by words, since what writes chapters has no embedding model."""
    text = prose.of_chapter(chapter)
    method = alignment.by_words()
    return Scores(
        readability=readability.measure(text).score,
        alignment=method.measure(chapter, text).score,
        alignment_method=method.name,
    )
