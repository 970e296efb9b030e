// The way to the gateway: requests with the token of this tab, and the socket that tells what is new.

const TOKEN = "coursegen-token";

export const token = () => sessionStorage.getItem(TOKEN) ?? "";
export const signIn = (value) => sessionStorage.setItem(TOKEN, value.trim());
export const signOut = () => sessionStorage.removeItem(TOKEN);

export class Refused extends Error {
  constructor(status, problem) {
    const fields = (problem.errors ?? []).map((e) => `${e.field}: ${e.message}`).join("; ");
    super([problem.detail ?? `The gateway answered ${status}.`, fields].filter(Boolean).join(" "));
    this.status = status;
  }
}

export async function call(method, path, body, headers = {}) {
  const options = { method, headers: { ...headers }, credentials: "omit" };
  if (token()) options.headers.Authorization = `Bearer ${token()}`;
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused(0, { detail: "The gateway does not answer." });
  }
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => ({})));
  return response;
}

export const get = async (path) => (await call("GET", path)).json();

/** Saves a task's file under the name that the gateway gives it. */
export async function download(task) {
  const response = await call("GET", `api/v1/tasks/${task.task_id}/artifact`);
  const name = /filename="([^"]+)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "artifact";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** What a WebSocket takes in place of a header, as at Kubernetes' API server: good at every replica of the gateway. */
function protocols() {
  if (!token()) return [];
  const coded = btoa(token()).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return ["coursegen.v1", `base64url.bearer.authorization.k8s.io.${coded}`];
}

/** Listens to the feed until told to stop; comes back by itself after a break. */
export class Feed {
  #socket = null;
  #stopped = false;
  #pause = 500;

  constructor(take, say) {
    this.take = take;
    this.say = say;
    this.#open();
  }

  stop() {
    this.#stopped = true;
    this.#socket?.close();
  }

  async #open() {
    try {
      const url = new URL("ws/tasks", document.baseURI);
      // A proxy that logs people in may add its token to requests alone, and not to sockets.
      if (!token()) url.searchParams.set("ticket", (await (await call("POST", "api/v1/ws-tickets")).json()).ticket);
      if (this.#stopped) return;
      url.protocol = url.protocol.replace("http", "ws");
      this.#socket = new WebSocket(url, protocols());
    } catch {
      this.#again();
      return;
    }
    this.#socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      if (message.type === "ready") {
        this.#pause = 500;
        this.say(true);
      }
      this.take(message);
    };
    this.#socket.onclose = () => this.#again();
  }

  #again() {
    if (this.#stopped) return;
    this.say(false);
    setTimeout(() => this.#stopped || this.#open(), this.#pause);
    this.#pause = Math.min(15_000, this.#pause * 2);
  }
}
