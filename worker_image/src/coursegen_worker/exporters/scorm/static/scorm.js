// Talks to the learning platform by the SCORM 1.2 run-time API. Works alone too: without a platform every
// call does nothing, and the course can still be read.
"use strict";

const Platform = (() => {
  const MAX_PARENTS = 500;
  const MAX_STATE = 4096; // of cmi.suspend_data in SCORM 1.2
  const startedAt = Date.now();
  let api = null;
  let open = false;

  function search(win) {
    for (let i = 0; win && i < MAX_PARENTS; i++) {
      try {
        if (win.API) return win.API;
        if (win.parent === win) return null;
        win = win.parent;
      } catch (error) {
        return null; // a parent of another origin hides its window
      }
    }
    return null;
  }

  function get(name) {
    return open ? String(api.LMSGetValue(name)) : "";
  }

  function set(name, value) {
    if (open) api.LMSSetValue(name, String(value));
  }

  function commit() {
    if (open) api.LMSCommit("");
  }

  // HHHH:MM:SS.SS, as SCORM 1.2 wants it.
  function clock(milliseconds) {
    const seconds = Math.floor(milliseconds / 1000);
    const two = (n) => String(n).padStart(2, "0");
    const hours = Math.min(9999, Math.floor(seconds / 3600));
    const hundredths = two(Math.floor((milliseconds % 1000) / 10));
    return `${String(hours).padStart(4, "0")}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${hundredths}`;
  }

  return {
    start() {
      api = search(window) || search(window.opener);
      open = Boolean(api) && String(api.LMSInitialize("")) === "true";
      const status = get("cmi.core.lesson_status");
      if (open && (status === "" || status === "not attempted")) {
        set("cmi.core.lesson_status", "incomplete");
        commit();
      }
      return { state: get("cmi.suspend_data"), place: get("cmi.core.lesson_location") };
    },

    save({ state, place, score, status }) {
      set("cmi.suspend_data", state.slice(0, MAX_STATE));
      set("cmi.core.lesson_location", place);
      if (score !== null) {
        set("cmi.core.score.min", 0);
        set("cmi.core.score.max", 100);
        set("cmi.core.score.raw", score);
      }
      set("cmi.core.lesson_status", status);
      set("cmi.core.exit", status === "incomplete" ? "suspend" : "");
      commit();
    },

    answered(id, chosen, right) {
      const index = Number(get("cmi.interactions._count")) || 0;
      const field = `cmi.interactions.${index}`;
      set(`${field}.id`, `question-${id.replace(".", "-")}`);
      set(`${field}.type`, "choice");
      set(`${field}.student_response`, "abcdefghij"[chosen]);
      set(`${field}.correct_responses.0.pattern`, "abcdefghij"[right]);
      set(`${field}.result`, chosen === right ? "correct" : "wrong");
    },

    commit,

    finish() {
      if (!open) return;
      set("cmi.core.session_time", clock(Date.now() - startedAt));
      commit();
      api.LMSFinish("");
      open = false;
    },
  };
})();
