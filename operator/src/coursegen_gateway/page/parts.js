// The small parts that views are made of.

import { html, nothing, svg } from "./vendor/lit-html.js";

export { html, nothing };

const SECOND = 1000;
const UNITS = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];

/** Seconds as people say them: 95 is "1 min 35 s". */
export function span(seconds, most = 2) {
  if (seconds == null) return "";
  if (seconds < 10) return `${Math.round(seconds * 10) / 10} s`;
  const parts = [];
  let rest = Math.round(seconds);
  for (const [name, size] of UNITS) {
    if (rest >= size && parts.length < most) parts.push(`${Math.floor(rest / size)} ${name}`);
    rest %= size;
  }
  return parts.join(" ");
}

export function ago(stamp) {
  if (!stamp) return "";
  const seconds = (Date.now() - Date.parse(stamp)) / SECOND;
  const whole = Math.round(Math.abs(seconds));
  const text = whole < 2 ? "now" : seconds < 0 ? `in ${span(whole)}` : `${span(whole, 1)} ago`;
  return html`<time datetime=${stamp} title=${new Date(stamp).toLocaleString()}>${text}</time>`;
}

const SOON = 2;

/** When something comes that is due at a time; the operator may be a moment behind it. */
export const upcoming = (stamp) => (Date.parse(stamp) - Date.now()) / SECOND < SOON ? html`<time datetime=${stamp}>any moment</time>` : ago(stamp);

/** How long something has lasted. */
export const elapsed = (since) => html`<time datetime=${since} title=${new Date(since).toLocaleString()}>${
  span(Math.max(1, Math.round((Date.now() - Date.parse(since)) / SECOND)), 1)}</time>`;

/** Seconds that are a guess: no finer than they are worth. */
export function about(seconds) {
  const [, step] = [[60, 5], [120, 10], [600, 30], [3600, 60], [Infinity, 300]].find(([until]) => seconds < until);
  return span(Math.max(step, Math.round(seconds / step) * step));
}

/** When a course should be finished, as sure as that is; an estimate that has passed is no time to show. */
export function due({ estimated_completion_time: stamp, estimate_certainty: certainty }) {
  if (!stamp) return certainty === "Unknown" ? "not known yet" : "";
  const left = (Date.parse(stamp) - Date.now()) / SECOND;
  if (left <= 0) return "any moment";
  const [rough, why] = certainty === "High" ? ["", ""]
    : [", roughly", ": something waits, or little was measured so far"];
  const title = `${new Date(stamp).toLocaleString()}${why}`;
  return html`<time datetime=${stamp} title=${title}>in about ${about(left)}${rough}</time>`;
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  return count < 1_000_000 ? `${Math.round(count / 1000)} kB` : `${(count / 1_000_000).toFixed(1)} MB`;
}

export const state = (word, text = word) => html`<span class="state ${word}">${text}</span>`;

export const meter = (task) => html`
  <div class="meter">
    <progress class=${task.phase} max="100" value=${task.progress_percentage}
      aria-label="Progress of ${task.title}"></progress>
    <span class="num">${task.progress_percentage} %</span>
  </div>`;

/** A table; on a phone each row becomes a card, with the columns' names before their values. */
export function table(caption, columns, rows, empty) {
  if (!rows.length) return html`<p class="empty">${empty}</p>`;
  return html`
    <div class="scroll"><table>
      <caption class="hidden">${caption}</caption>
      <thead><tr>${columns.map((c) => html`<th scope="col" class=${c.kind ?? ""}>${c.name}</th>`)}</tr></thead>
      <tbody>${rows.map((row) => html`
        <tr>${columns.map((c) => html`<td class=${c.kind ?? ""} data-label=${c.name}>${c.cell(row) ?? nothing}</td>`)}</tr>`)}
      </tbody>
    </table></div>`;
}

export const facts = (pairs) => html`
  <dl class="facts">${pairs
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(([name, value, size]) => html`<div class=${size ?? ""}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;

/** An address of this page with some parts of the query changed. */
export function address(changes, from = location.search) {
  const query = new URLSearchParams(from);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  return text ? `?${text}` : "?";
}

/** A title in its own direction, whatever is around it. */
export const titled = (text) => html`<bdi>${text}</bdi>`;

export const taskLink = (task) => html`<a href=${address({ task: task.task_id }, "")}>${titled(task.title)}</a>`;

// ---- charts -------------------------------------------------------------------------------------------

const WIDTH = 480, HEIGHT = 170, LEFT = 44, BOTTOM = 22, TOP = 10;

/** The graph's lines over their range, with the last values in words beside them. */
export function chart(graph) {
  const points = graph.series.flatMap((s) => s.points).filter(([, v]) => v !== null);
  if (!points.length) return html`<p class="empty">Nothing was measured in this time.</p>`;
  const [from, to] = [Math.min(...points.map((p) => p[0])), Math.max(...points.map((p) => p[0]))];
  const most = graph.unit === "%" ? 100 : nice(Math.max(...points.map((p) => p[1])));
  const x = (at) => LEFT + ((at - from) / Math.max(1, to - from)) * (WIDTH - LEFT - 6);
  const y = (value) => TOP + (1 - value / most) * (HEIGHT - TOP - BOTTOM);
  const time = { hour: "2-digit", minute: "2-digit", ...(to - from > 86_400 ? { day: "numeric", month: "short" } : {}) };
  const clock = (at) => new Date(at * SECOND).toLocaleString([], time);
  const shown = graph.series.slice(0, 6);
  return html`
    <svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${graph.title}, ${graph.unit}: ${lasts(shown)}">
      ${[0, 0.5, 1].map((share) => svg`
        <line class="grid" x1=${LEFT} x2=${WIDTH - 6} y1=${y(most * share)} y2=${y(most * share)}></line>
        <text x=${LEFT - 8} y=${y(most * share) + 4} text-anchor="end">${round(most * share)}</text>`)}
      <text x=${LEFT} y=${HEIGHT - 4}>${clock(from)}</text>
      <text x=${WIDTH - 6} y=${HEIGHT - 4} text-anchor="end">${clock(to)}</text>
      ${shown.map((s, i) => svg`<path class="c${i}" d=${line(s.points, x, y)}></path>`)}
    </svg>
    <ul class="legend">${shown.map((s, i) => html`<li class="c${i}">${s.name}
      <span class="soft">${last(s)} ${graph.unit}</span></li>`)}
      ${graph.series.length > shown.length ? html`<li class="more soft">and ${graph.series.length - shown.length} more</li>` : nothing}</ul>`;
}

const round = (value) => (value >= 10 ? Math.round(value) : Math.round(value * 100) / 100);
const last = (series) => round(series.points.findLast(([, v]) => v !== null)?.[1] ?? 0);
const lasts = (series) => series.map((s) => `${s.name} ${last(s)}`).join(", ");

function nice(most) {
  if (most <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].find((n) => n * size >= most) * size;
}

function line(points, x, y) {
  let path = "", open = false;
  for (const [at, value] of points) {
    // "h0" makes a dot of a point that stands alone: it would not be seen.
    if (value !== null) path += `${open ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}${open ? "" : "h0"}`;
    open = value !== null;
  }
  return path;
}
