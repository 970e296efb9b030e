// Talks to the learning platform by SCORM's run-time interface, 1.2 or 2004. Works alone too: without a platform
// every call does nothing, and the course can still be read.
"use strict";

const PlatformFor = (data) => {
  const MAX_PARENTS = 500;
  const MAX_PLACE = 255; // of cmi.core.lesson_location in SCORM 1.2; 1000 in 2004
  const is2004 = data.runtime === "2004";
  const NAMES = is2004
    ? { api: "API_1484_11", prefix: "", finish: "Terminate", place: "cmi.location", time: "cmi.session_time",
        exit: "cmi.exit", mode: "cmi.mode", score: "cmi.score", response: "learner_response", wrong: "incorrect" }
    : { api: "API", prefix: "LMS", finish: "Finish", place: "cmi.core.lesson_location", time: "cmi.core.session_time",
        exit: "cmi.core.exit", mode: "cmi.core.lesson_mode", score: "cmi.core.score", response: "student_response",
        wrong: "wrong" };
  const DONE = ["passed", "completed"];
  const startedAt = Date.now();
  const objectives = new Map(); // id -> index at the platform
  const told = new Map(); // what was set before: the same is not sent again
  let api = null;
  let open = false;
  let tracked = false; // false in browse and review, whose results do not count
  let won = ""; // a status that was reached before and is never taken back
  let best = null; // nor is the score that it was reached with

  function search(win) {
    for (let i = 0; win && i < MAX_PARENTS; i++) {
      try {
        if (win[NAMES.api]) return win[NAMES.api];
        if (win.parent === win) return null;
        win = win.parent;
      } catch (error) {
        return null; // a parent of another origin hides its window
      }
    }
    return null;
  }

  const call = (name, ...values) => String(api[NAMES.prefix + name](...values));
  const get = (name) => (open ? call("GetValue", name) : "");

  function set(name, value) {
    const text = String(value);
    if (!open || told.get(name) === text) return;
    if (call("SetValue", name, text) === "true") told.set(name, text);
  }

  function setScore(field, percent) {
    if (is2004) set(`${field}.scaled`, percent / 100);
    set(`${field}.min`, 0);
    set(`${field}.max`, 100);
    set(`${field}.raw`, percent);
  }

  // HHHH:MM:SS.SS in 1.2, an ISO 8601 duration in 2004.
  function duration(milliseconds) {
    const hundredths = Math.floor(milliseconds / 10);
    if (is2004) return `PT${(hundredths / 100).toFixed(2)}S`;
    const two = (n) => String(n).padStart(2, "0");
    const seconds = Math.floor(hundredths / 100);
    const hours = Math.min(9999, Math.floor(seconds / 3600));
    return `${String(hours).padStart(4, "0")}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${two(hundredths % 100)}`;
  }

  function moment() {
    const iso = new Date().toISOString();
    return is2004 ? `${iso.slice(0, 22)}Z` : iso.slice(11, 19);
  }

  function setStatus(status) {
    if (!is2004) return set("cmi.core.lesson_status", status);
    set("cmi.completion_status", status === "incomplete" ? "incomplete" : "completed");
    if (status === "passed" || status === "failed") set("cmi.success_status", status);
  }

  function status() {
    if (!is2004) return get("cmi.core.lesson_status");
    const success = get("cmi.success_status");
    return success === "passed" ? success : get("cmi.completion_status");
  }

  // Those of an earlier session keep their places.
  function findObjectives() {
    const count = Number(get("cmi.objectives._count")) || 0;
    for (let i = 0; i < count; i++) objectives.set(get(`cmi.objectives.${i}.id`), i);
  }

  return {
    start() {
      api = search(window) || search(window.opener);
      open = Boolean(api) && call("Initialize", "") === "true";
      tracked = open && ["", "normal"].includes(get(NAMES.mode));
      const before = status();
      if (DONE.includes(before)) won = before;
      best = Number(get(`${NAMES.score}.raw`)) || null;
      if (tracked) {
        findObjectives();
        if (!before || ["not attempted", "unknown"].includes(before)) setStatus("incomplete");
        set(NAMES.exit, "suspend"); // always: what was answered can be read again after the end too
        this.commit();
      }
      return { state: get("cmi.suspend_data"), place: get(NAMES.place) };
    },

    save({ state, place, score, status: reached, progress }) {
      if (!tracked) return;
      set("cmi.suspend_data", state.slice(0, data.maxState));
      set(NAMES.place, place.slice(0, MAX_PLACE));
      if (score !== null && !(won && score < best)) setScore(NAMES.score, (best = score));
      if (is2004) set("cmi.progress_measure", progress);
      if (!won || DONE.includes(reached)) setStatus(reached);
      if (DONE.includes(reached)) won = reached;
      this.commit();
    },

    objective({ id, text }, { score, status: reached }) {
      if (!tracked) return;
      if (!objectives.has(id)) objectives.set(id, objectives.size);
      const field = `cmi.objectives.${objectives.get(id)}`;
      set(`${field}.id`, id); // first: nothing else of an objective is taken before
      if (score !== null) setScore(`${field}.score`, score);
      if (!is2004) return set(`${field}.status`, reached);
      set(`${field}.description`, text);
      set(`${field}.completion_status`, reached === "passed" || reached === "failed" ? "completed" : reached);
      if (reached === "passed" || reached === "failed") set(`${field}.success_status`, reached);
    },

    answered({ id, chosen, right, objective, latency }) {
      if (!tracked) return;
      const index = Number(get("cmi.interactions._count")) || 0;
      const field = `cmi.interactions.${index}`;
      set(`${field}.id`, `question-${id.replace(".", "-")}`);
      set(`${field}.type`, "choice");
      if (objective) set(`${field}.objectives.0.id`, objective);
      set(is2004 ? `${field}.timestamp` : `${field}.time`, moment());
      set(`${field}.correct_responses.0.pattern`, "abcdefghij"[right]);
      set(`${field}.${NAMES.response}`, "abcdefghij"[chosen]);
      set(`${field}.result`, chosen === right ? "correct" : NAMES.wrong);
      set(`${field}.latency`, duration(latency));
    },

    // Safe at any time and as often as wanted: when a phone hides the page, this may have been the last word.
    commit() {
      if (!open) return;
      set(NAMES.time, duration(Date.now() - startedAt));
      call("Commit", "");
    },

    // No Commit before it: browsers refuse a platform's synchronous requests here, and the end commits by itself.
    finish() {
      if (!open) return;
      set(NAMES.time, duration(Date.now() - startedAt));
      call(NAMES.finish, "");
      open = tracked = false;
    },
  };
};
