// The runs in gloss's cache, newest activity first.

import { follow } from "./api.js";
import { h, show } from "./dom.js";
import { count, counted, duration, money, percent, setNow } from "./format.js";
import { announce, badge, bar, empty, icon, name, notice, stateOf, time, waiting, wordOf } from "./parts.js";

const FILTERS = [
  ["all", "All"],
  ["running", "Running"],
  ["stalled", "Stalled"],
  ["completed", "Completed"],
  ["failed", "Failed"],
  ["lost", "Lost"],
];
const PAGE = 50;
// Somebody who types is not asked after every letter.
const TYPING = 200;

export function runs(main, asked) {
  document.title = "Runs · gloss";
  const view = {
    main,
    search: asked.get("q") ?? "",
    status: FILTERS.some(([status]) => status === asked.get("status")) ? asked.get("status") : "all",
    offset: Number(asked.get("offset")) || 0,
    list: null,
    problem: null,
    states: new Map(),
    stop: () => {},
  };
  view.again = () => again(view);
  view.draw = () => draw(view);
  view.draw();
  listen(view);
  if (asked.has("search")) document.getElementById("search").focus();
  const keys = (event) => move(event);
  document.addEventListener("keydown", keys);
  return () => {
    view.stop();
    document.removeEventListener("keydown", keys);
  };
}

function listen(view) {
  view.stop();
  const query = new URLSearchParams({ q: view.search, status: view.status, limit: PAGE, offset: view.offset });
  view.stop = follow(`/api/events?${query}`, {
    data(list) {
      setNow(list.as_of);
      tellChanges(view, list);
      view.list = list;
      view.problem = null;
      view.draw();
    },
    refused(refusal) {
      view.problem = refusal.message;
      view.draw();
    },
  });
}

function again(view) {
  const query = new URLSearchParams();
  if (view.search) query.set("q", view.search);
  if (view.status !== "all") query.set("status", view.status);
  if (view.offset) query.set("offset", view.offset);
  // Into the address, so that it can be kept and sent, but without a new view.
  history.replaceState(null, "", `#/runs${query.size ? `?${query}` : ""}`);
  view.draw();
  listen(view);
}

// Only what somebody who listens wants to know: a run that has come to its end, or to a stop.
function tellChanges(view, list) {
  const news = [];
  for (const run of list.runs) {
    const state = stateOf(run);
    const before = view.states.get(run.run_id);
    if (before && before !== state) news.push(`${run.workflow ?? run.run_id}: ${wordOf(state)}`);
    view.states.set(run.run_id, state);
  }
  if (news.length) announce(news.slice(0, 3).join(". "));
}

function draw(view) {
  const { main, list } = view;
  show(
    main,
    h("div", { class: "head" }, h("h1", {}, "Runs"), list ? h("p", { class: "lead" }, summary(list.counts)) : null),
    controls(view),
    view.problem ? notice("bad", "failed", view.problem) : null,
    list ? (list.runs.length ? [rows(list.runs), pages(view)] : nothing(view)) : waiting("runs"),
  );
}

function summary(counts) {
  const parts = [`${counted(counts.running, "run")} going on`];
  if (counts.stalled) parts.push(`${count(counts.stalled)} stalled`);
  if (counts.lost) parts.push(`${count(counts.lost)} lost`);
  parts.push(`${count(counts.all)} in the cache`);
  return parts.join(" · ");
}

function controls(view) {
  const type = (event) => {
    clearTimeout(view.typing);
    const value = event.target.value;
    view.typing = setTimeout(() => {
      view.search = value.trim();
      view.offset = 0;
      view.again();
    }, TYPING);
  };
  const escape = (event) => {
    if (event.key !== "Escape") return;
    if (event.target.value) {
      event.target.value = "";
      type(event);
    } else event.target.blur();
  };
  return h(
    "div",
    { class: "controls" },
    h(
      "div",
      { class: "search" },
      icon("search"),
      h("label", { class: "unseen", for: "search" }, "Search runs by id, workflow, model, phase or activity"),
      h("input", {
        id: "search",
        type: "search",
        placeholder: "Search id, workflow, activity …",
        value: view.search,
        maxlength: 200,
        autocomplete: "off",
        spellcheck: "false",
        oninput: type,
        onkeydown: escape,
      }),
      h("kbd", { "aria-hidden": "true" }, "/"),
    ),
    h(
      "div",
      { class: "choices", role: "group", "aria-label": "Show runs that are" },
      FILTERS.map(([status, title]) =>
        h(
          "button",
          {
            type: "button",
            key: status,
            "aria-pressed": String(view.status === status),
            onclick: () => {
              view.status = status;
              view.offset = 0;
              view.again();
            },
          },
          title,
          view.list ? h("span", { class: "count" }, count(view.list.counts[status])) : null,
        ),
      ),
    ),
  );
}

function nothing(view) {
  if (view.search || view.status !== "all") {
    return empty("No run fits.", "Try another word, or look at all of them.");
  }
  return empty(
    "No run yet.",
    "A run appears here as soon as gloss has made notes for it: ask for one with the header ",
    h("code", {}, "Gloss: enhanced"),
    ", or let gloss look on with ",
    h("code", {}, "Gloss: shadow"),
    ".",
  );
}

const COLUMNS = [
  ["Run", ""],
  ["State", ""],
  ["Progress", ""],
  ["End", ""],
  ["Last activity", ""],
  ["Turns", "number"],
  ["Cost", "number"],
];

// Roles are named, since on a phone the rows are laid out as cards and browsers take away what they are.
function rows(runs) {
  return h(
    "table",
    { class: "runs", role: "table" },
    h("caption", { class: "unseen" }, "Runs, newest activity first"),
    h(
      "thead",
      { role: "rowgroup" },
      h("tr", { role: "row" }, COLUMNS.map(([title, kind]) => h("th", { scope: "col", role: "columnheader", class: kind }, title))),
    ),
    h("tbody", { role: "rowgroup" }, runs.map(row)),
  );
}

function row(run) {
  const state = stateOf(run);
  const title = run.workflow ?? run.run_id;
  const cell = (kind, ...children) => h("td", { role: "cell", class: kind }, ...children);
  return h(
    "tr",
    { role: "row", key: run.run_id, class: "run-row" },
    h(
      "th",
      { scope: "row", role: "rowheader", class: "c-run" },
      h("a", { class: "run-link", href: `#/runs/${encodeURIComponent(run.run_id)}` }, name(title)),
      run.workflow ? h("span", { class: "id" }, name(run.run_id)) : null,
    ),
    cell("c-state", badge(state)),
    cell(
      "c-progress",
      h("div", { class: "progress-line" }, bar(run.completion_percentage, state, `Progress of ${title.slice(0, 80)}`), h("b", {}, percent(Math.floor(run.completion_percentage)))),
      h(
        "span",
        { class: "sub cut" },
        ...(state === "success" ? [counted(run.total_steps, "step")] : [run.total_steps ? `Step ${run.current_step} of ${run.total_steps} · ` : null, name(run.current_phase, { title: run.current_phase.slice(0, 2000) })]),
      ),
    ),
    cell("c-end", ...end(run, state)),
    cell("c-activity", h("span", { class: "cut" }, name(run.recent_activity, { title: run.recent_activity })), h("span", { class: "sub" }, run.last_event_at ? time(run.last_event_at) : "no time known")),
    cell("number c-turns", label("Turns "), run.max_turns ? `${count(run.turns)} / ${count(run.max_turns)}` : count(run.turns)),
    cell("number c-cost", label("Cost "), run.cost_is_estimate ? "≈ " : null, money(run.cost_usd)),
  );
}

// Says on a phone what the column's heading says elsewhere.
const label = (text) => h("span", { class: "small-label", "aria-hidden": "true" }, text);

// When it will end, or has.
function end(run, state) {
  if (state === "running") {
    if (!run.estimated_completion) return [h("span", { class: "quiet" }, "not yet known")];
    return [
      label("Done "),
      time(run.estimated_completion, "until"),
      run.earliest_completion && run.latest_completion
        ? h("span", { class: "sub" }, time(run.earliest_completion, "at"), " – ", time(run.latest_completion, "at"))
        : null,
    ];
  }
  if (state === "stalled" || state === "lost" || !run.last_event_at) return [h("span", { class: "quiet" }, "not to be told")];
  const took = run.started_at ? (Date.parse(run.last_event_at) - Date.parse(run.started_at)) / 1000 : null;
  return [label("Ended "), time(run.last_event_at), took === null ? null : h("span", { class: "sub" }, `took ${duration(took)}`)];
}

function pages(view) {
  const { total, runs } = view.list;
  if (total <= PAGE && !view.offset) return null;
  const go = (offset) => () => {
    view.offset = Math.max(0, offset);
    view.again();
  };
  return h(
    "nav",
    { class: "pages", "aria-label": "Pages" },
    h("button", { type: "button", class: "button", disabled: view.offset === 0, onclick: go(view.offset - PAGE) }, "Newer"),
    h("span", {}, `${count(view.offset + 1)} to ${count(view.offset + runs.length)} of ${count(total)}`),
    h("button", { type: "button", class: "button", disabled: view.offset + PAGE >= total, onclick: go(view.offset + PAGE) }, "Older"),
  );
}

// j and k, or the arrows once a run has the focus, go from run to run.
function move(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.matches("input, textarea, select")) return;
  const links = [...document.querySelectorAll(".run-link")];
  const at = links.indexOf(document.activeElement);
  const isArrow = at >= 0 && (event.key === "ArrowDown" || event.key === "ArrowUp");
  if (!links.length || !(isArrow || event.key === "j" || event.key === "k")) return;
  event.preventDefault();
  const down = event.key === "j" || event.key === "ArrowDown";
  const next = at < 0 ? (down ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + (down ? 1 : -1)));
  links[next].focus();
}
