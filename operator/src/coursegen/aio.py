"""The client for programs with an event loop: the same calls, awaited."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
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


class AsyncClient:
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
        self._http = httpx.AsyncClient(**transport.settings(self.access))

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    # ---- the six calls of the replaced queue --------------------------------------------------------------

    async def start_course_generation(
        self, spec: CourseSpec | Mapping[str, Any], *, name: str | None = None
    ) -> CourseGeneration:
        """Create a course; its name is by default its courseId. RefusedError 409 if there is one of that name."""
        return await self.run(tasks.start_course(self.namespace, spec, name))

    async def get_task_status(self, task_id: str) -> Work:
        """Read a course, chapter, validation or export by name, kind/name or uid."""
        return await self.run(finding.find(self.namespace, task_id))

    async def start_chapter_generation(
        self, spec: ChapterSpec | Mapping[str, Any], *, name: str | None = None
    ) -> ChapterGeneration:
        """Create a chapter, of a course (courseName) or alone (courseContext)."""
        return await self.run(tasks.start_chapter(self.namespace, spec, name))

    async def start_quality_validation(
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
        return await self.run(tasks.start_validation(self.namespace, name, source, content, bar))

    async def start_course_export(
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
        return await self.run(tasks.start_export(self.namespace, name, source, content, format, include_assessments))

    async def upload(self, content: Content) -> str:
        """Send content (at most 10 MiB) to the gateway; gives its key, which both calls above take as `artifact_key`.

        They send `content` so by themselves; without a gateway as a ConfigMap, at most 900 KiB. Here that is refused
        (InputError).
        """
        return await self.run(calls.upload(self.namespace, content))

    async def start_chapter_regeneration(
        self, chapter_name: str, feedback: str, *, focus_area: str | None = None, request_id: str | None = None
    ) -> ChapterGeneration:
        """Wish that a chapter be made anew from feedback; the same words about the same version are one wish."""
        return await self.run(tasks.start_regeneration(self.namespace, chapter_name, feedback, focus_area, request_id))

    # ---- reading ------------------------------------------------------------------------------------------

    async def get(self, kind: type[K], name: str) -> K:
        """Read one object of a kind."""
        return await self.run(calls.get(kind, self.namespace, name))

    async def list(self, kind: type[K], *, all_namespaces: bool = False, **selectors: str) -> "list[K]":
        """Read all objects of a kind; selectors are `labelSelector` and `fieldSelector`, as the API has them."""
        return await self.run(calls.listed(kind, "" if all_namespaces else self.namespace, **selectors))

    async def children(self, course: CourseGeneration) -> Sequence[Work]:
        """Read what a course owns: chapters in their order, validations, exports."""
        return await self.run(calls.children(course))

    async def watch(self, kind: type[K], name: str = "", *, all_namespaces: bool = False) -> AsyncIterator[Change[K]]:
        """Give what is there as ADDED, then each change, for ever; broken connections are made anew, without a gap."""
        state = Watching[K](kind, "" if all_namespaces else self.namespace, name)
        while True:
            try:
                if not state.version:
                    path = kinds.path(kind, state.namespace)
                    for change in state.relist(await self.run(calls.read_list(path, **state.list_query()))):
                        yield change
                async with self._stream(state.request()) as response:
                    async for line in _lines(response):
                        heard = state.take(line)
                        if heard:
                            yield heard
                        if not state.version:
                            break
            except (CoursegenError, httpx.HTTPError) as error:
                if not state.outlives(error):
                    raise
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def wait(self, name: str, *, timeout_seconds: float | None = None) -> Work:
        """Give an object once it has ended, with what was asked of it last; TimeoutError after some seconds.

        Once it has been found, an API server that is away meanwhile does not end the wait.
        """
        found = await self.get_task_status(name)
        deadline = None if timeout_seconds is None else asyncio.get_running_loop().time() + timeout_seconds
        ended, away = await self.run(calls.finished(found)), ""
        while not ended:
            if deadline is not None and asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"{kinds.label(found)} has not ended after {timeout_seconds:.0f} s{away}")
            await asyncio.sleep(_RECONNECT_SECONDS)
            try:
                (found, ended), away = await self.run(calls.look_again(found)), ""
            except CoursegenError as error:
                if not passes(error):
                    raise
                away = f": {error}"
        return found

    # ---- verbs --------------------------------------------------------------------------------------------

    async def retry(self, name: str) -> Work:
        """Run failed work again, with all its retries."""
        return await self._ask(name, names.ANNOTATION_RETRY)

    async def cancel(self, name: str) -> Work:
        """End the work, and what it has running."""
        return await self._ask(name, names.ANNOTATION_CANCEL)

    async def stop(self, name: str) -> Work:
        """Write no more of a course, and deliver the chapters that have succeeded."""
        return await self._ask(name, names.ANNOTATION_STOP)

    async def suspend(self, name: str) -> Work:
        """Start nothing new; what runs ends normally."""
        return await self.run(calls.suspend(await self.get_task_status(name), True))

    async def resume(self, name: str) -> Work:
        """Go on after a suspend."""
        return await self.run(calls.suspend(await self.get_task_status(name), False))

    async def regenerate(self, name: str, feedback: str, *, focus_area: str | None = None) -> Work:
        """Wish that a chapter, or every chapter of a course, be made anew from feedback."""
        return await self.run(calls.regenerate(await self.get_task_status(name), feedback, focus_area, None))

    async def delete(self, obj: Kind) -> None:
        """Delete an object as it was read, and what it owns; RefusedError 409 if it has changed since."""
        await self.run(calls.delete(obj))

    async def apply(self, manifest: Json, *, dry_run: bool = False) -> Json:
        """Apply a manifest of ours or a ConfigMap; with `dry_run` the API server checks it and changes nothing."""
        return await self.run(calls.apply(manifest, self.namespace, dry_run))

    # ---- driving a call -----------------------------------------------------------------------------------

    async def _ask(self, name: str, annotation: str) -> Work:
        return await self.run(calls.ask(await self.get_task_status(name), annotation, datetime.now(UTC)))

    async def run(self, call: Call[T]) -> T:
        """Make the requests of a call, one after the other, and give what it comes to."""
        try:
            request = next(call)
            while True:
                try:
                    answer = await self._send(request)
                except CoursegenError as error:
                    request = call.throw(error)
                else:
                    request = call.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _ask_gateway(self, wish: Upload | Question) -> Json:
        if self.gateway is None:
            return {}
        ask = gateways.arguments(self.gateway, self.access, wish)
        try:
            async with httpx.AsyncClient() as http:  # the cluster's authority does not vouch for the gateway
                response = await http.request(**ask)
        except httpx.HTTPError as error:
            raise gateways.unreachable(self.gateway, error) from error
        return gateways.answer(self.gateway, wish, response)

    async def _send(self, request: Request | Upload | Question) -> Json:
        if isinstance(request, Upload | Question):
            return await self._ask_gateway(request)
        ask = transport.arguments(request, self.access)
        return transport.answer(await self._exchange(lambda: self._http.request(**ask)))

    async def read(self, path: str, **query: str) -> Json:
        """Read whatever JSON lies at a path of the API."""
        return await self.run(calls.read(path, **query))

    async def post(self, path: str, body: Json) -> Json:
        """Create whatever a path of the API takes, such as an access review."""
        return await self.run(calls.post(path, body))

    async def text(self, path: str, **query: str) -> str:
        """Read what is no JSON, such as a Pod's log."""
        response = await self._exchange(
            lambda: self._http.request(**transport.arguments(Request("GET", path, query), self.access))
        )
        if not response.is_success:
            transport.answer(response)
        return response.text

    async def lines(self, path: str, **query: str) -> AsyncIterator[str]:
        """Read lines as they come, such as a Pod's log."""
        try:
            async with self._stream(Request("GET", path, query)) as response:
                async for line in _lines(response):
                    yield line
        except httpx.HTTPError as error:
            raise transport.unreachable(self.access, error) from error

    def _stream(self, request: Request) -> "_Stream":
        return _Stream(self._http, transport.arguments(request, self.access) | {"timeout": transport.WATCH_TIMEOUT})

    async def _exchange(self, ask: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        attempt = 0
        while True:
            try:
                response = await ask()
            except httpx.HTTPError as error:
                raise transport.unreachable(self.access, error) from error
            self.clock.hear(response)
            seconds = transport.busy_seconds(response, attempt)
            if seconds is None:
                return response
            attempt += 1
            await asyncio.sleep(seconds)


async def _lines(response: httpx.Response) -> AsyncIterator[str]:
    lines = transport.Lines()
    async for piece in response.aiter_bytes():
        for line in lines.take(piece):
            yield line
    for line in lines.end():
        yield line


class _Stream:
    """An answer that is read as it comes; a refusal is raised before the body."""

    def __init__(self, http: httpx.AsyncClient, arguments: Mapping[str, Any]) -> None:
        self._opened = http.stream(**arguments)

    async def __aenter__(self) -> httpx.Response:
        response = await self._opened.__aenter__()
        if not response.is_success:
            await response.aread()
            await self._opened.__aexit__(None, None, None)
            transport.answer(response)
        return response

    async def __aexit__(self, *error: Any) -> None:
        await self._opened.__aexit__(*error)
