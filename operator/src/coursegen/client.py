"""The client for programs that wait for each answer."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TypeVar

import httpx

from coursegen_api import names
from coursegen_api.base import ExportFormat
from coursegen_api.chapter import ChapterGeneration, ChapterSpec
from coursegen_api.course import CourseGeneration, CourseSpec
from coursegen_api.export import CourseExport
from coursegen_api.kinds import Kind
from coursegen_api.task import QualityBar
from coursegen_api.validation import QualityValidation

from . import access as ways
from . import calls, finding, kinds, tasks, transport
from . import gateway as gateways
from .access import Access
from .calls import Call, Json, Question, Request, Upload
from .errors import CoursegenError
from .kinds import Work
from .tasks import Content
from .watching import Change, Watching, passes

K = TypeVar("K", bound=Kind)
T = TypeVar("T")

_RECONNECT_SECONDS = 1.0
_DEFAULT_BAR = QualityBar()


class Client:
    """Starts, watches and steers generation in one namespace.

    Every method raises NotFoundError, RefusedError (the API server's own words) or UnreachableError. After the last
    of them a call that creates something may be made again: it finds the name taken.
    """

    def __init__(
        self,
        *,
        namespace: str | None = None,
        context: str | None = None,
        kubeconfig: str | None = None,
        access: Access | None = None,
        gateway: str | None = None,
        gateway_token: str | None = None,
    ) -> None:
        """Read the kubeconfig; nothing is asked of the cluster yet.

        Arguments:
            namespace: of the work. Default: the kubeconfig context's.
            access: a way to the API server that was found already, in place of a kubeconfig.
            gateway: its URL, for content of more than 900 KiB. Default: COURSEGEN_GATEWAY_URL, else none.
            gateway_token: of the cluster, for the gateway. Default: COURSEGEN_GATEWAY_TOKEN, else the kubeconfig's.
        """
        self.access = access or ways.find(kubeconfig, context, namespace)
        self.namespace = namespace or self.access.namespace
        self.gateway = gateways.find(gateway, gateway_token)
        self.clock = transport.Clock()
        self._http = httpx.Client(**transport.settings(self.access))

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # ---- the six calls of the replaced queue --------------------------------------------------------------

    def start_course_generation(
        self, spec: CourseSpec | Mapping[str, Any], *, name: str | None = None
    ) -> CourseGeneration:
        """Create a course; its name is by default its courseId. RefusedError 409 if there is one of that name."""
        return self.run(tasks.start_course(self.namespace, spec, name))

    def get_task_status(self, task_id: str) -> Work:
        """Read a course, chapter, validation or export by name, kind/name or uid."""
        return self.run(finding.find(self.namespace, task_id))

    def start_chapter_generation(
        self, spec: ChapterSpec | Mapping[str, Any], *, name: str | None = None
    ) -> ChapterGeneration:
        """Create a chapter, of a course (courseName) or alone (courseContext)."""
        return self.run(tasks.start_chapter(self.namespace, spec, name))

    def start_quality_validation(
        self,
        name: str,
        *,
        course_name: str | None = None,
        chapter_name: str | None = None,
        artifact_key: str | None = None,
        content: Content | None = None,
        bar: QualityBar = _DEFAULT_BAR,
    ) -> QualityValidation:
        """Create a validation of exactly one source; `content` goes up first, as `upload` says."""
        source = {"courseName": course_name, "chapterName": chapter_name, "artifactKey": artifact_key}
        return self.run(tasks.start_validation(self.namespace, name, source, content, bar))

    def start_course_export(
        self,
        name: str,
        format: ExportFormat | str,
        *,
        course_name: str | None = None,
        chapter_name: str | None = None,
        artifact_key: str | None = None,
        content: Content | None = None,
        include_assessments: bool = True,
    ) -> CourseExport:
        """Create an export of exactly one source; `content` goes up first, as `upload` says."""
        source = {"courseName": course_name, "chapterName": chapter_name, "artifactKey": artifact_key}
        return self.run(tasks.start_export(self.namespace, name, source, content, format, include_assessments))

    def upload(self, content: Content) -> str:
        """Send content (at most 10 MiB) to the gateway; gives its key, which both calls above take as `artifact_key`.

        They send `content` so by themselves; without a gateway as a ConfigMap, at most 900 KiB. Here that is refused
        (InputError).
        """
        return self.run(calls.upload(self.namespace, content))

    def start_chapter_regeneration(
        self, chapter_name: str, feedback: str, *, focus_area: str | None = None, request_id: str | None = None
    ) -> ChapterGeneration:
        """Wish that a chapter be made anew from feedback; the same words about the same version are one wish."""
        return self.run(tasks.start_regeneration(self.namespace, chapter_name, feedback, focus_area, request_id))

    # ---- reading ------------------------------------------------------------------------------------------

    def get(self, kind: type[K], name: str) -> K:
        """Read one object of a kind."""
        return self.run(calls.get(kind, self.namespace, name))

    def list(self, kind: type[K], *, all_namespaces: bool = False, **selectors: str) -> "list[K]":
        """Read all objects of a kind; selectors are `labelSelector` and `fieldSelector`, as the API has them."""
        return self.run(calls.listed(kind, "" if all_namespaces else self.namespace, **selectors))

    def children(self, course: CourseGeneration) -> Sequence[Work]:
        """Read what a course owns: chapters in their order, validations, exports."""
        return self.run(calls.children(course))

    def watch(self, kind: type[K], name: str = "", *, all_namespaces: bool = False) -> Iterator[Change[K]]:
        """Give what is there as ADDED, then each change, for ever; broken connections are made anew, without a gap."""
        state = Watching[K](kind, "" if all_namespaces else self.namespace, name)
        while True:
            try:
                if not state.version:
                    path = kinds.path(kind, state.namespace)
                    yield from state.relist(self.run(calls.read_list(path, **state.list_query())))
                with self._stream(state.request()) as response:
                    for line in _lines(response):
                        change = state.take(line)
                        if change:
                            yield change
                        if not state.version:
                            break
            except (CoursegenError, httpx.HTTPError) as error:
                if not state.outlives(error):
                    raise
                time.sleep(_RECONNECT_SECONDS)

    def wait(self, name: str, *, timeout_seconds: float | None = None) -> Work:
        """Give an object once it has ended, with what was asked of it last; TimeoutError after some seconds.

        Once it has been found, an API server that is away meanwhile does not end the wait.
        """
        found = self.get_task_status(name)
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        ended, away = self.run(calls.finished(found)), ""
        while not ended:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{kinds.label(found)} has not ended after {timeout_seconds:.0f} s{away}")
            time.sleep(_RECONNECT_SECONDS)
            try:
                (found, ended), away = self.run(calls.look_again(found)), ""
            except CoursegenError as error:
                if not passes(error):
                    raise
                away = f": {error}"
        return found

    # ---- verbs --------------------------------------------------------------------------------------------

    def retry(self, name: str) -> Work:
        """Run failed work again, with all its retries."""
        return self._ask(name, names.ANNOTATION_RETRY)

    def cancel(self, name: str) -> Work:
        """End the work, and what it has running."""
        return self._ask(name, names.ANNOTATION_CANCEL)

    def stop(self, name: str) -> Work:
        """Write no more of a course, and deliver the chapters that have succeeded."""
        return self._ask(name, names.ANNOTATION_STOP)

    def suspend(self, name: str) -> Work:
        """Start nothing new; what runs ends normally."""
        return self.run(calls.suspend(self.get_task_status(name), True))

    def resume(self, name: str) -> Work:
        """Go on after a suspend."""
        return self.run(calls.suspend(self.get_task_status(name), False))

    def regenerate(self, name: str, feedback: str, *, focus_area: str | None = None) -> Work:
        """Wish that a chapter, or every chapter of a course, be made anew from feedback."""
        return self.run(calls.regenerate(self.get_task_status(name), feedback, focus_area, None))

    def delete(self, obj: Kind) -> None:
        """Delete an object as it was read, and what it owns; RefusedError 409 if it has changed since."""
        self.run(calls.delete(obj))

    def apply(self, manifest: Json, *, dry_run: bool = False) -> Json:
        """Apply a manifest of ours or a ConfigMap; with `dry_run` the API server checks it and changes nothing."""
        return self.run(calls.apply(manifest, self.namespace, dry_run))

    # ---- driving a call -----------------------------------------------------------------------------------

    def _ask(self, name: str, annotation: str) -> Work:
        return self.run(calls.ask(self.get_task_status(name), annotation, datetime.now(UTC)))

    def run(self, call: Call[T]) -> T:
        """Make the requests of a call, one after the other, and give what it comes to."""
        try:
            request = next(call)
            while True:
                try:
                    answer = self._send(request)
                except CoursegenError as error:
                    request = call.throw(error)
                else:
                    request = call.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    def _ask_gateway(self, wish: Upload | Question) -> Json:
        if self.gateway is None:
            return {}
        try:
            # Not over the session to the API server: the cluster's authority does not vouch for the gateway.
            response = httpx.request(**gateways.arguments(self.gateway, self.access, wish))
        except httpx.HTTPError as error:
            raise gateways.unreachable(self.gateway, error) from error
        return gateways.answer(self.gateway, wish, response)

    def _send(self, request: Request | Upload | Question) -> Json:
        if isinstance(request, Upload | Question):
            return self._ask_gateway(request)
        return transport.answer(self._exchange(lambda: self._http.request(**transport.arguments(request, self.access))))

    def read(self, path: str, **query: str) -> Json:
        """Read whatever JSON lies at a path of the API."""
        return self.run(calls.read(path, **query))

    def post(self, path: str, body: Json) -> Json:
        """Create whatever a path of the API takes, such as an access review."""
        return self.run(calls.post(path, body))

    def text(self, path: str, **query: str) -> str:
        """Read what is no JSON, such as a Pod's log."""
        response = self._exchange(
            lambda: self._http.request(**transport.arguments(Request("GET", path, query), self.access))
        )
        if not response.is_success:
            transport.answer(response)
        return response.text

    def lines(self, path: str, **query: str) -> Iterator[str]:
        """Read lines as they come, such as a Pod's log."""
        try:
            with self._stream(Request("GET", path, query)) as response:
                yield from _lines(response)
        except httpx.HTTPError as error:
            raise transport.unreachable(self.access, error) from error

    def _stream(self, request: Request) -> "_Stream":
        return _Stream(self._http, transport.arguments(request, self.access) | {"timeout": transport.WATCH_TIMEOUT})

    def _exchange(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        attempt = 0
        while True:
            try:
                response = ask()
            except httpx.HTTPError as error:
                raise transport.unreachable(self.access, error) from error
            self.clock.hear(response)
            seconds = transport.busy_seconds(response, attempt)
            if seconds is None:
                return response
            attempt += 1
            time.sleep(seconds)


def _lines(response: httpx.Response) -> Iterator[str]:
    lines = transport.Lines()
    for piece in response.iter_bytes():
        yield from lines.take(piece)
    yield from lines.end()


class _Stream:
    """An answer that is read as it comes; a refusal is raised before the body."""

    def __init__(self, http: httpx.Client, arguments: Mapping[str, Any]) -> None:
        self._opened = http.stream(**arguments)

    def __enter__(self) -> httpx.Response:
        response = self._opened.__enter__()
        if not response.is_success:
            response.read()
            self._opened.__exit__(None, None, None)
            transport.answer(response)
        return response

    def __exit__(self, *error: Any) -> None:
        self._opened.__exit__(*error)
