"""What can be no name is refused before anything is asked, in words: in a path it would lead to something else."""

import traceback
from collections.abc import Callable

import pytest

from coursegen import Client, InputError
from coursegen_api.chapter import ChapterGeneration

from .apiserver import served

WAYS: dict[str, Callable[[Client, str], object]] = {
    "find": lambda client, name: client.get_task_status(name),
    "read": lambda client, name: client.get(ChapterGeneration, name),
    "regenerate": lambda client, name: client.start_chapter_regeneration(name, "Simpler"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "is empty"),
        ("chaptergen/", "is empty|can be no name"),
        ("../../other/chaptergenerations/loops", "is no kind of work|can be no name"),
        ("..", "can be no name"),
        ("loops?fieldValidation=Ignore", "can be no name"),
        ("loops%2fstatus", "can be no name"),
        ("loops#", "can be no name"),
        ("lo\nops", "can be no name"),
        ("lo\udcffops", "can be no name"),
    ],
)
def test_what_can_be_no_name_is_refused_in_words(way: str, name: str, words: str) -> None:
    with served({}) as client, pytest.raises(InputError, match=words):
        WAYS[way](client, name)


def test_what_can_be_no_namespace_is_refused_too() -> None:
    with served({}, namespace="../other") as client, pytest.raises(InputError, match=r"'\.\./other' can be no name"):
        client.list(ChapterGeneration)


def test_an_error_that_no_program_catches_says_what_to_do() -> None:
    with served({}) as client, pytest.raises(InputError) as refused:
        client.get_task_status("")
    assert "See what is there: kubectl get generations -A" in "".join(traceback.format_exception(refused.value))
