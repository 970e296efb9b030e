// The course itself: pages, menu, questions, and what is to be remembered.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("course-data").textContent);
  const Platform = PlatformFor(data);
  const pages = [...document.querySelectorAll("article")];
  const chapters = pages.filter((p) => "chapter" in p.dataset);
  const links = [...document.querySelectorAll("nav a")];
  const forms = new Map([...document.querySelectorAll(".question")].map((f) => [f.dataset.question, f]));
  const ids = Object.keys(data.questions);
  const seen = new Set();
  const answers = new Map();
  const said = (name, values) => data.words[name].replace(/\{(\w+)\}/g, (_, place) => values[place]);
  const isRight = (id) => answers.get(id) === data.questions[id].answer;
  let current = pages[0].id;
  let turnedAt = Date.now(); // since when the learner has had the question before the eyes

  // State: the hash of what is asked, a bar, one digit a chapter (opened or not), a bar, one letter a question (the
  // option chosen, or -). Places mean nothing in a course that asks something else: its state is not taken over.
  function pack() {
    const opened = chapters.map((p) => (seen.has(p.id) ? "1" : "0")).join("");
    return `${data.hash}|${opened}|${ids.map((id) => (answers.has(id) ? "abcdefghij"[answers.get(id)] : "-")).join("")}`;
  }

  function unpack(state) {
    const [hash, opened = "", chosen = ""] = state.split("|");
    if (hash !== data.hash) return;
    chapters.forEach((p, i) => opened[i] === "1" && seen.add(p.id));
    ids.forEach((id, i) => {
      const option = "abcdefghij".indexOf(chosen[i] || "-");
      if (option >= 0 && option < data.questions[id].feedback.length) answers.set(id, option);
    });
  }

  function percent(some) {
    return some.length ? Math.round((100 * some.filter(isRight).length) / some.length) : null;
  }

  const judged = (score) => (score >= data.mastery ? "passed" : "failed");

  function status() {
    const done = chapters.every((p) => seen.has(p.id)) && answers.size === ids.length;
    if (!done) return "incomplete";
    return ids.length ? judged(percent(ids)) : "completed";
  }

  function tellObjectives() {
    data.objectives.forEach((objective) => {
      const asked = objective.questions;
      const answered = asked.filter((id) => answers.has(id));
      if (!seen.has(objective.page) && !answered.length) return;
      const score = answered.length ? percent(asked) : null;
      let reached = "incomplete";
      if (!asked.length) reached = "completed";
      else if (answered.length === asked.length) reached = judged(score);
      Platform.objective(objective, { score, status: reached });
    });
  }

  // Before the first answer there is no score: 0 would be a grade of whoever has only looked.
  function save() {
    tellObjectives();
    const steps = chapters.length + ids.length;
    const progress = Math.round((100 * (seen.size + answers.size)) / steps) / 100;
    const score = answers.size ? percent(ids) : null;
    Platform.save({ state: pack(), place: current, score, status: status(), progress });
  }

  function show(page, moveFocus) {
    current = pages.some((p) => p.id === page) ? page : pages[0].id;
    pages.forEach((p) => (p.hidden = p.id !== current));
    if (chapters.some((p) => p.id === current)) seen.add(current);
    turnedAt = Date.now();
    draw();
    if (moveFocus) {
      window.scrollTo(0, 0);
      document.querySelector(`#${current} h1`).focus({ preventScroll: true });
    }
    save();
  }

  function draw() {
    const share = Math.round((100 * seen.size) / chapters.length);
    const bar = document.querySelector(".progress");
    bar.setAttribute("aria-valuenow", share);
    bar.firstElementChild.style.width = `${share}%`;
    links.forEach((a) => {
      a.classList.toggle("seen", seen.has(a.dataset.page));
      if (a.dataset.page === current) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    });
    const points = percent(ids);
    document.querySelector(".score").textContent =
      said("opened", { opened: seen.size, chapters: chapters.length }) +
      (points === null ? "" : ` · ${said("answered", { answered: answers.size, questions: ids.length, points })}`);
    const at = pages.findIndex((p) => p.id === current);
    document.querySelector("footer").hidden = pages.length === 1;
    document.querySelector("[data-step='-1']").disabled = at === 0;
    document.querySelector("[data-step='1']").disabled = at === pages.length - 1;
  }

  // Backticks mark code; one without a partner is a sign like others.
  function shown(marked) {
    const parts = marked.split("`");
    if (parts.length % 2 === 0) parts.push(parts.splice(-2).join("`"));
    return parts.map((part, n) => {
      if (n % 2 === 0) return part;
      const code = document.createElement("code");
      code.dir = "ltr";
      code.textContent = part;
      return code;
    });
  }

  function tell(id) {
    const form = forms.get(id);
    const chosen = answers.get(id);
    form.querySelectorAll("input")[chosen].checked = true;
    const feedback = form.querySelector(".feedback");
    feedback.className = `feedback ${isRight(id) ? "right" : "wrong"}`;
    const told = data.questions[id].feedback[chosen];
    feedback.replaceChildren(...(isRight(id) ? ["✓ ", ...shown(told || said("right"))] : [`✗ ${said("wrong")} `, ...shown(told)]));
  }

  forms.forEach((form, id) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = [...form.querySelectorAll("input")].findIndex((i) => i.checked);
      if (chosen < 0) {
        form.querySelector(".feedback").textContent = said("choose");
        return;
      }
      answers.set(id, chosen);
      const objective = data.objectives.find((o) => o.questions.includes(id))?.id;
      Platform.answered({ id, chosen, right: data.questions[id].answer, objective, latency: Date.now() - turnedAt });
      turnedAt = Date.now();
      tell(id);
      draw();
      save();
    });
  });

  document.querySelectorAll("[data-step]").forEach((button) => {
    button.addEventListener("click", () => {
      const at = pages.findIndex((p) => p.id === current) + Number(button.dataset.step);
      location.hash = pages[Math.max(0, Math.min(pages.length - 1, at))].id;
    });
  });

  window.addEventListener("hashchange", () => {
    const target = location.hash.slice(1);
    if (pages.some((p) => p.id === target)) show(target, true);
  });
  document.addEventListener("visibilitychange", () => document.hidden && Platform.commit());
  window.addEventListener("pagehide", () => Platform.finish());
  // A page that comes back from the browser's cache has said goodbye to its platform: it begins anew.
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());

  if (matchMedia("(max-width: 52rem)").matches) document.querySelector(".menu").open = false;
  // Where the learner was, the platform knows: some say it at once, others by the network.
  const main = document.getElementById("main");
  main.inert = true;
  pages.slice(1).forEach((p) => (p.hidden = true));
  Promise.resolve(Platform.start()).then((kept) => {
    main.inert = false;
    unpack(kept.state);
    answers.forEach((_, id) => tell(id));
    show(location.hash.slice(1) || kept.place || pages[0].id, false);
  });
})();
