// What decides which answer a caller gets, and the switch for it. Nothing changes without a second look.

import { poll, post } from "./api.js";
import { h, show } from "./dom.js";
import { counted, percent } from "./format.js";
import { announce, chip, icon, notice, section, waiting } from "./parts.js";
import { setRollout } from "./shell.js";

const EVERY = 5000;
const KEYS = ["enabled", "percent", "default"];
const NAMES = { enabled: "Notes", percent: "Share of runs", default: "Everybody else" };
const DEFAULTS = [
  ["basic", "Basic", "The upstream's answer, untouched."],
  ["shadow", "Shadow", "Basic, and the notes are made beside it for the comparison."],
  ["enhanced", "Enhanced", "The upstream's answer with notes."],
];
const OPT_INS = { anyone: "Anyone may ask for notes, by header or query.", rules: "Only allow rules count: asking by header or query has no effect.", nobody: "Nobody may ask: neither header nor query nor allow rules count." };

export function rollout(main) {
  document.title = "Rollout · gloss";
  // `wanted` holds what somebody has changed here and not applied.
  const view = { main, state: null, wanted: {}, problem: null, done: null, busy: false };
  view.draw = () => draw(view);
  show(main, h("h1", {}, "Rollout"), waiting("the rollout"));
  return poll("/api/rollout", EVERY, {
    data(state) {
      view.state = state;
      setRollout(state);
      view.draw();
    },
    refused(refusal) {
      view.problem = refusal;
      view.draw();
    },
  });
}

function draw(view) {
  const { main, state } = view;
  show(
    main,
    h("div", { class: "head" }, h("h1", {}, "Rollout"), state ? h("p", { class: "lead" }, inWords(state)) : null),
    view.problem ? refusal(view.problem) : null,
    view.done ? notice("good", "done", view.done) : null,
    state ? h("div", { class: "rollout-grid" }, form(view), about(state)) : null,
    state ? dialog(view) : null,
  );
}

function inWords({ enabled, percent: share, default: other }) {
  if (!enabled) return "Notes are off: every caller gets the basic answer, whatever they ask for.";
  const everybody = { basic: "the basic answer", shadow: "the basic answer, with notes made in shadow", enhanced: "the enhanced answer" }[other];
  if (share >= 100) return "Every run gets the enhanced answer, unless its caller asks otherwise.";
  return share > 0 ? `${told("percent", share)} of runs get the enhanced answer; the others get ${everybody}.` : `Who asks for nothing gets ${everybody}.`;
}

// A refusal names the key, the value and what is wrong with it.
function refusal({ detail, message }) {
  if (!detail || typeof detail === "string") return notice("bad", "failed", message);
  return notice(
    "bad",
    "failed",
    h("p", {}, h("b", {}, "Refused, nothing has changed.")),
    h("p", {}, h("code", {}, detail.key || "(all)"), " = ", h("code", {}, JSON.stringify(detail.value)), `: ${detail.reason}.`),
    h("p", {}, `Hint: ${detail.hint}.`),
  );
}

const shown = ({ state, wanted }, key) => (key in wanted ? wanted[key] : state[key]);

const changes = ({ state, wanted }) => KEYS.filter((key) => key in wanted && wanted[key] !== state[key]);

function want(view, key, value) {
  view.wanted[key] = value;
  view.done = null;
  view.draw();
}

function form(view) {
  const { state } = view;
  const pending = changes(view);
  return h(
    "form",
    { class: "card", "aria-label": "Rollout", onsubmit: (event) => event.preventDefault() },
    setting(
      view,
      "enabled",
      "The kill switch. Off means basic for everybody at once: no header, query or rule brings notes then.",
      h(
        "label",
        { class: "switch" },
        h("input", { type: "checkbox", role: "switch", id: "enabled", checked: shown(view, "enabled"), onchange: (event) => want(view, "enabled", event.target.checked) }),
        h("span", {}, shown(view, "enabled") ? "Notes are made" : "Notes are off"),
      ),
    ),
    setting(
      view,
      "percent",
      "So many runs get the enhanced answer unasked. Which ones follows from their id: the same run always gets the same, and raising the share never takes one out.",
      h(
        "div",
        { class: "row" },
        h("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": "Share of runs, in percent", value: shown(view, "percent"), "aria-valuetext": told("percent", shown(view, "percent")), oninput: (event) => want(view, "percent", Number(event.target.value)) }),
        h(
          "span",
          { class: "percent-field" },
          h("input", { type: "number", id: "percent", step: "any", "aria-label": "Share of runs in percent, fractions allowed", value: shown(view, "percent"), onchange: (event) => want(view, "percent", event.target.value === "" ? 0 : Number(event.target.value)) }),
          "%",
        ),
      ),
    ),
    setting(
      view,
      "default",
      "What a caller gets who asks for nothing, whose run is not in the share, and whom no rule names.",
      DEFAULTS.map(([word, title, text]) =>
        h(
          "label",
          { class: "radio", key: word },
          h("input", { type: "radio", name: "default", value: word, checked: shown(view, "default") === word, onchange: () => want(view, "default", word) }),
          h("span", {}, title, h("small", {}, text)),
        ),
      ),
    ),
    h(
      "div",
      { class: "apply" },
      h("button", { type: "button", class: "button primary", id: "review", disabled: !pending.length || view.busy, onclick: () => review(view) }, pending.length > 1 ? `Review ${pending.length} changes` : "Review change"),
      pending.length ? h("button", { type: "button", class: "button", onclick: () => discard(view) }, "Discard") : h("span", { class: "fine" }, "In force as shown."),
    ),
  );
}

function setting(view, key, text, ...children) {
  const { state } = view;
  const isOverridden = state.overridden.includes(key);
  const takeBack = () => apply(view, { [key]: null });
  const title = `setting-${key}`;
  return h(
    "div",
    { class: "setting", key, role: "group", "aria-labelledby": title },
    h(
      "div",
      { class: "setting-head" },
      h("h2", { id: title }, NAMES[key]),
      isOverridden ? chip("accent", "warn", "set here") : chip("mute", "done", "as configured"),
      isOverridden ? h("button", { type: "button", class: "link", onclick: takeBack, disabled: view.busy }, `Back to ${told(key, state.configured[key])}`) : null,
    ),
    h("p", {}, text),
    ...children,
  );
}

const TOLD = {
  enabled: (value) => (value ? "on" : "off"),
  percent: (value) => percent(value, Number.isInteger(value) ? 0 : Math.min(3, String(value).split(".")[1]?.length ?? 0)),
  default: (value) => value,
};

const told = (key, value) => TOLD[key](value);

function about(state) {
  const [, ...kept] = state.persisted === null
    ? ["mute", "What is set here is forgotten when gloss ends: ", h("code", {}, "rollout.persist"), " names no file."]
    : state.persisted
      ? ["good", "What is set here outlives gloss: a file keeps it."]
      : ["bad", "What is set here is in force but could not be written: it is forgotten when gloss ends."];
  return section(
    "Also decides",
    {},
    h(
      "dl",
      { class: "pairs" },
      [
        ...KEYS.map((key) => [`${NAMES[key]}, as configured`, told(key, state.configured[key])]),
        ["Deny rules", counted(state.deny_rules, "rule")],
        ["Allow rules", counted(state.allow_rules, "rule")],
        ["Asking", OPT_INS[state.opt_in] ?? state.opt_in],
      ].map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))),
    ),
    h("p", { class: "fine" }, ...kept),
  );
}

function dialog(view) {
  const pending = changes(view);
  const close = () => document.getElementById("confirm").close();
  const danger = pending.includes("enabled") && !view.wanted.enabled;
  return h(
    "dialog",
    { id: "confirm", "aria-labelledby": "confirm-title" },
    h("h2", { id: "confirm-title" }, danger ? "Switch notes off for everybody?" : "Change the rollout?"),
    h(
      "ul",
      { class: "changes" },
      pending.map((key) => h("li", {}, h("b", {}, NAMES[key]), h("span", { class: "from" }, told(key, view.state[key])), h("span", {}, h("span", { "aria-hidden": "true" }, "→ "), h("span", { class: "unseen" }, "becomes "), told(key, view.wanted[key])))),
    ),
    h("p", { class: "fine" }, "In force for the next request, at this gloss only."),
    h(
      "div",
      { class: "dialog-buttons" },
      h("button", { type: "button", class: "button", onclick: close }, "Cancel"),
      h(
        "button",
        {
          type: "button",
          class: danger ? "button danger" : "button primary",
          id: "apply",
          onclick: () => {
            close();
            apply(view, Object.fromEntries(pending.map((key) => [key, view.wanted[key]])));
          },
        },
        danger ? "Switch off" : "Apply",
      ),
    ),
  );
}

function review(view) {
  view.problem = null;
  view.draw();
  document.getElementById("confirm").showModal();
}

function discard(view) {
  view.wanted = {};
  view.problem = null;
  view.draw();
}

async function apply(view, change) {
  view.busy = true;
  view.problem = null;
  view.draw();
  try {
    view.state = await post("/api/rollout", change);
    for (const key of Object.keys(change)) delete view.wanted[key];
    view.done = "Done: in force from now on.";
    announce(`Done. ${inWords(view.state)}`);
    setRollout(view.state);
  } catch (error) {
    view.problem = error;
    announce(`Refused: ${error.message}`);
  }
  view.busy = false;
  view.draw();
}
