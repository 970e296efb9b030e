"""What providers and models do wrong: the right failure comes of it, nothing half-written, nothing paid twice."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_support import OUTLINE, PARTS, Desktop
from pydantic import ValidationError
from scripted_model import Answer, Asked, Script, completion, error, good

from coursegen_api.base import FailureClass
from coursegen_api.budget import Prices
from coursegen_worker import markdown
from coursegen_worker.documents import Chapter, Outline, Section, unseal
from coursegen_worker.failures import TaskFailedError, storage_unavailable
from coursegen_worker.meter import Meter
from coursegen_worker.writers import model as model_writer
from coursegen_worker.writers.model import asking, client, shapes
from coursegen_worker.writers.model.asking import Question
from coursegen_worker.writers.model.wire import Reply


@pytest.fixture(autouse=True)
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again within hundredths of a second, for a second."""
    monkeypatch.setattr(client, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(client, "MAX_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(client, "RETRY_SECONDS", 0.3)
    monkeypatch.setattr(client, "LEAST_CALL_SECONDS", 0.1)
    monkeypatch.setattr(model_writer, "COMMIT_SECONDS", 0.1)


def content(asked: Asked) -> dict:
    """Give the usual answer's content, to be spoilt."""
    message = json.loads(good(replace(asked, rung="native")).body)["choices"][0]["message"]
    return json.loads(message["content"])


def only(shape: str, answer: Callable[[Asked], Answer]) -> Script:
    """Do something wrong to one of the questions for this form, at each turn; the rest goes well."""
    chosen: dict[str, object] = {}

    def script(asked: Asked) -> Answer | None:
        facts = {k: v for k, v in asked.data.items() if k != "lastAnswerRefusedBecause"}
        # Two may ask at once: the first that is noted stays the one.
        wrong = asked.shape == shape and chosen.setdefault("facts", facts) == facts
        return answer(asked) if wrong else None

    return script


def spoilt(shape: str, **fields: object) -> Script:
    return only(shape, lambda asked: completion(json.dumps(content(asked) | fields)))


def spoilt_question(**fields: object) -> Script:
    def answer(asked: Asked) -> Answer:
        questions = content(asked)["questions"]
        return completion(json.dumps({"questions": [questions[0] | fields, *questions[1:]]}))

    return only("quiz", answer)


GERMAN = (
    "Eine kleine Schleife ist eine Anweisung, die immer wieder ausgeführt wird, und das ist für den Anfang nicht "
    "schwer. Der Rechner liest die Liste von vorne nach hinten und führt für jedes Element die Zeilen aus. "
) * 9
OPTION = {"text": "The same.", "feedback": "Look at it once more."}
BAD, UNAVAILABLE = FailureClass.BAD_OUTPUT, FailureClass.PROVIDER_UNAVAILABLE
LIMITED, REJECTED = FailureClass.RATE_LIMITED, FailureClass.REJECTED

BAD_ANSWERS: dict[str, tuple[Script, str]] = {
    "garbage": (only("lesson", lambda _: completion("lorem ipsum dolor sit amet")), "not one JSON object"),
    "half an object": (only("lesson", lambda _: completion('{"title": "Loops", "expl')), "not one JSON object"),
    "a comma left out": (
        only("lesson", lambda _: completion('{"title": "Loops" "text": ""}')),
        "Expecting ',' delimiter",
    ),
    "another object": (only("lesson", lambda _: completion('{"chapter": "Loops"}')), "title: Field required"),
    "nothing in it": (only("lesson", lambda _: completion("")), "not one JSON object"),
    "no content": (only("lesson", lambda _: completion(None)), "not one JSON object"),
    "empty sections": (spoilt("lesson", explanation=" ", exampleSteps=["", ""]), "explanation has 0 words"),
    "too few words": (spoilt("lesson", explanation="A loop repeats."), "explanation has 3 words: write at least"),
    "no title": (spoilt("lesson", title="\n"), "title must be a title"),
    "endless": (spoilt("lesson", explanation="\n" * 10_000), "at most"),
    "in pieces": (spoilt("lesson", explanation="It is a list.\n\n" * 90), "has 90 paragraphs: write at most 60"),
    "the wrong language": (spoilt("lesson", explanation=GERMAN), "not in English"),
    "the wrong script": (spoilt("lesson", explanation="循环 语句 重复 执行 " * 80), "not in English"),
    "a refusal": (only("lesson", lambda _: completion(None, refusal="I cannot help with that.")), "refused to answer"),
    "a refusal in words": (only("lesson", lambda _: completion("I'm sorry, I can't.")), "not one JSON object"),
    "a filter": (only("lesson", lambda _: completion(None, "content_filter")), "refused to answer"),
    "a filter at the door": (only("lesson", lambda _: error(400, "No.", code="content_filter")), "refused to answer"),
    "cut off": (only("lesson", lambda _: completion('{"title": "Lo', "length")), "cut off"),
    "an answer that is no option": (spoilt_question(answer=7), "answer must be an index from 0 to 3"),
    "a negative answer": (spoilt_question(answer=-1), "answer must be an index"),
    "equal options": (spoilt_question(options=[OPTION] * 4), "all options must differ"),
    "one option": (spoilt_question(options=[OPTION]), "options has 1 entries"),
    "no feedback": (
        spoilt_question(options=[{"text": t, "feedback": ""} for t in "abcd"]),
        "each option needs feedback",
    ),
    "a catch-all": (
        spoilt_question(options=[{"text": t, "feedback": "Look again at it."} for t in ("a", "b", "All of the above")]),
        "no option may speak of the others",
    ),
    "an objective that is none": (spoilt_question(objective=5), "objective must be a number from 1 to 1"),
    "questions left out": (spoilt("quiz", questions=[]), "Objective 1 has 0 questions: write 2"),
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_a_bad_answer_is_asked_again_with_its_fault_at_most_twice(desktop: Desktop, case: str) -> None:
    desktop.model.script, words = BAD_ANSWERS[case]
    with pytest.raises(TaskFailedError) as failed:
        desktop.run()
    assert failed.value.failure is BAD
    assert words in failed.value.message
    turns = [a for a in desktop.model.asked if a.turn > 1]
    assert [a.turn for a in turns] == [2, 3]
    assert all(a.data["lastAnswerRefusedBecause"] for a in turns)
    assert_the_rest_is_kept(desktop, missing=1)


def test_options_and_questions_may_differ_by_a_capital_alone(desktop: Desktop) -> None:
    options = [{"text": text, "feedback": "Look at its letters again."} for text in ("CO", "Co", "co")]
    item = {"objective": 1, "options": options, "answer": 0}
    questions = [item | {"stem": f"What is the sign for {what}?"} for what in ("a Gas", "a gas")]
    desktop.model.script = spoilt("quiz", questions=questions)
    desktop.run()
    assert len(desktop.model.asked) == PARTS


def test_a_model_that_thinks_before_it_writes_gets_more_room(desktop: Desktop) -> None:
    def script(asked: Asked) -> Answer | None:
        return completion("", "length") if asked.turn < 3 else None

    desktop.model.script = script
    desktop.run()
    asked = [a.body["max_tokens"] for a in desktop.model.asked if a.shape == "opening"]
    assert asked == [asked[0], 2 * asked[0], 4 * asked[0]]
    assert {a.rung for a in desktop.model.asked} == {"native"}, "it says nothing of the form that the server knows"


def test_a_model_that_has_no_more_room_is_asked_again_within_what_it_has(desktop: Desktop) -> None:
    def script(asked: Asked) -> Answer | None:
        if asked.body["max_tokens"] > 4000:
            return error(400, "max_tokens is too large. This model supports at most 4000 completion tokens.")
        cut = asked.shape == "practice" and "lastAnswerRefusedBecause" not in asked.data
        return completion('{"exerciseTitle": "Lo', "length") if cut else None

    desktop.model.script = script
    assert desktop.run().artifact
    asked = [a.body["max_tokens"] for a in desktop.model.asked if a.shape == "practice"]
    assert asked == [2400, 4800, 2400]


def assert_the_rest_is_kept(desktop: Desktop, missing: int) -> None:
    """No chapter is there, and the next attempt asks for what is missing and for nothing else."""
    assert desktop.files("chapter") == []
    assert len(desktop.files("part")) == PARTS - missing
    before = len(desktop.model.asked)
    desktop.model.script = lambda asked: None
    result = desktop.run()
    assert len(desktop.model.asked) - before == missing
    unseal(desktop.read(result), Chapter)


def always(answer: Answer) -> Script:
    return lambda asked: answer


BAD_PROVIDERS: dict[str, tuple[Script, FailureClass, str]] = {
    "500": (always(error(500, "Boom.")), UNAVAILABLE, "says 500: Boom."),
    "503": (always(Answer(503, b"<h1>busy</h1>")), UNAVAILABLE, "says 503"),
    "529": (always(error(529, "Overloaded")), UNAVAILABLE, "Overloaded"),
    "half a stream": (always(Answer(body=b'{"choices": [' + b" " * 99, cut_at=50)), UNAVAILABLE, "cannot be heard"),
    "a stream cut at once": (always(Answer(body=b"x" * 99, cut_at=0)), UNAVAILABLE, "cannot be heard"),
    "a web page": (always(Answer(body=b"<html>Sign in</html>")), UNAVAILABLE, "no completion: <html>Sign in"),
    "an error that says 200": (always(Answer(body=b'{"error": {"message": "x"}}')), UNAVAILABLE, "no completion"),
    "a choice that is an error": (
        always(
            Answer(body=b'{"choices": [{"finish_reason": "error", "error": {"message": "Gone."}, "message": {}}]}'),
        ),
        UNAVAILABLE,
        "no completion: Gone.",
    ),
    "choices that are none": (always(Answer(body=b'{"choices": []}')), UNAVAILABLE, "no completion"),
    "429 without a time": (always(error(429, "Slow down.")), LIMITED, "says 429: Slow down."),
    "429 with a time that is none": (always(error(429, "x", {"Retry-After": "soon"})), LIMITED, "says 429"),
    "no credit": (always(error(429, "x", code="insufficient_quota")), REJECTED, "no credit left"),
    "no credit at OpenRouter": (always(error(402, "Insufficient credits.")), REJECTED, "no credit left"),
    "401": (always(error(401, "Bad key.")), REJECTED, "Bad key. Is the key in its Secret right"),
    "403": (always(error(403, "Not yours.")), REJECTED, "may it use model scripted-1"),
    "404": (always(error(404, "No such model.")), REJECTED, "No such model."),
    "a redirect": (always(Answer(302, headers={"Location": "http://127.0.0.1:9/"})), REJECTED, "says 302"),
    "every form refused": (always(error(400, "What?")), REJECTED, "takes none of our requests"),
    "too large an answer": (always(Answer(body=b" " * 5_000_000)), REJECTED, "answers with more than"),
}


@pytest.mark.parametrize("case", BAD_PROVIDERS)
def test_a_provider_that_fails_ends_the_task_with_its_class(desktop: Desktop, case: str) -> None:
    desktop.model.script, failure, words = BAD_PROVIDERS[case]
    desktop.writer = {"parallelRequests": 1}  # what is broken off by the first failure could arrive later
    with pytest.raises(TaskFailedError) as failed:
        desktop.run()
    assert (failed.value.failure, failed.value.retry_after_seconds) == (failure, None)
    assert words in failed.value.message
    assert desktop.meter.usage() is None
    assert_the_rest_is_kept(desktop, missing=PARTS)


def test_a_provider_that_nobody_answers_for_is_unavailable(desktop: Desktop) -> None:
    desktop.writer = {"endpoint": "http://127.0.0.1:9/v1"}
    with pytest.raises(TaskFailedError, match="cannot be heard") as failed:
        desktop.run()
    assert failed.value.failure is UNAVAILABLE


@pytest.mark.parametrize("proxy", ["user:pass-word@127.0.0.1:9", "http//user:pass-word@x", "http://user:pass-word/x@y"])
def test_a_proxy_that_is_no_url_is_named_without_its_password(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    desktop.writer = {"endpoint": "https://models.example/v1"}
    with pytest.raises(TaskFailedError, match="HTTPS_PROXY, is no URL") as failed:
        desktop.run()
    assert failed.value.failure is REJECTED
    assert "pass-word" not in failed.value.message


def test_a_provider_that_never_answers_is_a_timeout_within_the_deadline(desktop: Desktop) -> None:
    desktop.model.script = only("lesson", lambda _: Answer(silent=True))
    desktop.seconds = 5.0  # in which all is asked, also by a machine that stalls
    with pytest.raises(TaskFailedError, match="did not answer in the") as failed:
        desktop.run()
    assert failed.value.failure is FailureClass.TIMEOUT
    desktop.seconds = 60
    missing = PARTS - len(desktop.files("part"))
    assert missing >= 1
    assert_the_rest_is_kept(desktop, missing)


@pytest.mark.parametrize(
    "trouble",
    [
        error(500, "Boom."),
        error(429, "Slow down."),
        error(429, "Slow down.", {"Retry-After": "0"}),
        error(429, "Slow down.", {"Retry-After-Ms": "20"}),
        error(503, "Busy.", {"Retry-After": "0.05"}),
        Answer(body=b'{"choices"' + b" " * 99, cut_at=30),
    ],
    ids=["500", "429", "429 with a time", "429 in milliseconds", "503 with a time", "half a stream"],
)
def test_what_passes_in_seconds_is_not_seen_outside(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch, trouble: Answer
) -> None:
    monkeypatch.setattr(client, "RETRY_SECONDS", 30.0)  # on a busy machine three requests take their time
    desktop.model.script = lambda asked: trouble if asked.turn < 3 else None
    assert desktop.run().artifact
    assert len(desktop.model.asked) == 3 * PARTS


def test_a_wait_longer_than_what_is_left_ends_the_task_at_once_with_the_time(desktop: Desktop) -> None:
    desktop.model.script = always(error(429, "Slow down.", {"Retry-After": "90"}))
    desktop.writer = {"parallelRequests": 1}
    with pytest.raises(TaskFailedError) as failed:
        desktop.run()
    assert (failed.value.failure, failed.value.retry_after_seconds) == (LIMITED, 90)
    assert len(desktop.model.asked) == 1


@pytest.mark.parametrize("trouble", [error(500, "Boom."), error(429, "Slow down.", {"Retry-After": "90"})])
def test_what_is_under_way_when_the_provider_fails_for_one_is_kept(desktop: Desktop, trouble: Answer) -> None:
    """It is paid for, heard or not; and what has not begun is not asked for."""
    begun = threading.Event()

    def script(asked: Asked) -> Answer | None:
        if asked.shape == "opening":
            begun.wait(60)  # until another is asked for
            return trouble
        begun.set()
        return replace(good(asked), seconds=1.0)

    desktop.model.script = script
    desktop.writer = {"parallelRequests": 4}
    with pytest.raises(TaskFailedError) as failed:
        desktop.run()
    assert failed.value.failure in (UNAVAILABLE, LIMITED)
    kept = len(desktop.files("part"))
    assert 1 <= kept < PARTS
    usage = desktop.meter.usage()
    assert usage
    assert usage.prompt_tokens == 100 * kept
    assert_the_rest_is_kept(desktop, missing=PARTS - kept)


def test_a_provider_that_says_to_wait_no_time_is_not_flooded(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "FIRST_PAUSE_SECONDS", 0.2)
    desktop.model.script = always(error(429, "Slow down.", {"Retry-After": "0"}))
    desktop.writer = {"parallelRequests": 1}
    desktop.seconds = 2.0
    with pytest.raises(TaskFailedError):
        desktop.run()
    assert len(desktop.model.asked) <= 10


@pytest.mark.parametrize("trouble", [error(500, "Boom."), error(429, "x"), error(429, "x", {"Retry-After": "0"})])
def test_a_probe_tries_nothing_again(desktop: Desktop, trouble: Answer) -> None:
    desktop.model.script = lambda asked: trouble if asked.number == 1 else None
    desktop.writer = {"parallelRequests": 1}
    with pytest.raises(TaskFailedError) as failed:
        desktop.run(probe=True)
    assert failed.value.failure in (UNAVAILABLE, LIMITED)
    assert len(desktop.model.asked) == 1


def test_a_task_that_has_used_its_tokens_is_rejected_and_says_what_to_raise(desktop: Desktop) -> None:
    desktop.writer = {"tokenLimit": 1000, "parallelRequests": 1}
    desktop.model.script = only("lesson", lambda asked: expensive(good(asked)))
    with pytest.raises(TaskFailedError, match=r"spec\.taskTokenLimit") as failed:
        desktop.run()
    assert failed.value.failure is REJECTED
    assert desktop.meter.tokens > 1000
    assert all(a.body["max_tokens"] <= 1000 for a in desktop.model.asked)


def test_a_chapter_that_is_ready_is_not_lost_for_tokens_that_plainer_words_would_take(desktop: Desktop) -> None:
    written = unseal(desktop.read(desktop.run()), Chapter)
    desktop.writer = {"tokenLimit": 1000, "parallelRequests": 1}
    desktop.model.script = lambda asked: expensive(good(asked))
    hard = [f"Notwithstanding number {n}, the aforementioned shop perseveres." for n in range(20)]
    found, usage = desktop.writer_of().plainer(hard, written)
    assert found == [None] * len(hard)
    assert usage.prompt_tokens == 900


def expensive(answer: Answer) -> Answer:
    body = json.loads(answer.body) | {"usage": {"prompt_tokens": 900, "completion_tokens": 900}}
    return Answer(body=json.dumps(body).encode())


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": None, "completion_tokens": "many"}, {"prompt_tokens": -5}]
)
def test_a_provider_that_does_not_count_loses_no_answer(desktop: Desktop, usage: object) -> None:
    def script(asked: Asked) -> Answer:
        return Answer(body=json.dumps(json.loads(good(asked).body) | {"usage": usage}).encode())

    desktop.model.script = script
    result = desktop.run()
    assert result.usage is not None
    assert (result.usage.prompt_tokens, result.usage.cached) == (0, False)


# ---- the outline -------------------------------------------------------------------------------------------


def test_a_provider_that_counts_more_from_its_cache_than_was_sent_makes_no_cost_negative() -> None:
    meter = Meter()
    meter.add(100, 10, Prices(prompt_micro_usd=150_000, cached_prompt_micro_usd=0, completion_micro_usd=0), 1000)
    usage = meter.usage()
    assert usage
    assert usage.cost_micro_usd == 0


def spoilt_entry(shape: str, **fields: object) -> Script:
    """Spoil the first chapter of an answer about chapters."""

    def answer(asked: Asked) -> Answer:
        first, *rest = content(asked)["chapters"]
        return completion(json.dumps({"chapters": [first | fields, *rest]}))

    return only(shape, answer)


BAD_OUTLINES: dict[str, tuple[Script, str]] = {
    "too few chapters": (
        spoilt("contents", chapters=[{"title": "All", "objectives": [1, 2]}]),
        "has 1 entries: give 6",
    ),
    "two alike": (spoilt_entry("contents", title="step 2 OF the way"), "Two chapters have the same title"),
    "a chapter without a title": (spoilt_entry("contents", title=""), "must be a title"),
    "an objective that is none": (spoilt_entry("contents", objectives=[1, 9]), "There is no objective 9"),
    "an objective left out": (
        spoilt("contents", chapters=[{"title": f"Step {n} of it", "objectives": [1]} for n in range(6)]),
        "No chapter works towards objective 2",
    ),
    "no glossary": (spoilt("sharedbrief", glossary=[]), "glossary has 0 entries"),
    "a term twice": (
        spoilt("sharedbrief", glossary=[{"term": t, "definition": "A list."} for t in ("List", "list", "row")]),
        "each term stands once",
    ),
    "another chapter's contract": (spoilt_entry("contracts", number=99), "Give each of the chapters"),
    "a chapter for nothing": (spoilt_entry("contracts", objectives=[]), "objectives of chapter"),
    "an objective of one word": (spoilt_entry("contracts", objectives=["Loops"]), "an objective has 2 words or more"),
}


@pytest.mark.parametrize("case", BAD_OUTLINES)
def test_a_bad_outline_is_none(desktop: Desktop, case: str) -> None:
    desktop.model.script, words = BAD_OUTLINES[case]
    with pytest.raises(TaskFailedError) as failed:
        desktop.run(OUTLINE)
    assert failed.value.failure is BAD
    assert words in failed.value.message
    assert desktop.files("outline") == []
    kept = len(desktop.files("part"))
    desktop.model.script = lambda asked: None
    desktop.model.asked.clear()
    desktop.run(OUTLINE)
    assert len(desktop.model.asked) == 4 - kept


@pytest.mark.parametrize("count", [1, 9, 100])
def test_an_outline_of_any_size_has_all_its_chapters(desktop: Desktop, count: int) -> None:
    work = OUTLINE.model_copy(update={"chapter_count": count, "estimated_duration": "PT20H"})
    outline = unseal(desktop.read(desktop.run(work)), Outline)
    assert [c.index for c in outline.chapters] == list(range(1, count + 1))
    assert all(c.objectives and c.contract.teaches for c in outline.chapters)


# ---- whatever it says --------------------------------------------------------------------------------------

TEXTS = st.text(st.sampled_from("ab .`#-*1|~\n\t\x00\u2028\ufffe\u05d0語🎓<>{}[]()\"'\\\\$"), max_size=400)


@settings(deadline=None)
@given(TEXTS)
def test_any_text_becomes_blocks_that_a_section_may_have(text: str) -> None:
    try:
        clean = shapes.Opening.model_validate({"text": text}).text
    except ValidationError:
        return
    if shapes.crowded("text", clean, shapes.MAX_BLOCKS):
        return
    section = Section(id="s", kind="concept", title="T", blocks=markdown.blocks(clean))
    assert not set(section.model_dump_json()) & set("\x00\ufffe")


@settings(deadline=None)
@given(TEXTS | st.recursive(st.none() | st.integers() | TEXTS, st.lists, max_leaves=5).map(json.dumps))
def test_any_answer_is_an_answer_or_has_a_fault_in_words(text: str) -> None:
    question = Question("x", shapes.Quiz, "", {}, 1, lambda a: shapes.of_quiz(a, 2, 2))
    answer, wrong = asking._read(question, Reply(text))
    assert (answer is None) == bool(wrong)


# ---- the store ----------------------------------------------------------------------------------------------


def test_a_store_that_fails_before_the_chapter_loses_no_part(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    create = desktop.store.create

    def failing(key: str, data: bytes) -> bool:
        if "/chapter/" in key:
            raise storage_unavailable("no space left")
        return create(key, data)

    monkeypatch.setattr(desktop.store, "create", failing)
    with pytest.raises(TaskFailedError, match="no space left"):
        desktop.run()
    monkeypatch.undo()
    before = len(desktop.model.asked)
    result = desktop.run()
    assert len(desktop.model.asked) == before == PARTS
    assert result.usage is not None
    assert result.usage.cached, "nothing was paid by this attempt"


def test_a_store_that_is_full_stops_what_could_not_be_kept(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(key: str, data: bytes) -> bool:
        raise storage_unavailable("no space left")

    monkeypatch.setattr(desktop.store, "create", full)
    desktop.writer = {"parallelRequests": 1}
    with pytest.raises(TaskFailedError) as failed:
        desktop.run()
    assert failed.value.failure is FailureClass.STORAGE_UNAVAILABLE
    assert len(desktop.model.asked) == 1
    assert desktop.meter.tokens, "what was paid is told"


def test_a_damaged_part_is_asked_for_again(desktop: Desktop) -> None:
    first = desktop.run()
    assert first.artifact is not None
    (desktop.folder / first.artifact.key).unlink()
    damaged = desktop.files("part")[0]
    damaged.write_bytes(damaged.read_bytes()[:-7])
    again = desktop.run()
    assert len(desktop.model.asked) == PARTS + 1
    assert again.artifact == first.artifact
