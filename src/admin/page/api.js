// The way to this gloss: one answer, one answer again and again, or events as they come. Nothing goes elsewhere.
//
// An operators' token is kept for this tab only (sessionStorage) and sent as a header: never in a URL, and so not by
// EventSource, which cannot send one.

const TOKEN = "gloss-token";
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 8000;
// Two heartbeats and a bit: a connection that has been silent for so long has died unseen.
const SILENCE = 40_000;

/** What gloss answers when it does not do what it was asked to. */
export class Refusal extends Error {
  constructor(status, detail) {
    super(typeof detail === "string" ? detail : detail?.reason ?? `gloss answers ${status}`);
    this.status = status;
    this.detail = detail;
  }
}

const listeners = { token: () => {}, link: () => {} };

/** Who is told when a token is needed (`token(wasRefused)`) and how the connection is (`link(state)`). */
export function listen(told) {
  Object.assign(listeners, told);
}

export const hasToken = () => sessionStorage.getItem(TOKEN) !== null;

export function setToken(token) {
  if (token) sessionStorage.setItem(TOKEN, token);
  else sessionStorage.removeItem(TOKEN);
}

async function send(path, options = {}) {
  const headers = { ...options.headers };
  const token = sessionStorage.getItem(TOKEN);
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(path, { ...options, headers, cache: "no-store", redirect: "error" });
  if (response.ok) return response;
  if (response.status === 401) listeners.token(token !== null);
  throw new Refusal(response.status, await detail(response));
}

async function detail(response) {
  const body = await response.text();
  try {
    return JSON.parse(body).detail;
  } catch {
    return body.trim() || undefined;
  }
}

/** One answer. */
export async function get(path, signal) {
  return (await send(path, { signal })).json();
}

/** Asks for a change. */
export async function post(path, body) {
  const response = await send(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return response.json();
}

/** The same answer again and again: `on.data(answer)`, `on.refused(refusal)`. Gives what ends it. */
export function poll(path, every, on) {
  return keepOn(async (signal) => {
    on.data(await get(path, signal));
    listeners.link("live");
    return every;
  }, on);
}

/** Events as they come: `on.data(json, name)`, `on.refused(refusal)`. Gives what ends it. */
export function follow(path, on) {
  return keepOn(async (signal, abort) => {
    const response = await send(path, { signal, headers: { accept: "text/event-stream" } });
    listeners.link("live");
    let watchdog;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(abort, SILENCE);
    };
    try {
      await events(response.body, alive, ({ name, data }) => on.data(JSON.parse(data), name));
    } finally {
      clearTimeout(watchdog);
    }
    throw new Error("the stream has ended");
  }, on);
}

// Tries again after failures, ever more slowly, and rests while nobody looks.
function keepOn(attempt, on) {
  let control = new AbortController();
  let stopped = false;
  let pause = FIRST_PAUSE;
  const rest = () => document.hidden && control.abort();
  document.addEventListener("visibilitychange", rest);
  (async () => {
    while (!stopped) {
      if (document.hidden) await seen();
      control = new AbortController();
      let wait = pause;
      try {
        wait = await attempt(control.signal, () => control.abort());
        pause = FIRST_PAUSE;
      } catch (error) {
        if (stopped) return;
        if (error instanceof Refusal) {
          listeners.link("live");
          if (error.status === 401) return;
          on.refused?.(error);
        } else if (!document.hidden) {
          listeners.link("lost");
        }
        wait = pause;
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
      await later(wait);
    }
  })();
  return () => {
    stopped = true;
    document.removeEventListener("visibilitychange", rest);
    control.abort();
  };
}

const later = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));

const seen = () =>
  new Promise((go) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      go();
    };
    document.addEventListener("visibilitychange", look);
  });

// Reads server-sent events (the HTML standard, section 9.2), as far as gloss writes them.
async function events(body, alive, on) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    alive();
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n");
      const of = (field) => lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2));
      const data = of("data");
      if (data.length) on({ name: of("event")[0] ?? "message", data: data.join("\n") });
    }
  }
}
