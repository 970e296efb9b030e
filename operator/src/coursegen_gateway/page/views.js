// What the page shows: each view reads what it needs, and draws it.

import { get } from "./api.js";
import {
  address, ago, bytes, chart, due, elapsed, facts, html, meter, nothing, span, state, table, taskLink, titled, upcoming,
} from "./parts.js";

const PAGE = 50;
export const LIVE = ["Pending", "Held", "Running", "Suspended"];
const TABS = [["", "All"], ["running", "Running"], ["waiting", "Waiting"], ["succeeded", "Succeeded"], ["failed", "Failed"]];
const TAB_QUERIES = {
  running: "state:running",
  waiting: "(state:held OR state:pending OR state:suspended)",
  succeeded: "state:succeeded",
  failed: "(state:failed OR state:cancelled)",
};
export const VIEWS = [
  ["courses", "Courses"], ["chapters", "Chapters"], ["history", "All tasks"], ["queues", "Queues"],
  ["workers", "Workers"], ["graphs", "Graphs"],
];

// ---- reading ------------------------------------------------------------------------------------------

/** The requests of a view; what one may not see is left out rather than failing the whole page. */
export async function read(query) {
  const task = query.get("task");
  if (task) {
    const path = `api/v1/tasks/${encodeURIComponent(task)}`, shown = await get(path);
    const [position, course] = await Promise.all([
      LIVE.includes(shown.phase) && shown.hold_reason ? get(`${path}/position`).catch(() => null) : null,
      shown.kind === "course" ? get(`api/v1/courses/${encodeURIComponent(shown.course_id)}?${
        new URLSearchParams({ task_id: task })}`) : null,
    ]);
    return { task: shown, position, course };
  }
  switch (view(query)) {
    case "queues": return { page: await get("api/v1/queues") };
    case "workers": return { page: await get(`api/v1/workers?${params(query, ["namespace", "offset"])}`) };
    case "graphs": return { graphs: await get(`api/v1/graphs?${params(query, ["range"])}`) };
    default: return list(query);
  }
}

async function list(query) {
  const kind = { courses: "courses", chapters: "chapters", history: "tasks" }[view(query)];
  const asked = params(query, ["namespace", "sort", "offset"]);
  asked.set("q", [TAB_QUERIES[query.get("state")], query.get("q") && `(${query.get("q")})`].filter(Boolean).join(" "));
  asked.set("limit", PAGE);
  const [page, health] = await Promise.all([get(`api/v1/${kind}?${asked}`), get("health/tasks").catch(() => null)]);
  return { page, health };
}

export const view = (query) => query.get("view") ?? "courses";

function params(query, names) {
  const kept = new URLSearchParams();
  for (const name of names) if (query.get(name)) kept.set(name, query.get(name));
  return kept;
}

// ---- drawing ------------------------------------------------------------------------------------------

export function draw(query, data, act) {
  if (data.task) return task(data, act);
  switch (view(query)) {
    case "queues": return queues(data.page.items, act);
    case "workers": return workers(query, data.page);
    case "graphs": return graphs(query, data.graphs);
    default: return tasks(query, data, act);
  }
}

const TITLE = { name: "Title", kind: "title", cell: (t) => html`${taskLink(t)}<small>${t.namespace} / ${t.name}</small>` };
const STATE = { name: "State", kind: "bare", cell: (t) => html`${state(t.phase)}${why(t)}` };
const PROGRESS = { name: "Progress", kind: "progress", cell: meter };
const RETRIES = { name: "Retries", kind: "num", cell: (t) => t.retry_count || "" };
const TOOK = { name: "Took", kind: "num", cell: (t) => span(t.runtime_seconds) };
const CREATED = { name: "Created", cell: (t) => ago(t.created_time) };

const why = (t) => LIVE.includes(t.phase) && t.hold_reason && t.hold_reason !== t.phase
  ? html`<small>${t.hold_reason}${t.next_retry_time ? html`, again ${upcoming(t.next_retry_time)}` : waits(t.queued_time)}</small>`
  : t.phase === "Failed" && t.error_details ? html`<small>${t.error_details.failure_class}</small>`
  : t.phase === "Running" && t.stage ? html`<small>${t.stage}</small>` : nothing;

const waits = (since) => since ? html` for ${elapsed(since)}` : nothing;

const COLUMNS = {
  courses: [TITLE, STATE, PROGRESS,
    { name: "Chapters", kind: "num", cell: (t) => t.chapters ? `${t.chapters.succeeded} / ${t.chapters.total}` : "" },
    { name: "Finished", cell: (t) => t.completion_time ? ago(t.completion_time)
      : html`<span class="soft">${due(t)}</span>` }, CREATED],
  chapters: [TITLE, STATE, PROGRESS, { name: "Course", cell: courseOf }, RETRIES, TOOK, CREATED],
  history: [TITLE, { name: "Kind", cell: (t) => t.kind }, STATE, PROGRESS, { name: "Queue", cell: (t) => t.queue_name },
    RETRIES, TOOK, CREATED],
};

function courseOf(t) {
  return t.course_task_id ? html`<a href=${address({ task: t.course_task_id }, "")}>${t.course_id}</a>` : "";
}

function tasks(query, { page, health }, act) {
  const kind = view(query), tab = query.get("state") ?? "";
  return html`
    <div class="head"><h1>${VIEWS.find(([v]) => v === kind)[1]}</h1></div>
    ${health ? tiles(health) : nothing}
    <div class="filters">
      <div class="tabs" role="group" aria-label="State">${TABS.map(([value, name]) => html`
        <a href=${address({ state: value, offset: "" })} aria-current=${tab === value ? "true" : nothing}>${name}</a>`)}
      </div>
      <form @submit=${act.search} role="search">
        <input name="q" type="search" aria-label="Search" .value=${query.get("q") ?? ""} autocomplete="off"
          placeholder="Search: title, name, id, or course:course-123 -error:timeout" title="Fields: name, id, kind, state, namespace, course, chapter, title, queue, stage, hold, error, format, retries, worker, args, kwargs, result">
      </form>
    </div>
    <div class="card">
      ${table(`${VIEWS.find(([v]) => v === kind)[1]}, newest first`, COLUMNS[kind], page.items, empty(query, page))}
      ${pager(query, page)}
    </div>`;
}

const empty = (query, page) => page.total ? "Nothing is left so far back."
  : query.get("q") || query.get("state") ? "Nothing matches these filters."
  : "Nothing that you may see is here yet. kubectl apply -f examples/python-programming.yaml begins a course.";

const HEALTH = { healthy: "Healthy", degraded: "Degraded", unhealthy: "Unhealthy" };

function tiles(health) {
  const rate = health.success_rate_percent;
  return html`
    <dl class="card tiles">
      <div><dt>System</dt><dd>${state(health.status, HEALTH[health.status])}</dd></div>
      <div><dt>Jobs running</dt><dd>${health.active}</dd></div>
      <div><dt>Waiting for a slot</dt><dd>${health.pending}</dd></div>
      <div><dt>Succeeded, last hour</dt><dd>${rate == null ? "–" : `${rate} %`}
        <small>of at least ${health.success_rate_target_percent} %</small></dd></div>
    </dl>
    ${health.problems.map((p) => html`<p class="note ${health.status}"><span>${p}</span></p>`)}`;
}

function pager(query, page) {
  if (!page.total) return nothing;
  const end = page.offset + page.items.length, last = Math.floor((page.total - 1) / page.limit) * page.limit;
  const shown = page.items.length ? `${page.offset + 1}–${end} of ${page.total}` : `None of ${page.total}`;
  const step = (offset, name, there) => there ? html`<a href=${address({ offset: String(offset || "") })}>${name}</a>` : nothing;
  return html`<div class="foot"><span>${shown}</span><span class="row">
    ${step(Math.max(0, Math.min(last, page.offset - page.limit)), "Newer", page.offset > 0)}
    ${step(page.offset + page.limit, "Older", end < page.total)}</span></div>`;
}

// ---- one task -----------------------------------------------------------------------------------------

function task({ task: t, course, position }, act) {
  const live = LIVE.includes(t.phase);
  return html`
    <div class="head">
      <div>
        <p class="crumb soft">${t.kind}${t.course_task_id && t.kind !== "course" ? html` of ${courseOf(t)}` : nothing}
          · ${t.namespace} / ${t.name}</p>
        <h1>${titled(t.title)}</h1>
      </div>
      <div class="row">${buttons(t, live, act)}</div>
    </div>
    <section class="card pad" aria-label="State">
      <div class="row">${state(t.phase)}${t.stage && live ? html`<span class="soft">${t.stage}</span>` : nothing}</div>
      ${meter(t)}
      ${live && t.hold_reason ? html`<p class="note Held"><span><strong>${t.hold_reason}.</strong> ${t.hold_message}</span></p>` : nothing}
      ${t.error_details ? html`<p class="note ${t.phase === "Failed" ? "Failed" : "Held"}"><span>
        <strong>${t.error_details.failure_class}</strong>, attempt ${t.error_details.attempt},
        ${ago(t.error_details.time)}: ${t.error_details.message}</span></p>` : nothing}
      ${facts([
        ...(live && t.hold_reason ? turn(position) : []),
        ["Created", ago(t.created_time)], ["Started", ago(t.start_time)], ["Ended", ago(t.completion_time)],
        ["Should be finished", live ? due(t) : ""], ["Last attempt took", span(t.runtime_seconds)],
        ["Next retry", ago(t.next_retry_time)], ["Queue", t.queue_name], ["Retries", t.retry_count || ""],
        ["Revision", t.revision || ""], ["Chapters", t.chapters && `${t.chapters.succeeded} of ${t.chapters.total} written`],
        ["Delivered without chapters", t.missing_chapters?.join(", ")],
        ["Result", t.artifact && `${t.artifact.media_type}, ${bytes(t.artifact.bytes)}`],
        ["Tokens", t.usage && t.usage.prompt_tokens + t.usage.completion_tokens || ""],
        ["Cost", t.usage?.cost_micro_usd ? `${(t.usage.cost_micro_usd / 1e6).toFixed(2)} USD` : ""],
        ["Id", html`<code>${t.task_id}</code>`, "long"],
      ])}
    </section>
    ${course ? parts(course, act) : nothing}
    ${t.kind === "course" ? nothing : attempts(t)}
    ${t.kind === "course" ? nothing : log(t, act)}`;
}

/** Where it stands among what waits: nothing for what waits for something else than a slot, or is not known. */
function turn(position) {
  if (!position?.waiting) return [];
  const { ahead, ahead_is_at_least: more, wait_seconds: seconds } = position;
  const others = ahead ? `${more ? "at least " : ""}${ahead} other${ahead === 1 ? "" : "s"}` : "nothing: it is next";
  const about = seconds == null ? "" : `in about ${span(Math.max(5, Math.round(seconds / 5) * 5))}`;
  return [["Goes after", others], ["Its turn comes", about]];
}

function buttons(t, live, act) {
  const again = ["Failed", "Cancelled"].includes(t.phase) || (t.phase === "Succeeded" && t.missing_chapters?.length);
  return html`
    ${t.artifact && act.canDownload ? html`<button class="first" @click=${() => act.download(t)}>Download</button>` : nothing}
    ${act.readOnly ? nothing : html`
      ${again ? html`<button class="first" @click=${() => act.steer(t, "retry")}>Retry</button>` : nothing}
      ${["course", "chapter"].includes(t.kind) ? html`<button @click=${() => act.regenerate(t)}>Regenerate…</button>` : nothing}
      ${live ? html`<button @click=${() => act.steer(t, t.suspended ? "resume" : "suspend")}>
        ${t.suspended ? "Resume" : "Suspend"}</button>` : nothing}
      ${live ? html`<button class="bad" @click=${() => act.confirm(t, "cancel")}>Cancel…</button>` : nothing}
      ${live ? nothing : html`<button class="bad" @click=${() => act.confirm(t, "delete")}>Delete…</button>`}`}`;
}

function parts(course, act) {
  const rest = [...course.validation_tasks, ...course.export_tasks];
  const file = { name: "File", kind: "bare", cell: (t) => t.artifact && act.canDownload
    ? html`<button @click=${() => act.download(t)} aria-label="Download ${t.title}">${bytes(t.artifact.bytes)} ↓</button>` : "" };
  return html`
    <section class="card"><h2>Chapters</h2>${table("Chapters in order", [
      { name: "#", kind: "num index", cell: (t) => t.index },
      { ...TITLE, cell: (t) => taskLink(t) }, STATE, PROGRESS, RETRIES, TOOK,
    ], course.chapter_tasks, "The outline decides how many there will be.")}</section>
    ${rest.length ? html`<section class="card"><h2>Quality and exports</h2>${table("Validation and exports", [
      { ...TITLE, cell: (t) => taskLink(t) }, STATE, PROGRESS, TOOK, file], rest, "")}</section>` : nothing}`;
}

function attempts(t) {
  const outcome = (a) => !a.outcome ? state("Running")
    : state({ Succeeded: "Succeeded", Failed: "Failed" }[a.outcome] ?? "Cancelled", a.failure_class ?? a.outcome);
  const took = (a) => a.completion_time ? span((Date.parse(a.completion_time) - Date.parse(a.admission_time)) / 1000) : "";
  return html`<section class="card"><h2>Attempts</h2>${table("Attempts of this revision", [
    { name: "#", kind: "num index", cell: (a) => a.number }, { name: "Outcome", kind: "bare", cell: outcome },
    { name: "Job", cell: (a) => html`<code>${a.job_name}</code>${a.message ? html`<small>${a.message}</small>` : nothing}` },
    { name: "Begun", cell: (a) => ago(a.start_time ?? a.admission_time) }, { name: "Took", kind: "num", cell: took },
  ], [...t.attempts].reverse(), "None yet: it waits for its turn.")}</section>`;
}

function log(t, act) {
  const shown = act.log?.task_id === t.task_id ? act.log : null;
  return html`<section class="card">
    <div class="bar"><h2>Log</h2><button @click=${() => act.readLog(t)}>${shown ? "Read again" : "Read the last lines"}</button></div>
    ${shown ? html`<pre tabindex="0" role="region" aria-label="Log of the last attempt">${shown.text}</pre>` : nothing}</section>`;
}

// ---- queues, workers, graphs --------------------------------------------------------------------------

const CIRCUIT = { Open: "Circuit open", HalfOpen: "Circuit on trial" };

function queues(items, act) {
  const stopped = (q) => q.stop_policy !== "None";
  const hour = (name, show) => (q) => q.last_hour?.[name] == null ? "–" : show(q.last_hour[name]);
  const circuit = (q) => q.circuit === "Closed" ? nothing : html`<small>${state(q.circuit, CIRCUIT[q.circuit])}</small>`;
  return html`
    <div class="head"><h1>Queues</h1></div>
    <div class="card dense">${table("Queues, most urgent first", [
      { name: "Queue", kind: "title", cell: (q) => html`<a href=${address({ view: "history", q: `queue:${q.name}` }, "")}>${q.name}</a>
        <small>Priority ${q.priority}</small>` },
      { name: "In use", kind: "progress", cell: (q) => html`<div class="meter"><progress class="Running" max=${q.capacity || 1}
        value=${q.active} aria-label="Slots of ${q.name} in use"></progress><span class="num">${q.active} / ${q.capacity}</span></div>` },
      { name: "Waiting", kind: "num", cell: (q) => q.pending },
      { name: "Oldest", kind: "num", cell: (q) => q.oldest_pending_time ? elapsed(q.oldest_pending_time) : "" },
      { name: "Succeeded", kind: "num", cell: hour("succeeded", String) },
      { name: "Failed", kind: "num", cell: hour("failed", String) },
      { name: "Retried", kind: "num", cell: hour("retried", String) },
      { name: "Success", kind: "num", cell: hour("success_rate_percent", (rate) => `${rate} %`) },
      { name: "Wait p95", kind: "num", cell: hour("wait_p95_seconds", span) },
      { name: "Run p95", kind: "num", cell: hour("run_p95_seconds", span) },
      { name: "State", kind: "bare", cell: (q) => html`${stopped(q) ? state(q.stop_policy, "Stopped") : state("live", "Working")}${circuit(q)}` },
      ...(act.readOnly ? [] : [{ name: "", kind: "bare", cell: (q) => html`
        <button @click=${() => act.queue(q, stopped(q) ? "None" : "Hold")}>${stopped(q) ? "Let go on" : "Stop"}</button>` }]),
    ], items, "There is no queue: nothing can run.")}
    ${items.length ? html`<p class="foot">Succeeded to Run p95: of the last hour, from what exists and what the operator
      saw end. “–”: nothing was measured, or it is not known any more.</p>` : nothing}</div>`;
}

function workers(query, page) {
  return html`
    <div class="head"><h1>Workers</h1></div>
    <div class="card">${table("Worker Pods, newest first", [
      { name: "Task", kind: "title", cell: (w) => w.task_id
        ? html`<a href=${address({ task: w.task_id }, "")}>${titled(w.title ?? w.name)}</a><small>${w.namespace} / ${w.name}</small>` : w.name },
      { name: "Kind", cell: (w) => w.component }, { name: "State", kind: "bare", cell: (w) => state(w.phase) },
      { name: "Node", cell: (w) => w.node ?? "" }, { name: "Queue", cell: (w) => w.queue },
      { name: "Attempt", kind: "num", cell: (w) => w.attempt }, { name: "Started", cell: (w) => ago(w.start_time) },
    ], page.items, "No worker that you may see runs now, or has ended in the last minutes.")}${pager(query, page)}</div>`;
}

function graphs(query, found) {
  const range = query.get("range") ?? "1h";
  return html`
    <div class="head"><h1>Graphs</h1>
      <div class="tabs" role="group" aria-label="Time">${["1h", "6h", "1d", "7d"].map((r) => html`
        <a href=${address({ range: r })} aria-current=${r === range ? "true" : nothing}>${r}</a>`)}</div></div>
    ${found.available
      ? html`<div class="graphs">${found.graphs.map((g) => html`<section class="card pad">
          <h2>${g.title} <span class="soft">(${g.unit})</span></h2>${chart(g)}</section>`)}</div>`
      : html`<p class="card empty">${found.reason}</p>`}`;
}
