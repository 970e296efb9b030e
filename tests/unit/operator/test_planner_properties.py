"""Properties of the planner over random histories of events, failures, crashes, edits, deletions and clock steps.

The rules are stated in `Histories`' invariants; hypothesis looks for a history that breaks one, and
shrinks it. The planner, snapshot, scheduler and actor are the real ones, the cluster is `simulation`.
"""

import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from coursegen_api.base import FailureClass, Usage
from coursegen_api.names import ANNOTATION_CANCEL, ANNOTATION_RETRY, ANNOTATION_STOP
from coursegen_api.task import QualitySummary, TaskResult
from coursegen_operator.plan.world import Defaults
from coursegen_operator.snapshot import TASK_KINDS

from .simulation import KINDS, Json, Simulation

CAPACITY = 3
MAX_JOBS = 4
MAX_COURSES = 2
FAILURES = [
    FailureClass.INTERNAL,
    FailureClass.INVALID_INPUT,
    FailureClass.RATE_LIMITED,
    FailureClass.PROVIDER_UNAVAILABLE,
    FailureClass.STORAGE_UNAVAILABLE,
    FailureClass.STOPPED,
]


REQUESTS = (ANNOTATION_RETRY, ANNOTATION_CANCEL, ANNOTATION_STOP)
BREAKER = {"minimumAttempts": 2, "openSeconds": 5, "maxOpenSeconds": 60}
BUDGET = {"tokens": 2000, "period": "Day", "reserveTokens": 100}
PROVIDER = {"writer": "template", "circuitBreaker": BREAKER, "budget": BUDGET}
NAMES = {"courseName": "CourseGeneration", "chapterName": "ChapterGeneration"}
"""The fields by which a validation or export names what it is about."""


class Histories(RuleBasedStateMachine):
    """One cluster's life."""

    @initialize(seed=st.integers(0, 10_000))
    def begin(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.sim = Simulation(Defaults(image="worker:test", max_jobs=MAX_JOBS, max_courses=MAX_COURSES))
        self.sim.change_spec("GenerationQueue", "chapter-generation", namespace="", capacity=CAPACITY)
        self.sim.apply("ModelProvider", "p", PROVIDER)
        self.count = 0
        self.loss = 0.0
        self.sim.api.fault = self._fault
        self.progress: dict[tuple[str, int, int], int] = {}
        self.finished: set[str] = set()
        self.asked: set[str] = set()
        """Courses (and chapters that stand alone) of which a person has asked something."""

    def _fault(self, verb: str, path: str) -> str:
        if self.loss and self.chance.random() < self.loss:
            return self.chance.choice(("before", "after"))
        return ""

    def _name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def _objects(self) -> list[Json]:
        plurals = {KINDS[k].meta.plural for k in TASK_KINDS}
        return [o for (k, _, _), o in self.sim.api.objects.items() if k in plurals]

    def _pick(self, kind: str) -> str | None:
        found = self.sim.names(kind)
        return self.chance.choice(found) if found else None

    def _job(self) -> Json | None:
        active = self.sim.jobs()
        return self.chance.choice(active) if active else None

    # ---- people --------------------------------------------------------------------------------------

    @rule(chapters=st.integers(1, 3), export=st.booleans(), partial=st.booleans(), validated=st.booleans())
    def create_course(self, chapters: int, export: bool, partial: bool, validated: bool) -> None:
        provided = {"providerName": "p"} if self.chance.random() < 0.5 else {}
        spec: Json = {
            "title": "T",
            "learningObjectives": ["Learn"],
            "chapters": [{"id": f"c{i}", "title": "T", "learningObjectives": ["x"]} for i in range(chapters)],
            "exports": [{"format": "json"}] if export else [],
            "failurePolicy": "ExportPartial" if partial else "Fail",
            "quality": {"enabled": validated},
        }
        self.sim.apply("CourseGeneration", self._name("course"), spec | provided)

    @rule(chapters=st.integers(1, 3))
    def create_course_to_outline(self, chapters: int) -> None:
        spec = {"title": "T", "learningObjectives": ["Learn"], "chapterCount": chapters}
        self.sim.apply("CourseGeneration", self._name("course"), spec)

    @rule()
    def create_chapter(self) -> None:
        spec = {"courseContext": {"title": "T"}, "title": "T", "learningObjectives": ["x"]}
        self.sim.apply("ChapterGeneration", self._name("chapter"), spec)

    @rule()
    def create_clean_up(self) -> None:
        self.sim.apply("ArtifactCleanup", self._name("cleanup"), {"intervalHours": 720})

    @rule(kind=st.sampled_from(("CourseExport", "QualityValidation")), of=st.sampled_from(tuple(NAMES)))
    def create_for_what_is_there(self, kind: str, of: str) -> None:
        if name := self._pick(NAMES[of]):
            self.sim.apply(
                kind, self._name("alone"), {of: name} | ({"format": "json"} if kind == "CourseExport" else {})
            )

    @rule(form=st.sampled_from(("json", "pdf", "scorm")))
    def add_export(self, form: str) -> None:
        if name := self._pick("CourseGeneration"):
            self._asked("CourseGeneration", name)
            self._add_export(name, form)

    def _add_export(self, course: str, form: str) -> None:
        """A format that is there stays: the CRD takes none away."""
        there = self.sim.api.objects[("coursegenerations", "courses", course)]["spec"].get("exports", [])
        more = [] if form in [e["format"] for e in there] else [{"format": form}]
        self.sim.change_spec("CourseGeneration", course, exports=there + more)

    @rule(policy=st.sampled_from(("Fail", "ExportPartial")))
    def change_policy(self, policy: str) -> None:
        if name := self._pick("CourseGeneration"):
            self.sim.change_spec("CourseGeneration", name, failurePolicy=policy)

    @rule(there=st.booleans())
    def provider(self, there: bool) -> None:
        known = self.sim.names("ModelProvider")
        if there and not known:
            self.sim.apply("ModelProvider", "p", PROVIDER)
        elif known and not there:
            self.sim.api.remove("modelproviders", "courses", "p")

    @rule(suspend=st.booleans())
    def suspend(self, suspend: bool) -> None:
        if name := self._pick("CourseGeneration"):
            self.sim.change_spec("CourseGeneration", name, suspend=suspend)

    @rule(kind=st.sampled_from(TASK_KINDS), annotation=st.sampled_from(REQUESTS))
    def request(self, kind: str, annotation: str) -> None:
        if name := self._pick(kind):
            self._asked(kind, name)
            self.sim.annotate(kind, name, annotation, self._name("at"))

    @rule(kind=st.sampled_from(("CourseGeneration", "ChapterGeneration")))
    def regenerate(self, kind: str) -> None:
        if name := self._pick(kind):
            self._asked(kind, name)
            self.sim.change_spec(kind, name, regeneration={"requestId": self._name("wish"), "feedback": "simpler"})

    @rule(kind=st.sampled_from(TASK_KINDS))
    def delete(self, kind: str) -> None:
        if name := self._pick(kind):
            self._asked(kind, name)
            self.sim.api.remove(KINDS[kind].meta.plural, "courses", name)

    def _asked(self, kind: str, name: str) -> None:
        """Whatever belongs together may begin again, once one of it was asked to."""
        self.asked.add(self._family(self.sim.api.objects[(KINDS[kind].meta.plural, "courses", name)]))

    @staticmethod
    def _family(obj: Json) -> str:
        owners = obj["metadata"].get("ownerReferences", ())
        return str(owners[0]["uid"] if owners else obj["metadata"]["uid"])

    @rule(policy=st.sampled_from(("None", "Hold", "HoldAndDrain")))
    def stop_queue(self, policy: str) -> None:
        self.sim.change_spec("GenerationQueue", "chapter-generation", namespace="", stopPolicy=policy)

    # ---- the cluster ---------------------------------------------------------------------------------

    @rule()
    def job_starts(self) -> None:
        if job := self._job():
            self.sim.start(job)

    @rule()
    def job_succeeds(self) -> None:
        if job := self._job():
            self.sim.start(job)
            self.sim.succeed(job, self._result(job))

    def _result(self, job: Json) -> TaskResult:
        """Give what a worker leaves: it may have cost something, and what it measured may be below the bar."""
        result = self.sim.result(job)
        if result.quality and self.chance.random() < 0.5:
            below = [r.index for r in self.sim.task(job).work.source.chapters][:1]
            return result.model_copy(update={"quality": QualitySummary(passed=not below, below_bar=below)})
        return result.model_copy(update={"usage": Usage(prompt_tokens=self.chance.choice((0, 100, 300)))})

    @rule(failure=st.sampled_from(FAILURES))
    def job_fails(self, failure: FailureClass) -> None:
        if job := self._job():
            self.sim.fail(job, failure)

    @rule(how=st.sampled_from(("OOMKilled", "evicted", "lost", "silent")))
    def pod_ends(self, how: str) -> None:
        if job := self._job():
            if how == "lost":
                self.sim.lose_pod(job)
            elif how == "evicted":
                self.sim.end_pod(job, 143, conditions=[{"type": "DisruptionTarget", "status": "True"}])
            else:
                self.sim.end_pod(job, 137, how)

    @rule()
    def quota_refuses_a_pod(self) -> None:
        if (job := self._job()) and job["metadata"]["name"] not in self.sim.api.pods:
            said = 'FailedCreate: pods "x" is forbidden: exceeded quota: small'
            self.sim.api.warnings[job["metadata"]["name"]] = said

    @rule(refuses=st.booleans())
    def quota_of_jobs(self, refuses: bool) -> None:
        self.sim.api.refusals = {"jobs": '"x" is forbidden: exceeded quota: small'} if refuses else {}

    @rule(percentage=st.integers(0, 100))
    def worker_reports(self, percentage: int) -> None:
        if (job := self._job()) and self.sim.task(job).uid in self.sim.snapshot.by_uid:
            self.sim.report(job, percentage)

    @rule()
    @precondition(lambda self: not self.sim.watch_is_broken and not self.loss)
    def job_deleted_by_hand(self) -> None:
        self.sim.settle()
        running = [j for j in self.sim.jobs() if j["status"].get("ready")]
        if running:
            job = self.chance.choice(running)
            self.sim.api.remove("jobs", "courses", job["metadata"]["name"])

    # ---- the operator and its clock ---------------------------------------------------------------------

    @rule(seconds=st.sampled_from((0.1, 1.0, 6.0, 70.0, 400.0)))
    def time_passes(self, seconds: float) -> None:
        self.sim.run(seconds)

    @rule(seconds=st.sampled_from((-90.0, -5.0, 5.0, 90.0)))
    def clock_steps(self, seconds: float) -> None:
        self.sim.time += seconds

    @rule()
    def operator_restarts(self) -> None:
        self.sim.watch_is_broken = False
        self.sim.restart()

    @rule()
    def watch_breaks(self) -> None:
        self.sim.watch_is_broken = True

    @rule()
    def watch_heals(self) -> None:
        self.sim.watch_is_broken = False
        self.sim.resync()

    @rule(loss=st.sampled_from((0.0, 0.0, 0.3)))
    def answers_are_lost(self, loss: float) -> None:
        self.loss = loss

    # ---- what always holds --------------------------------------------------------------------------------

    @invariant()
    def one_job_for_each_object_revision_and_attempt(self) -> None:
        assert set(self.sim.api.jobs_created.values()) <= {1}

    @invariant()
    def active_work_stays_under_every_limit(self) -> None:
        active = self.sim.jobs()
        chapters = [j for j in active if j["metadata"]["labels"]["coursegen.dev/queue"] == "chapter-generation"]
        assert len(active) <= MAX_JOBS
        assert len(chapters) <= CAPACITY

    @invariant()
    def a_provider_has_one_probe_at_a_time(self) -> None:
        tries = [o.get("status", {}).get("attempts", ())[-1:] for o in self._objects()]
        probes = [a for last in tries for a in last if a.get("probe") and not a.get("completionTime")]
        assert len(probes) <= 1

    @invariant()
    def what_failed_while_its_provider_was_cut_off_costs_nothing(self) -> None:
        for obj in self._objects():
            for attempt in obj.get("status", {}).get("attempts", ()):
                if attempt.get("probe") and attempt.get("failureClass") in ("ProviderUnavailable", "RateLimited"):
                    assert attempt["counted"] is False

    @invariant()
    def retries_that_count_are_at_most_three(self) -> None:
        for obj in self._objects():
            assert obj.get("status", {}).get("retryCount", 0) <= (3 if obj.get("kind") != "CourseGeneration" else 100)

    @invariant()
    def progress_never_falls_within_an_attempt(self) -> None:
        for obj in self._objects():
            status = obj.get("status", {})
            if not status.get("attempts"):
                continue
            identity = (obj["metadata"]["uid"], status["revision"], status["attempts"][-1]["number"])
            assert status["progressPercentage"] >= self.progress.get(identity, 0)
            self.progress[identity] = status["progressPercentage"]

    @invariant()
    def what_is_finished_stays_finished_unless_asked(self) -> None:
        for obj in self._objects():
            uid = obj["metadata"]["uid"]
            if self._family(obj) in self.asked:
                continue
            if uid in self.finished:
                assert self._is_over(obj), f"{obj['metadata']['name']} was finished and goes on unasked"
            elif self._is_over(obj):
                self.finished.add(uid)

    def teardown(self) -> None:
        if not hasattr(self, "sim"):
            return
        self._every_history_ends()
        self._what_was_delivered_is_delivered_in_one_more_format()
        self._what_was_delivered_stays_so_though_a_chapter_is_made_anew()
        self._what_ended_badly_ends_well_by_a_retry()
        self._planning_twice_plans_nothing_new()

    def _every_history_ends(self) -> None:
        self.loss, self.sim.watch_is_broken = 0.0, False
        self.sim.api.refusals = {}
        self.stop_queue("None")
        for name in self.sim.names("CourseGeneration"):
            self.sim.change_spec("CourseGeneration", name, suspend=False)
            if self.chance.random() < 0.3:
                self._asked("CourseGeneration", name)
                self.sim.annotate("CourseGeneration", name, ANNOTATION_STOP, "enough")
        self.provider(there=True)
        self.sim.change_spec("ModelProvider", "p", budget=BUDGET | {"tokens": 10**9})
        self.sim.resync()
        self._all_goes_well()
        self._every_course_that_is_over_counts_its_chapters_as_they_are()

    def _all_goes_well(self) -> None:
        for _ in range(200):
            self.sim.run(300)
            for job in self.sim.jobs():
                self.sim.start(job)
                self.sim.succeed(job)
            if all(self._is_over(o) or self._waits_for_more(o) for o in self._objects()):
                break
        self.sim.run(10)
        going_on = [o for o in self._objects() if not self._is_over(o) and not self._waits_for_more(o)]
        assert not {o["metadata"]["name"]: o.get("status") for o in going_on}

    def _waits_for_more(self, obj: Json) -> bool:
        """Tell whether an object is about one that is gone, or has nothing: it waits for as long as that is so."""
        if obj["metadata"].get("ownerReferences"):
            return False
        named = [(NAMES[field], obj["spec"][field]) for field in NAMES if obj["spec"].get(field)]
        phases = [self.sim.status(kind, n)["phase"] for kind, n in named if n in self.sim.names(kind)]
        return bool(named) and phases != ["Succeeded"]

    def _what_was_delivered_is_delivered_in_one_more_format(self) -> None:
        delivered = [n for n in self.sim.names("CourseGeneration") if self._course(n)["phase"] == "Succeeded"]
        before = {n: (self._course(n).get("missingChapters"), self._written(n)) for n in delivered}
        for name in delivered:
            self._add_export(name, "epub")
        self._all_goes_well()
        for name in delivered:
            missing, written = before[name]
            assert (self._course(name)["phase"], self._course(name).get("missingChapters")) == ("Succeeded", missing), (
                name
            )
            assert self._course(name)["exports"][-1]["format"] == "epub", name
            assert written.items() <= self._written(name).items(), name  # more where one was deleted by hand

    def _what_was_delivered_stays_so_though_a_chapter_is_made_anew(self) -> None:
        delivered = [n for n in self.sim.names("CourseGeneration") if self._course(n)["phase"] == "Succeeded"]
        before = {n: self._course(n).get("missingChapters") for n in delivered}
        chosen = [self.chance.choice(list(self._written(n))) for n in delivered if self._written(n)]
        for chapter in chosen:
            self.sim.change_spec(
                "ChapterGeneration", chapter, regeneration={"requestId": self._name("wish"), "feedback": "simpler"}
            )
        self.sim.run(1)
        for chapter in chosen:
            if self.chance.random() < 0.5:
                self.sim.annotate("ChapterGeneration", chapter, ANNOTATION_CANCEL, self._name("at"))
        self._all_goes_well()
        for name in delivered:
            assert self._course(name)["phase"] == "Succeeded", name
            assert set(self._course(name).get("missingChapters", [])) <= set(before[name] or []), name

    def _what_ended_badly_ends_well_by_a_retry(self) -> None:
        bad = [o for o in self._objects() if o["kind"] in ("CourseGeneration", "ChapterGeneration")]
        bad = [o for o in bad if not o["metadata"].get("ownerReferences")]
        bad = [o for o in bad if o["status"]["phase"] != "Succeeded" or o["status"].get("missingChapters")]
        for obj in bad:
            self._asked(obj["kind"], obj["metadata"]["name"])
            self.sim.annotate(obj["kind"], obj["metadata"]["name"], ANNOTATION_RETRY, "once more")
        self._all_goes_well()
        for obj in bad:
            status = self.sim.status(obj["kind"], obj["metadata"]["name"])
            assert (status["phase"], status.get("missingChapters", [])) == ("Succeeded", []), obj["metadata"]["name"]

    def _course(self, name: str) -> Json:
        return self.sim.status("CourseGeneration", name)

    def _written(self, name: str) -> dict[str, str]:
        """Give the Job that each chapter of a course had last."""
        uid = self.sim.api.objects[(KINDS["CourseGeneration"].meta.plural, "courses", name)]["metadata"]["uid"]
        mine = [o for o in self._objects() if o["kind"] == "ChapterGeneration" and self._family(o) == uid]
        return {o["metadata"]["name"]: o["status"]["attempts"][-1]["jobName"] for o in mine if o["status"]["attempts"]}

    def _every_course_that_is_over_counts_its_chapters_as_they_are(self) -> None:
        for course in (o for o in self._objects() if o["kind"] == "CourseGeneration" and self._is_over(o)):
            told, phase = course["status"].get("chapters", {}), course["status"]["phase"]
            mine = [o for o in self._objects() if o["kind"] == "ChapterGeneration"]
            mine = [o for o in mine if self._family(o) == course["metadata"]["uid"]]
            assert told.get("running", 0) == 0
            if told and phase != "Succeeded":
                succeeded = sum(o["status"]["phase"] == "Succeeded" for o in mine)
                assert told["succeeded"] >= succeeded  # more where a round that failed left the version before
                assert sum(told[k] for k in ("succeeded", "running", "held", "failed")) == told["total"]

    @staticmethod
    def _is_over(obj: Json) -> bool:
        return any(
            c["type"] == "Finished" and c["status"] == "True" for c in obj.get("status", {}).get("conditions", ())
        )

    def _planning_twice_plans_nothing_new(self) -> None:
        self.sim.run(600)
        before = self.sim.api.writes.copy()
        self.sim.resync()
        self.sim.run(600)
        self.sim.restart()
        self.sim.run(600)
        assert self.sim.api.writes == before
        assert self.sim.jobs(active=False) == []
        assert self.sim.snapshot.load.jobs == 0


TestHistories = Histories.TestCase
TestHistories.settings = settings(suppress_health_check=list(HealthCheck))
