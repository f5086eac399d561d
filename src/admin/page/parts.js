// What all views are put together from: states, bars, times, names, tables, notices.

import { h, show, svg } from "./dom.js";
import { ago, count, duration, fullTime, now, timeOfDay, until } from "./format.js";

const DRAWINGS = {
  running: "M8 2.5a5.5 5.5 0 1 1-5.5 5.5M8 5v3l2 1.5",
  done: "M3 8.5l3.2 3.2L13 4.8",
  failed: "M4 4l8 8M12 4l-8 8",
  stalled: "M5.5 3.5v9M10.5 3.5v9",
  lost: "M5.6 6a2.5 2.5 0 1 1 3.6 2.2c-.8.4-1.2.9-1.2 1.8M8 13h.01",
  limit: "M3 12.5h10M8 10V3M5 6l3-3 3 3",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3.2l2.2 1.3",
  stopped: "M4.5 4.5h7v7h-7z",
  pending: "M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3",
  skipped: "M3.5 8h9",
  warn: "M8 3.5v5.5M8 12.2h.01",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8M10 10l3.2 3.2",
  copy: "M5.5 5.5V3h7.5v7.5h-2.5M3 5.5h7.5V13H3z",
  back: "M9.5 3.5L5 8l4.5 4.5",
  power: "M8 2.5v5.5M4.9 4.6a4.8 4.8 0 1 0 6.2 0",
};

export function icon(name) {
  return svg(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: DRAWINGS[name] }),
  );
}

// What a run can be: a word, a drawing and a tone each, so that colour never tells alone.
const STATES = {
  running: ["Running", "running", "accent"],
  stalled: ["Stalled", "stalled", "warn"],
  success: ["Completed", "done", "good"],
  failed: ["Failed", "failed", "bad"],
  max_turns: ["Turn limit", "limit", "warn"],
  timeout: ["Timed out", "clock", "bad"],
  cancelled: ["Stopped", "stopped", "mute"],
  lost: ["Lost", "lost", "warn"],
};

export const stateOf = (overview) => (overview.outcome === "running" && overview.stalled ? "stalled" : overview.outcome);

export const wordOf = (state) => STATES[state]?.[0] ?? state;

export function badge(state) {
  const [word, drawing, tone] = STATES[state] ?? [state, "pending", "mute"];
  return h("span", { class: `badge ${tone}` }, icon(drawing), word);
}

export const chip = (tone, drawing, ...words) => h("span", { class: `badge ${tone}` }, icon(drawing), ...words);

/** How far a run is, as a bar. */
export function bar(percent, state, label) {
  const tone = STATES[state]?.[2] ?? "accent";
  return h(
    "div",
    {
      class: `meter ${tone}`,
      role: "progressbar",
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-valuenow": Math.floor(percent),
      "aria-label": label,
    },
    h("div", { class: "meter-fill", vars: { "--filled": `${Math.min(100, Math.max(0, percent))}%` } }),
  );
}

/** A text of a log: its own direction, and the whole of it where it is cut. */
export const name = (text, props) => h("bdi", { dir: "auto", title: text.length > 60 ? text.slice(0, 2000) : null, ...props }, text);

// Times that change by themselves; the texts are kept up by `tick`.
const TELLING = { ago, until, at: timeOfDay };

/** A time: "ago", "until", or the time "at" itself. The exact one is in its title. */
export function time(at, telling = "ago") {
  return h("time", { datetime: at, "data-tells": telling, title: fullTime(at) }, TELLING[telling](at));
}

/** How long something has been going on. */
export function since(at, already = 0) {
  return h("span", { "data-since": at, "data-already": already }, duration((now() - Date.parse(at)) / 1000));
}

/** Brings every time that is shown up to the second. */
export function tick() {
  for (const element of document.querySelectorAll("time[data-tells]")) {
    retell(element, TELLING[element.dataset.tells](element.dateTime));
  }
  for (const element of document.querySelectorAll("[data-since]")) {
    retell(element, duration((now() - Date.parse(element.dataset.since)) / 1000));
  }
}

function retell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A figure under its name. */
export const figure = (label, value, ...more) =>
  h("div", { class: "figure" }, h("dt", {}, label), h("dd", {}, value, more.length ? h("small", {}, ...more) : null));

export const figures = (...all) => h("dl", { class: "figures" }, ...all);

/** A part of a view, with its heading. */
export function section(title, props, ...children) {
  const id = `about-${title.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
  return h("section", { class: "card", "aria-labelledby": id, key: id, ...props }, h("h2", { id }, title), ...children);
}

/** A table: `columns` are [name, class], `rows` lists of cells, the first of which names the row. */
export function table(caption, columns, rows, props) {
  return h(
    "div",
    { class: "table-frame", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      props,
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {}, columns.map(([title, kind]) => h("th", { scope: "col", class: kind }, title)))),
      h(
        "tbody",
        {},
        rows.map((cells) =>
          h(
            "tr",
            {},
            cells.map((cell, at) => h(at ? "td" : "th", { scope: at ? null : "row", class: columns[at][1] }, cell)),
          ),
        ),
      ),
    ),
  );
}

export const notice = (tone, drawing, ...children) => h("div", { class: `notice ${tone}` }, icon(drawing), h("div", {}, ...children));

/** What a view says that has nothing to show. */
export const empty = (title, ...children) => h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), h("p", {}, ...children));

export const waiting = (what) => h("p", { class: "waiting", role: "status" }, `Loading ${what} …`);

/** A long text, cut after some lines; `open` are the texts that somebody wants whole. */
export function longText(text, key, open, redraw, limit = 600) {
  const isWhole = text.length <= limit || open.has(key);
  const toggle = () => {
    if (open.has(key)) open.delete(key);
    else open.add(key);
    redraw();
  };
  return [
    h("div", { class: "long-text", dir: "auto" }, isWhole ? text : `${text.slice(0, limit)} …`),
    text.length > limit
      ? h(
          "button",
          { type: "button", class: "link", onclick: toggle, "aria-expanded": String(isWhole) },
          isWhole ? "Show less" : `Show all ${count(text.length)} characters`,
        )
      : null,
  ];
}

/** Says something to those who do not see it. */
export function announce(text) {
  show(document.getElementById("announce"), text);
}
