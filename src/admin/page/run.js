// One run, followed as its log grows.

import { follow } from "./api.js";
import { h, show } from "./dom.js";
import { bytes, count, counted, duration, money, percent, setNow, short } from "./format.js";
import { announce, badge, bar, empty, figure, figures, icon, longText, name, notice, section, since, stateOf, table, time, waiting, wordOf } from "./parts.js";
import { timeline } from "./timeline.js";

const BASES = {
  todo: "its own to-do list",
  task: "its own task list",
  heading: "the steps it announces",
  turns: "its turns",
  history: "what earlier runs took",
  phase: "the kind of work it does",
};
// So many of the latest activities are kept while somebody looks.
const REMEMBERED = 8;

export function run(main, id) {
  document.title = `${id} · gloss`;
  const view = { main, id, run: null, gone: false, problem: null, open: new Set(), seen: [], before: null };
  view.draw = () => draw(view);
  view.draw();
  return follow(`/api/runs/${encodeURIComponent(id)}/events`, {
    data(run) {
      setNow(run.as_of);
      remember(view, run);
      tellChanges(view, run);
      Object.assign(view, { run, gone: false, problem: null });
      document.title = `${run.workflow ?? run.run_id} · gloss`;
      view.draw();
    },
    refused(refusal) {
      view.gone = refusal.status === 404;
      view.problem = refusal.message;
      view.draw();
    },
  });
}

// The activities that were seen from here; the log itself is not shown.
function remember(view, { overview }) {
  const last = view.seen[0];
  if (last?.what === overview.recent_activity) return;
  view.seen.unshift({ what: overview.recent_activity, at: overview.last_event_at });
  view.seen.length = Math.min(view.seen.length, REMEMBERED);
}

function tellChanges(view, run) {
  const before = view.run?.overview;
  if (!before) return;
  const after = run.overview;
  if (stateOf(before) !== stateOf(after)) announce(`The run is now: ${wordOf(stateOf(after))}.`);
  else if (before.current_step !== after.current_step) {
    announce(`Step ${after.current_step} of ${after.total_steps}: ${after.current_phase.slice(0, 120)}.`);
  }
}

function draw(view) {
  const { main, run } = view;
  show(
    main,
    h("nav", { class: "crumbs", "aria-label": "Where this is" }, h("a", { href: "#/runs" }, icon("back"), "Runs")),
    run ? null : h("h1", { class: "run-title" }, name(view.id)),
    view.problem ? problem(view) : null,
    run ? body(view, run) : view.problem ? null : waiting("the run"),
  );
}

function problem(view) {
  if (!view.gone) return notice("bad", "failed", view.problem);
  return notice(
    "warn",
    "lost",
    h("p", {}, h("b", {}, "This run is not in gloss's cache."), view.run ? " What is shown is what was there last." : null),
    h("p", {}, "It is shown as soon as a client asks for it with notes. This page keeps looking."),
  );
}

function body(view, run) {
  const { overview, run_details: details } = run;
  const steps = run.workflow_steps?.steps ?? run.step_by_step_results ?? [];
  return [
    title(run, overview),
    progress(run, overview, steps),
    h(
      "div",
      { class: "columns" },
      h(
        "div",
        { class: "wide" },
        section("Steps", { class: "card steps-card" }, steps.length ? timeline(steps, overview, view) : empty("No step yet.", "The first appears with the run's first action.")),
        "final_result" in run ? result(view, run) : null,
        errors(details),
        files(details),
        log(run),
      ),
      h("div", { class: "side" }, activity(view, overview), tests(details), agents(details), tools(details), usage(details.usage)),
    ),
  ];
}

function title(run, overview) {
  return h(
    "div",
    { class: "head run-head" },
    h("h1", { class: "run-title" }, name(run.workflow ?? run.run_id), badge(stateOf(overview))),
    h("p", { class: "lead" }, h("span", { class: "id" }, name(run.run_id)), overview.model ? [" · ", name(overview.model)] : null),
  );
}

const place = ({ current_step: current, total_steps: all, current_phase: phase }) => [
  all ? h("span", { class: "quiet" }, `Step ${current} of ${all} `) : null,
  name(phase),
];

const reached = (steps) => [`${count(steps.filter((step) => step.status === "completed").length)} of ${counted(steps.length, "step")} completed`];

function progress(run, overview, steps) {
  const state = stateOf(overview);
  const details = run.run_details;
  const over = state !== "running" && state !== "stalled";
  const done = Math.floor(overview.completion_percentage * 10) / 10;
  const calls = Object.values(details.tools).reduce((sum, tool) => sum + tool.calls, 0);
  const failedCalls = Object.values(details.tools).reduce((sum, tool) => sum + tool.errors, 0);
  return h(
    "section",
    { class: "card hero", "aria-label": "Progress" },
    h(
      "div",
      { class: "hero-main" },
      h("p", { class: "hero-number" }, percent(done, done % 1 ? 1 : 0)),
      h(
        "div",
        { class: "hero-text" },
        h("p", { class: "hero-phase" }, ...(over ? reached(steps) : place(overview))),
        h("p", { class: "hero-end" }, ...expectation(overview, state)),
        over ? null : h("p", { class: "hero-now" }, "Now: ", h("b", {}, name(overview.recent_activity)), overview.last_event_at ? [", ", time(overview.last_event_at)] : null),
      ),
    ),
    bar(overview.completion_percentage, state, "Progress of this run"),
    h("p", { class: "fine" }, over ? null : `By ${BASES[overview.basis] ?? overview.basis}.`, over && state !== "success" && state !== "lost" ? "How far it got." : null, state === "lost" ? "How far it got before its log fell silent." : null),
    figures(
      figure("Time", overview.started_at ? (over ? (overview.last_event_at ? duration((Date.parse(overview.last_event_at) - Date.parse(overview.started_at)) / 1000) : "–") : since(overview.started_at)) : "–", overview.started_at ? ["from ", time(overview.started_at, "at")] : ""),
      figure("Turns", count(overview.turns), overview.max_turns ? `of ${count(overview.max_turns)}` : ""),
      figure("Cost", money(overview.cost_usd), overview.cost_usd === null ? "price not known" : overview.cost_is_estimate ? "estimate" : "as stated"),
      figure("Tool calls", count(calls), failedCalls ? counted(failedCalls, "error") : ""),
      figure("Files", count(details.files.length), details.files.length ? "changed" : ""),
      figure("Log", count(run.enhancement.log_lines), "lines · ", overview.last_event_at ? time(overview.last_event_at) : ""),
    ),
  );
}

function expectation(overview, state) {
  if (state === "stalled") return ["Nothing was logged since ", overview.last_event_at ? time(overview.last_event_at, "at") : "its start", ", longer than its tools explain."];
  if (state === "lost") return ["Its log ends without a result, ", overview.last_event_at ? time(overview.last_event_at) : "long ago", "; nothing can still be writing it."];
  if (state !== "running") return [overview.last_event_at ? ["Ended ", time(overview.last_event_at), " at ", time(overview.last_event_at, "at"), "."] : "Ended."];
  if (!overview.estimated_completion) return ["When it will end is not yet to be told."];
  const interval = overview.earliest_completion
    ? [" Eight of ten such runs end between ", time(overview.earliest_completion, "at"), " and ", time(overview.latest_completion, "at"), "."]
    : [];
  return ["Done ", h("b", {}, time(overview.estimated_completion, "until")), ", at ", time(overview.estimated_completion, "at"), ".", ...interval];
}

function result(view, run) {
  const summary = run.workflow_summary;
  return section(
    "Result",
    { class: "card result" },
    summary
      ? h(
          "p",
          { class: "facts" },
          h("span", {}, `${counted(summary.total_steps_completed, "step")} completed`),
          h("span", {}, `${percent(summary.success_rate)} success`),
          summary.deployment_ready ? h("span", { class: "badge good" }, icon("done"), "Ready to deploy") : h("span", { class: "badge mute" }, icon("skipped"), "Not ready to deploy"),
        )
      : null,
    run.final_result === null ? h("p", { class: "quiet" }, "The run reported nothing at its end.") : longText(run.final_result, "result", view.open, view.draw, 1500),
  );
}

function activity(view, overview) {
  if (overview.outcome !== "running") return null;
  return section(
    "Now",
    {},
    h(
      "ol",
      { class: "feed" },
      view.seen.map((seen, at) => h("li", { class: at ? null : "newest" }, h("span", {}, name(seen.what)), seen.at ? time(seen.at) : null)),
    ),
  );
}

function errors({ errors, permission_denials: denials }) {
  if (!errors.length && !denials) return null;
  return section(
    "Errors",
    {},
    denials ? h("p", {}, `${counted(denials, "call")} refused for want of permission.`) : null,
    errors.length
      ? h(
          "ul",
          { class: "errors" },
          errors.map((error) => h("li", {}, h("p", { class: "error-head" }, icon("failed"), h("b", {}, name(error.tool)), error.at ? time(error.at) : null), h("p", { class: "error-text", dir: "auto" }, error.message))),
        )
      : null,
  );
}

function files({ files }) {
  if (!files.length) return null;
  return section(
    "Files",
    {},
    table(
      "Changed files",
      [["Path", "path"], ["Change", ""], ["Edits", "number"]],
      files.map((file) => [name(file.path), file.change === "created" ? h("span", { class: "badge good" }, "+ created") : h("span", { class: "badge mute" }, "~ modified"), count(file.edits)]),
    ),
  );
}

function tests({ tests }) {
  if (!tests.runs) return null;
  const all = tests.passed + tests.failed + tests.skipped;
  const part = (number, tone) => (number ? h("span", { class: tone, vars: { "--part": `${(number / all) * 100}%` } }) : null);
  return section(
    "Tests",
    {},
    h("div", { class: "parts", role: "img", "aria-label": `${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped` }, part(tests.passed, "good"), part(tests.failed, "bad"), part(tests.skipped, "mute")),
    figures(figure("Passed", count(tests.passed)), figure("Failed", count(tests.failed)), figure("Skipped", count(tests.skipped))),
    h("p", { class: "fine" }, `By the last full run of each command; ${counted(tests.runs, "test run")} seen.`),
  );
}

const AGENT_TONES = { completed: ["good", "done"], failed: ["bad", "failed"], running: ["accent", "running"] };

function agents({ sub_agents: agents }) {
  if (!agents.length) return null;
  return section(
    "Sub-agents",
    {},
    h(
      "ul",
      { class: "agents" },
      agents.map((agent) => {
        const [tone, drawing] = AGENT_TONES[agent.status] ?? ["mute", "pending"];
        return h(
          "li",
          {},
          h("p", {}, h("b", {}, name(agent.name)), h("span", { class: `badge ${tone}` }, icon(drawing), agent.status)),
          h("p", { class: "quiet" }, name(agent.description), ` · ${counted(agent.tool_calls, "call")}`),
        );
      }),
    ),
  );
}

function tools({ tools }) {
  const used = Object.entries(tools).sort(([, a], [, b]) => b.calls - a.calls);
  if (!used.length) return null;
  const most = used[0][1].calls;
  return section(
    "Tools",
    {},
    table(
      "Calls and errors by tool",
      [["Tool", ""], ["Calls", "share-bar"], ["Errors", "number"]],
      used.map(([tool, { calls, errors }]) => [
        name(tool),
        h("div", { class: "in-bar" }, h("span", { class: "in-bar-fill", vars: { "--filled": `${(calls / most) * 100}%` } }), h("span", {}, count(calls))),
        errors ? h("span", { class: "bad-text" }, count(errors)) : "0",
      ]),
    ),
  );
}

function usage(usage) {
  const models = Object.entries(usage.by_model);
  return section(
    "Usage",
    {},
    figures(
      figure("Input", short(usage.input_tokens)),
      figure("Output", short(usage.output_tokens)),
      figure("Cache read", short(usage.cache_read_tokens)),
      figure("Cache written", short(usage.cache_creation_tokens)),
    ),
    models.length
      ? table(
          "Tokens and cost by model",
          [["Model", ""], ["Output", "number"], ["Cost", "number"]],
          models.map(([model, share]) => [name(model), short(share.output_tokens), share.cost_is_estimate ? `≈ ${money(share.cost_usd)}` : money(share.cost_usd)]),
        )
      : null,
  );
}

function log({ enhancement, run_details: details }) {
  const rows = [
    ["Source", enhancement.log_source],
    ["Read", `${bytes(enhancement.log_bytes)}, ${counted(enhancement.log_lines, "line")}`],
    ["Not understood", counted(enhancement.unrecognised_lines, "line")],
    ["Cut by the log", counted(enhancement.truncated_values, "value")],
    ["Complete", enhancement.complete ? "yes" : "no: it starts late or has gaps"],
    ["Compactions", count(details.compactions)],
    ["Session", details.claude_session_id ? name(details.claude_session_id) : "not known"],
  ];
  return section("Log", {}, h("dl", { class: "pairs" }, rows.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value)))));
}
