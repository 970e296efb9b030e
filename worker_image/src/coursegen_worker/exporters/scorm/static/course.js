// The course itself: pages, menu, questions, and what is to be remembered.
"use strict";

(() => {
  const data = JSON.parse(document.getElementById("course-data").textContent);
  const pages = [...document.querySelectorAll("article")];
  const links = [...document.querySelectorAll("nav a")];
  const forms = new Map([...document.querySelectorAll(".question")].map((f) => [f.dataset.question, f]));
  const ids = Object.keys(data.questions);
  const seen = new Set();
  const answers = new Map();
  let current = "start";

  // State: one digit a chapter (opened or not), a bar, one letter a question (the option chosen, or -).
  function pack() {
    const chapters = pages.slice(1).map((p) => (seen.has(p.id) ? "1" : "0")).join("");
    return `${chapters}|${ids.map((id) => (answers.has(id) ? "abcdefghij"[answers.get(id)] : "-")).join("")}`;
  }

  function unpack(state) {
    const [chapters = "", chosen = ""] = state.split("|");
    pages.slice(1).forEach((p, i) => chapters[i] === "1" && seen.add(p.id));
    ids.forEach((id, i) => {
      const option = "abcdefghij".indexOf(chosen[i] || "-");
      if (option >= 0 && option < data.questions[id].feedback.length) answers.set(id, option);
    });
  }

  function score() {
    if (!ids.length) return null;
    const right = ids.filter((id) => answers.get(id) === data.questions[id].answer).length;
    return Math.round((100 * right) / ids.length);
  }

  function status() {
    const done = pages.slice(1).every((p) => seen.has(p.id)) && answers.size === ids.length;
    if (!done) return "incomplete";
    if (!ids.length) return "completed";
    return score() >= data.mastery ? "passed" : "failed";
  }

  function save() {
    Platform.save({ state: pack(), place: current, score: score(), status: status() });
  }

  function show(page, moveFocus) {
    current = pages.some((p) => p.id === page) ? page : "start";
    pages.forEach((p) => (p.hidden = p.id !== current));
    if (current !== "start") seen.add(current);
    draw();
    if (moveFocus) {
      window.scrollTo(0, 0);
      document.querySelector(`#${current} h1`).focus({ preventScroll: true });
    }
    save();
  }

  function draw() {
    const share = Math.round((100 * seen.size) / Math.max(1, pages.length - 1));
    const bar = document.querySelector(".progress");
    bar.setAttribute("aria-valuenow", share);
    bar.firstElementChild.style.width = `${share}%`;
    links.forEach((a) => {
      a.classList.toggle("seen", seen.has(a.dataset.page));
      if (a.dataset.page === current) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    });
    const points = score();
    document.querySelector(".score").textContent =
      `${seen.size} of ${pages.length - 1} chapters opened` +
      (points === null ? "" : `, ${answers.size} of ${ids.length} questions answered, ${points} % right`);
    const at = pages.findIndex((p) => p.id === current);
    document.querySelector("[data-step='-1']").disabled = at === 0;
    document.querySelector("[data-step='1']").disabled = at === pages.length - 1;
  }

  function tell(id) {
    const form = forms.get(id);
    const chosen = answers.get(id);
    const right = chosen === data.questions[id].answer;
    form.querySelectorAll("input")[chosen].checked = true;
    const feedback = form.querySelector(".feedback");
    feedback.className = `feedback ${right ? "right" : "wrong"}`;
    const told = data.questions[id].feedback[chosen];
    feedback.textContent = right ? `✓ ${told || "Right."}` : `✗ Not yet. ${told}`;
  }

  forms.forEach((form, id) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = [...form.querySelectorAll("input")].findIndex((i) => i.checked);
      if (chosen < 0) {
        form.querySelector(".feedback").textContent = "Choose an answer first.";
        return;
      }
      answers.set(id, chosen);
      Platform.answered(id, chosen, data.questions[id].answer);
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

  if (matchMedia("(max-width: 52rem)").matches) document.querySelector(".menu").open = false;
  const kept = Platform.start();
  unpack(kept.state);
  answers.forEach((_, id) => tell(id));
  show(location.hash.slice(1) || kept.place || "start", false);
})();
