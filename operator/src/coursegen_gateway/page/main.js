// The page: the address says what is shown, the socket says when it has changed.

import { call, download, Feed, get, Refused, signIn, signOut, token } from "./api.js";
import { html, nothing, titled } from "./parts.js";
import { render } from "./vendor/lit-html.js";
import { draw, read, view, VIEWS } from "./views.js";

const REFRESH_MS = 1500, GRAPHS_MS = 30_000;
const THEMES = ["light dark", "light", "dark"];
const root = document.getElementById("app");
const page = { who: null, data: null, trouble: "", live: false, feed: null, log: null, dialog: null, due: 0, asked: 0 };

const query = () => new URLSearchParams(location.search);

// ---- showing ------------------------------------------------------------------------------------------

function show() {
  const shown = query(), here = shown.get("task") ? "" : view(shown);
  document.title = `${page.data?.task?.title ?? VIEWS.find(([v]) => v === here)?.[1] ?? "Task"} – Coursegen`;
  render(html`
    <header class="top"><div class="wide">
      <a class="brand" href="?"><img src="page/icon.svg" alt="">Coursegen</a>
      <nav aria-label="Views">${page.who ? VIEWS.map(([name, title]) => html`
        <a href="?view=${name}" aria-current=${name === here ? "page" : nothing}>${title}</a>`) : nothing}</nav>
      <div class="end">
        ${page.who ? html`<span class="state ${page.live ? "live" : "late"}">${page.live ? "Live" : "Not live"}</span>
          <span class="who">${page.who.user.replace("system:serviceaccount:", "")}</span>` : nothing}
        <button class="plain" @click=${theme}>Theme</button>
        ${page.who && token() ? html`<button class="plain" @click=${() => leave()}>Sign out</button>` : nothing}
      </div>
    </div></header>
    <main id="content" class="wide" tabindex="-1">
      ${page.trouble ? html`<p class="card pad note Failed" role="alert"><span>${page.trouble}</span></p>` : nothing}
      ${page.who ? (page.data ? draw(shown, page.data, actions) : page.trouble ? nothing : html`<p class="empty">Reading…</p>`) : login()}
    </main>
    ${page.dialog ? dialog(page.dialog) : nothing}`, root);
  if (page.dialog && !page.dialog.shown) {  // one that was just closed, and has still to say so, is not opened again
    page.dialog.shown = true;
    root.querySelector("dialog").showModal();
  }
}

const login = () => html`
  <form class="card login" @submit=${enter}>
    <h1>Sign in</h1>
    <p class="soft">With a token of the cluster. It stays in this tab, and Kubernetes decides what you see.</p>
    <label>Token <input name="token" type="password" autocomplete="off" required autofocus></label>
    <button class="first">Sign in</button>
    <p class="soft">Get one: <code>kubectl -n courses create token YOUR-NAME</code></p>
  </form>`;

function dialog(d) {
  const close = ({ target }) => target.closest("dialog").close();  // the browser gives the focus back
  const closed = ({ target }) => {
    if (page.dialog !== d || target.open) return;  // another was opened since
    page.dialog = null;
    show();
  };
  const submit = async (event) => {
    event.preventDefault();
    if (d.asks) return;
    Object.assign(d, { asks: true, trouble: "" });
    show();
    d.trouble = await d.run(Object.fromEntries(new FormData(event.target)));
    d.asks = false;
    if (page.dialog !== d) return;  // it was left meanwhile
    if (d.trouble) show();  // and what was typed stays
    else close(event);
  };
  return html`<dialog aria-labelledby="dialog-title" @close=${closed}>
    <form @submit=${submit}>
      <h2 id="dialog-title">${d.title}</h2>
      <p>${d.text}</p>
      ${d.feedback ? html`
        <label>What to change <textarea name="feedback" rows="4" maxlength="4000" required
          placeholder="Content too advanced for beginners"></textarea></label>
        <label>What it is about, in a word <input name="focus" maxlength="63" pattern="[a-z]([-a-z0-9]*[a-z0-9])?"
          placeholder="simplification"></label>` : nothing}
      ${d.trouble ? html`<p class="bad" role="alert">${d.trouble}</p>` : nothing}
      <div class="row right"><button type="button" @click=${close}>Back</button><button ?disabled=${d.asks} class=${d.feedback ? "first" : "bad"}>${d.button}</button></div>
    </form></dialog>`;
}

function say(text) {
  const said = document.getElementById("said");
  said.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { said.textContent = ""; }, 6000);
}

// ---- reading ------------------------------------------------------------------------------------------

async function load() {
  clearTimeout(page.due);
  page.due = 0;
  const asked = ++page.asked;
  try {
    const data = await read(query());
    if (asked !== page.asked) return;
    page.data = data;
    page.trouble = "";
  } catch (error) {
    if (asked !== page.asked) return;
    if (error.status === 401) return leave(error.message);
    page.trouble = error.message;
    if (error.status !== 0) page.data = null;
  }
  show();
}

const on = (...views) => !query().get("task") && views.includes(view(query()));

/** Reads anew in a moment; graphs, which each cost Prometheus six queries, twice a minute. */
const soon = () => { page.due ||= setTimeout(load, on("graphs") ? GRAPHS_MS : REFRESH_MS); };

/** Shows news in place of what was shown, at once: each is a whole state. Counts and order follow with the next reading. */
function take(message) {
  if (message.type === "state" && page.data) {
    for (const list of lists(page.data)) {
      const index = list.findIndex((t) => t.task_id === message.task_id && t.kind); // a worker's row is a Pod, not its task
      if (index >= 0) list[index] = message;
    }
    if (page.data.task?.task_id === message.task_id) page.data.task = message;
    paint();
  }
  soon();
}

/** Shows it once a frame, however much is new. */
const paint = () => { page.painting ||= requestAnimationFrame(() => { page.painting = 0; show(); }); };

const lists = ({ page: list, course }) =>
  [list?.items, course?.chapter_tasks, course?.validation_tasks, course?.export_tasks].filter(Boolean);

// ---- doing --------------------------------------------------------------------------------------------

const path = (task) => `api/v1/tasks/${task.task_id}`;

/** Does something, and says so; gives what went wrong, which an open dialog says as well. */
async function attempt(what, run) {
  let trouble = "";
  try {
    await run();
    if (what) say(what);
  } catch (error) {
    trouble = error.message;
    if (error.status === 401) {
      leave(trouble);
      return trouble;
    }
    say(trouble);
  }
  soon();
  return trouble;
}

const actions = {
  get canDownload() { return page.who?.can_download; },
  get readOnly() { return page.who?.read_only; },
  get log() { return page.log; },
  search(event) {
    event.preventDefault();
    go(withQuery({ q: new FormData(event.target).get("q"), offset: "" }));
  },
  steer: (task, verb) => attempt(`Asked: ${verb} ${task.title}`, () => call("POST", `${path(task)}/${verb}`)),
  download: (task) => attempt("", () => download(task)),
  queue: (queue, policy) => attempt(policy === "None" ? `${queue.name} goes on` : `${queue.name} starts nothing new`,
    () => call("PATCH", `api/v1/queues/${queue.name}`, { stop_policy: policy })),
  confirm(task, verb) {
    const cancel = verb === "cancel";
    page.dialog = {
      title: html`${cancel ? "Cancel" : "Delete"} “${titled(task.title)}”?`,
      text: cancel ? "What runs is ended. It can be run again with Retry." : "The object and all that it owns go; files in the store stay.",
      button: cancel ? "Cancel it" : "Delete it",
      run: () => cancel ? actions.steer(task, "cancel") : attempt("Deleted", async () => {
        await call("DELETE", path(task));
        go("?");
      }),
    };
    show();
  },
  regenerate(task) {
    page.dialog = {
      title: html`Make “${titled(task.title)}” anew`,
      text: task.kind === "course" ? "Every chapter is written again from your feedback." : "The chapter is written again from your feedback.",
      button: "Regenerate",
      feedback: true,
      run: ({ feedback, focus }) => attempt("Asked: it is written anew when its turn comes",
        () => call("POST", `${path(task)}/regenerate`, { feedback, options: focus ? { focus_area: focus } : {} })),
    };
    show();
  },
  readLog: (task) => attempt("", async () => {
    page.log = { task_id: task.task_id, text: await (await call("GET", `${path(task)}/log`)).text() || "It has said nothing." };
    show();
  }),
};

// ---- coming and going ---------------------------------------------------------------------------------

function withQuery(changes) {
  const next = query();
  for (const [name, value] of Object.entries(changes)) value ? next.set(name, value) : next.delete(name);
  return `?${next}`;
}

function go(to) {
  history.pushState(null, "", to);
  moved();
}

function moved() {
  page.data = null;
  page.trouble = "";
  page.log = null;
  show();
  scrollTo(0, 0);
  if (page.who) load();
}

async function enter(event) {
  event?.preventDefault();
  if (event) signIn(new FormData(event.target).get("token"));
  try {
    page.who = await get("api/v1/whoami");
    page.trouble = "";
    page.feed?.stop();
    page.feed = new Feed(take, (live) => { page.live = live; show(); });
    show();
    await load();
  } catch (error) {
    page.who = null;
    page.trouble = error instanceof Refused && (event || token() || error.status !== 401) ? error.message : "";
    show();
  }
}

function leave(why = "") {
  signOut();
  page.trouble = why;
  page.feed?.stop();
  clearTimeout(page.due);
  // What was on its way for the last person, or read by them, is nothing for the next.
  Object.assign(page, { who: null, data: null, feed: null, live: false, log: null, dialog: null, due: 0, asked: page.asked + 1 });
  show();
}

function theme() {
  const next = THEMES[(THEMES.indexOf(localStorage.getItem("coursegen-theme") ?? THEMES[0]) + 1) % THEMES.length];
  localStorage.setItem("coursegen-theme", next);
  dress();
  say({ light: "Light", dark: "Dark" }[next] ?? "As the system has it");
}

const dress = () => { document.documentElement.style.colorScheme = localStorage.getItem("coursegen-theme") ?? THEMES[0]; };

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='?']");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
addEventListener("popstate", moved);
setInterval(() => {
  if (!page.who || document.hidden) return;
  // No socket says that something is new of graphs, queues and Pods, but of tasks alone.
  if (on("graphs", "queues", "workers") || !page.live) soon();
  show();
}, 5000);

dress();
// Behind a proxy that adds a token of its own no token is needed here.
enter(null);
if (!token()) show();
