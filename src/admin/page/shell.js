// What stands around every view: the tabs, how the connection is, signing in, keys that work everywhere.

import { get, hasToken, listen, poll, setToken } from "./api.js";
import { h, show } from "./dom.js";
import { announce, chip, icon, notice, tick } from "./parts.js";

export const VIEWS = [
  ["runs", "Runs"],
  ["comparison", "Comparison"],
  ["rollout", "Rollout"],
  ["fallbacks", "Fallbacks"],
];

const LINKS = {
  live: ["good", "done", "Live"],
  lost: ["bad", "warn", "Disconnected, retrying"],
  wait: ["mute", "pending", "Connecting"],
};

const shell = { link: "wait", rollout: null, restart: () => {} };

/** Begins; `restart` shows the view anew. */
export function begin(restart) {
  shell.restart = restart;
  listen({ link: setLink, token: signIn });
  setInterval(tick, 1000);
  document.addEventListener("keydown", keys);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
  draw();
  watchRollout();
}

let unwatch = () => {};

function watchRollout() {
  unwatch();
  unwatch = poll("/api/rollout", 10_000, { data: setRollout });
}

/** Takes what a view has learnt of the rollout. */
export function setRollout(rollout) {
  shell.rollout = rollout;
  draw();
}

function setLink(link) {
  if (shell.link === link) return;
  if (link === "lost") announce("Disconnected from gloss, retrying.");
  if (link === "live" && shell.link === "lost") announce("Connected again.");
  shell.link = link;
  draw();
}

let current = "runs";

/** Marks the tab of the view that is shown. */
export function mark(view) {
  current = view;
  draw();
}

function draw() {
  show(
    document.querySelector(".tabs"),
    VIEWS.map(([view, title]) => h("a", { href: `#/${view}`, "aria-current": view === current ? "page" : null }, title)),
  );
  const off = shell.rollout && !shell.rollout.enabled;
  show(
    document.querySelector(".bar-state"),
    off ? h("a", { class: "badge bad", href: "#/rollout" }, icon("power"), "Notes are off") : null,
    chip(...LINKS[shell.link]),
    hasToken() ? h("button", { type: "button", class: "link", onclick: signOut }, "Sign out") : null,
  );
}

function signOut() {
  setToken(null);
  location.reload();
}

// Asks for the operators' token in the place of the view.
function signIn(wasRefused) {
  unwatch();
  const main = document.getElementById("main");
  if (main.querySelector(".sign-in")) return;
  const enter = async (event) => {
    event.preventDefault();
    const form = event.target;
    const token = form.elements.token.value.trim();
    setToken(token);
    const problem = await refused();
    if (problem) {
      setToken(null);
      draw();
      show(form.querySelector(".problem"), notice("bad", "failed", problem));
      form.elements.token.select();
      return;
    }
    watchRollout();
    shell.restart();
  };
  if (wasRefused) setToken(null);
  draw();
  show(
    main,
    h(
      "form",
      { class: "card sign-in", onsubmit: enter },
      h("h1", {}, "Sign in"),
      h("p", {}, "This gloss wants its operators' token: ", h("code", {}, "admin.token"), " of its configuration."),
      h("label", { for: "token" }, "Token"),
      h("input", { id: "token", name: "token", type: "password", required: true, autocomplete: "current-password", "aria-describedby": "token-problem" }),
      h("div", { class: "problem", id: "token-problem", role: "alert" }, wasRefused ? notice("bad", "failed", "gloss does not accept this token any more.") : null),
      h("button", { class: "button primary" }, "Sign in"),
      h("p", { class: "fine" }, "It is kept in this tab until it is closed, and goes nowhere but to this gloss."),
    ),
  );
  document.getElementById("token").focus();
}

// What is wrong with the token that was just entered; nothing where gloss takes it.
async function refused() {
  try {
    await get("/api/rollout");
    return null;
  } catch (error) {
    if (error.status === 401 || !(error instanceof TypeError)) return "gloss does not accept this token.";
    return "gloss does not answer. Is it running?";
  }
}

function keys(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, textarea, select")) return;
  if (document.querySelector("dialog[open]")) return;
  const view = VIEWS[Number(event.key) - 1];
  if (view) location.hash = `#/${view[0]}`;
  else if (event.key === "/") {
    event.preventDefault();
    const search = document.getElementById("search");
    if (search) search.focus();
    else location.hash = "#/runs?search";
  }
}
