// A run's steps in order, each with its place in the run's time.

import { h } from "./dom.js";
import { count, counted, duration, money, now } from "./format.js";
import { icon, longText, name, since, time } from "./parts.js";

const STATES = {
  pending: ["Pending", "pending", "mute"],
  in_progress: ["In progress", "running", "accent"],
  completed: ["Completed", "done", "good"],
  failed: ["Failed", "failed", "bad"],
  skipped: ["Skipped", "skipped", "mute"],
};

export function timeline(steps, overview, view) {
  const span = extent(steps, overview);
  return [
    span
      ? h(
          "div",
          { class: "scale", "aria-hidden": "true" },
          h("span", {}, time(new Date(span.from).toISOString(), "at")),
          h("span", {}, duration((span.to - span.from) / 1000)),
          h("span", {}, overview.outcome === "running" ? "now" : time(new Date(span.to).toISOString(), "at")),
        )
      : null,
    h("ol", { class: "steps" }, steps.map((step) => row(step, span, view))),
  ];
}

// From the first line to the last, or to this moment while the run goes on.
function extent(steps, overview) {
  const moments = steps.flatMap((step) => [step.started_at, step.completed_at]).concat(overview.started_at, overview.last_event_at);
  const known = moments.filter(Boolean).map(Date.parse);
  if (!known.length) return null;
  const from = Math.min(...known);
  const to = Math.max(...known, overview.outcome === "running" ? now() : 0);
  return to > from ? { from, to } : null;
}

function row(step, span, view) {
  const [word, drawing, tone] = STATES[step.status] ?? [step.status, "pending", "mute"];
  const facts = [
    step.tool_calls ? counted(step.tool_calls, "call") : null,
    step.cost === null || step.cost === 0 ? null : `≈ ${money(step.cost)}`,
  ].filter(Boolean);
  return h(
    "li",
    { class: `step ${tone} is-${step.status}`, key: `step-${step.step_id}`, "aria-current": step.status === "in_progress" ? "step" : null },
    h("span", { class: "step-mark" }, icon(drawing), h("span", { class: "unseen" }, `${word}: `)),
    h(
      "div",
      { class: "step-body" },
      h("p", { class: "step-name" }, h("span", { class: "step-id" }, count(step.step_id)), name(step.name)),
      facts.length || step.tools_used.length
        ? h("p", { class: "step-facts" }, facts.map((fact) => h("span", {}, fact)), step.tools_used.slice(0, 6).map((tool) => h("span", { class: "tool" }, name(tool))), step.tools_used.length > 6 ? h("span", {}, `and ${step.tools_used.length - 6} more`) : null)
        : null,
      step.result ? h("div", { class: "step-result" }, longText(step.result, `step-${step.step_id}`, view.open, view.draw, 240)) : null,
      step.error ? h("p", { class: "step-error", dir: "auto" }, icon("failed"), step.error) : null,
    ),
    h("div", { class: "step-time" }, took(step), track(step, span)),
  );
}

function took(step) {
  if (step.status === "in_progress" && step.started_at) return h("span", { class: "step-took" }, since(step.started_at));
  return h("span", { class: "step-took" }, step.duration_seconds === null ? "" : duration(step.duration_seconds));
}

function track(step, span) {
  if (!span || !step.started_at) return h("div", { class: "track", "aria-hidden": "true" });
  const begin = Date.parse(step.started_at);
  const end = step.completed_at ? Date.parse(step.completed_at) : step.status === "in_progress" ? now() : begin;
  const place = (moment) => ((moment - span.from) / (span.to - span.from)) * 100;
  return h(
    "div",
    { class: "track", "aria-hidden": "true" },
    h("div", { class: "track-fill", vars: { "--from": `${place(begin).toFixed(2)}%`, "--for": `${Math.max(0, place(end) - place(begin)).toFixed(2)}%` } }),
  );
}
