// Talks to the learning platform by cmi5 (Quartz): launched with an address, it tells by xAPI what the learner does.
// Works alone too: without a launch every call does nothing, and the course can still be read.
"use strict";

const PlatformFor = (data) => {
  const CMI5 = "https://w3id.org/xapi/cmi5/context";
  const ADL = "http://adlnet.gov/expapi";
  const STATE = "coursegen.progress"; // our own document at the platform; it keeps one for each registration
  const MAX_KEPT_ALIVE = 50000; // bytes: browsers keep 64 KiB alive, all requests together
  const size = (text) => new TextEncoder().encode(text).length;
  const launch = new URLSearchParams(location.search);
  const lang = document.documentElement.lang;
  const own = document.querySelector(".score"); // what the page says by itself, in its language and direction
  const startedAt = Date.now();
  let open = false; // between initialized and terminated
  let tracked = false; // false in browse and review, whose results do not count
  let token = "";
  let context = {}; // what the platform wants in every statement
  let returnTo = "";
  let mastery = null; // as the platform sets it: it may differ from the package's
  let kept = { state: "", place: "", completed: false, passed: false, progress: 0, spent: 0 };
  let failed = null; // a score below mastery: told at the end, since a better answer may still come
  let answered = false; // in this session: what failed before is not told again by reading
  let unsent = []; // statements that the platform has not confirmed, in order
  let flying = 0; // 1 while the first of them is on its way
  let due = false; // the state has changed since it was last stored
  let busy = false;

  const address = (path) => launch.get("endpoint").replace(/\/*$/, "/") + path;
  const resource = (name, extra) =>
    address(`${name}?${new URLSearchParams({ agent: launch.get("actor"), ...extra })}`);
  const stateAddress = (stateId) =>
    resource("activities/state", { stateId, activityId: launch.get("activityId"), registration: launch.get("registration") });

  async function request(method, url, body) {
    const headers = { Authorization: `Basic ${token}`, "X-Experience-API-Version": "1.0.3" };
    if (body) headers["Content-Type"] = "application/json";
    const text = body && JSON.stringify(body);
    // What is kept alive arrives even if the page is closed.
    return fetch(url, { method, headers, body: text, keepalive: !text || size(text) < MAX_KEPT_ALIVE });
  }

  async function read(url) {
    const answer = await request("GET", url);
    return answer.ok ? answer.json() : null;
  }

  // A version 4 UUID; crypto.randomUUID is not there on a platform without TLS.
  function uuid() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  }

  const seconds = (milliseconds) => `PT${(Math.floor(milliseconds / 10) / 100).toFixed(2)}S`;
  const session = () => Date.now() - startedAt;
  const spent = () => kept.spent + session();

  function statement(verb, result, object) {
    const made = structuredClone(context);
    made.registration = launch.get("registration");
    made.contextActivities ??= {};
    return {
      id: uuid(),
      actor: JSON.parse(launch.get("actor")),
      verb: { id: `${ADL}/verbs/${verb}`, display: { en: verb } },
      object: { objectType: "Activity", id: launch.get("activityId"), ...object },
      ...(result && { result }),
      context: made,
      timestamp: new Date().toISOString(),
    };
  }

  // A statement that cmi5 itself defines is known by its category; one that decides on moving on has two.
  function defined(verb, result) {
    const made = statement(verb, result);
    const decides = result && ("completion" in result || "success" in result);
    const categories = [`${CMI5}/categories/cmi5`, ...(decides ? [`${CMI5}/categories/moveon`] : [])];
    const there = made.context.contextActivities.category ?? [];
    const missing = categories.filter((id) => !there.some((activity) => activity.id === id));
    made.context.contextActivities.category = [...there, ...missing.map((id) => ({ objectType: "Activity", id }))];
    return made;
  }

  const isDefined = (made) =>
    (made.context.contextActivities.category ?? []).some((activity) => activity.id === `${CMI5}/categories/cmi5`);

  function judged(verb, percent) {
    const score = { scaled: percent / 100, raw: percent, min: 0, max: 100 };
    const made = defined(verb, { score, success: verb === "passed", duration: seconds(spent()) });
    if (mastery !== null) {
      made.context.extensions = { ...made.context.extensions, [`${CMI5}/extensions/masteryscore`]: mastery };
    }
    return made;
  }

  function add(tag, attributes) {
    const made = Object.assign(document.createElement(tag), { lang: own.lang, dir: own.dir, ...attributes });
    document.querySelector("aside").append(made);
    return made;
  }

  const message = add("p", { className: "platform", role: "status" });

  function tell(text) {
    message.textContent = text;
  }

  function end() {
    open = tracked = false;
    tell(data.words.not_recorded);
  }

  // One by one, in order. What cannot be sent is kept, and sent with what comes next; what is refused is not offered again.
  async function flush() {
    if (busy || !open) return;
    busy = true;
    try {
      while (open && (unsent.length || due)) {
        if (unsent.length) {
          flying = 1;
          await send("POST", address("statements"), unsent[0]);
          unsent.shift();
          flying = 0;
        } else {
          due = false;
          await store().catch((error) => { due = true; throw error; });
        }
      }
      if (open) tell("");
    } catch (error) {
      flying = 0;
      tell(data.words.no_answer);
    } finally {
      busy = false;
    }
  }

  async function send(method, url, body) {
    const answer = await request(method, url, body);
    if (answer.status >= 500 || answer.status === 429) throw new Error(answer.status);
    if (answer.status === 401) end(); // the platform has closed the session
    if (!answer.ok) console.warn("The platform refused:", answer.status, await answer.text());
  }

  const store = () => send("PUT", stateAddress(STATE), { ...kept, spent: spent() });

  // The address for the token works once: a page that is loaded again has no session any more.
  async function enter() {
    const answer = await fetch(launch.get("fetch"), { method: "POST" });
    token = (await answer.json())["auth-token"];
    if (!token) throw new Error("this launch has been used");
    const told = await read(stateAddress("LMS.LaunchData"));
    if (!told) throw new Error("there is no LMS.LaunchData");
    await read(resource("agents/profile", { profileId: "cmi5LearnerPreferences" })).catch(() => {}); // cmi5 wants it
    kept = { ...kept, ...(await read(stateAddress(STATE))) };
    context = told.contextTemplate ?? {};
    returnTo = told.returnURL ?? "";
    if (typeof told.masteryScore === "number") {
      mastery = told.masteryScore;
      data.mastery = Math.ceil(100 * mastery - 1e-9); // scores are whole percents
    }
    tracked = (told.launchMode ?? "Normal") === "Normal";
    open = true;
    unsent.push(defined("initialized"));
    await flush();
    if (!/^https?:/.test(returnTo)) return;
    const leave = add("button", { type: "button", className: "leave", textContent: data.words.leave });
    leave.addEventListener("click", () => {
      platform.finish();
      location.href = returnTo;
    });
  }

  const platform = {
    async start() {
      if (!launch.get("fetch")) return kept;
      try {
        await enter();
      } catch (error) {
        console.warn("No session with the platform:", error);
        end();
      }
      return kept;
    },

    save({ state, place, score, status: reached, progress }) {
      if (!tracked || !open) return;
      const percent = Math.round(100 * progress);
      const ended = reached !== "incomplete";
      if (ended && !kept.completed) {
        unsent.push(defined("completed", { completion: true, duration: seconds(spent()) }));
        kept.completed = true;
      } else if (!kept.completed && percent > kept.progress) {
        unsent = unsent.filter((made, i) => i < flying || !made.verb.id.endsWith("/progressed")); // the last says it all
        unsent.push(statement("progressed", { extensions: { "https://w3id.org/xapi/cmi5/result/extensions/progress": percent } }));
      }
      if (reached === "passed" && !kept.passed) {
        unsent.push(judged("passed", score));
        kept.passed = true;
      }
      failed = answered && reached === "failed" && !kept.passed ? score : null;
      due ||= state !== kept.state || place !== kept.place;
      Object.assign(kept, { state, place, progress: Math.max(percent, kept.progress) });
      flush();
    },

    objective() {}, // each answer names its objective: xAPI has no list of them to keep

    answered({ id, chosen, right, objective, latency }) {
      if (!tracked || !open) return;
      const form = document.querySelector(`[data-question="${id}"]`);
      const letter = (n) => "abcdefghij"[n];
      const texts = [...form.querySelectorAll("label")].map((label) => label.textContent.trim());
      const definition = {
        type: `${ADL}/activities/cmi.interaction`,
        interactionType: "choice",
        name: { [own.lang]: data.words.question.replace("{number}", id) },
        description: { [lang]: form.querySelector("legend").textContent.trim() },
        choices: texts.map((text, n) => ({ id: letter(n), description: { [lang]: text } })),
        correctResponsesPattern: [letter(right)],
      };
      const result = { response: letter(chosen), success: chosen === right, duration: seconds(latency) };
      const part = (name) => `${launch.get("activityId")}#${name}`;
      const made = statement("answered", result, { id: part(`question-${id.replace(".", "-")}`), definition });
      const aim = data.objectives.find((o) => o.id === objective);
      if (aim) {
        const told = { type: `${ADL}/activities/objective`, name: { [lang]: aim.text } };
        const other = made.context.contextActivities.other ?? [];
        made.context.contextActivities.other = [...other, { objectType: "Activity", id: part(aim.id), definition: told }];
      }
      unsent.push(made);
      answered = true;
    },

    commit() {
      flush();
    },

    // All that is not confirmed goes in one piece, the end last. What is on its way already is in it once more: alone it
    // may arrive after the end, where it is refused, and a platform keeps a statement that it has got twice once.
    finish() {
      if (!open) return;
      if (tracked && failed !== null) unsent.push(judged("failed", failed));
      unsent.push(defined("terminated", { duration: seconds(session()) }));
      const last = [...unsent];
      const givesWay = (made, i) => i >= flying && !isDefined(made); // a single answer does, to what decides
      for (let i; size(JSON.stringify(last)) >= MAX_KEPT_ALIVE && (i = last.findIndex(givesWay)) >= 0;) last.splice(i, 1);
      send("POST", address("statements"), last).catch(() => {});
      unsent = [];
      if (tracked) store().catch(() => {});
      open = tracked = false;
    },
  };
  return platform;
};
