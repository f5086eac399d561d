// Why callers who were to get notes got the basic answer, over the last hour, what each reason means, and what to do.

import { h } from "./dom.js";
import { count, counted, share } from "./format.js";
import { measured } from "./measured.js";
import { empty, section, table, time } from "./parts.js";
import { legend, plot, stacks } from "./plots.js";

// What each reason means, and what to do about it: a sentence, or one for each case.
const MEANINGS = {
  "upstream-status": ["The upstream answered with another status than 200.", "As it should be: its own answer passes. Many of them are the upstream's trouble, or callers with a wrong key."],
  "not-json": ["The upstream's body is no JSON object, or broke off.", "Is the status route really the one that route.status names?"],
  encoded: ["The upstream's body is compressed, although it was asked not to.", "Have the upstream, or the proxy before it, respect Accept-Encoding: identity."],
  "too-large": ["The upstream's body is longer than gloss reads in advance.", "Raise enrich.max_body_bytes, or have callers ask with include_logs=false."],
  "no-transform": ["The answer says Cache-Control: no-transform.", "Somebody on the way forbids changes: take that header away, if notes are wanted."],
  status: ["The run waits, or its status is one that gets no notes.", "As it should be: there is nothing to tell yet."],
  "no-log": ["The run has no log, or an empty one.", "Do logs.sources and logs.templates lead to where the upstream writes? A run's first seconds have none."],
  "log-unreadable": [
    "The log is there but may not be read, is no regular file, or lies outside its folder.",
    [
      ["May not be read", "give gloss's user the right: the log's group, or setfacl; of a bucket or a web server, credentials."],
      ["No regular file", "a folder, a pipe or a device has the log's name; only files are read."],
      ["Outside its folder", "a link leads out of it, and is not followed; mount what it leads to, or name that folder in logs.sources."],
      ["Which of them", "gloss doctor RUN_ID says."],
    ],
  ],
  "log-timeout": ["The storage of the logs did not answer.", "Look at the disk or the network file system; logs.timeout says how long gloss waits."],
  deadline: ["The notes were not ready in time.", "Very long logs need their first reading; if it goes on, raise enrich.budget."],
  overload: ["Too many notes were being made at once.", "Raise enrich.max_concurrent, or poll less often."],
  panic: ["A fault in gloss itself.", "The log of gloss says where. Please report it; callers are not harmed."],
  version: ["The caller pins a version of the notes that this gloss does not write.", "Have the caller ask for version 1, or leave the header Gloss-Version out."],
  rule: ["A rule denies notes for the run's workflow.", "As configured, under rollout.deny."],
  "merge-check": ["The answer with its notes was no longer one valid JSON object.", "A fault in gloss, or a very odd answer. Please report it; callers got the basic one."],
};
const TINTS = ["plot-1", "plot-2", "plot-3", "plot-4", "plot-6"];

export const fallbacks = (main) =>
  measured(main, "Fallbacks", {
    lead: () => h("p", { class: "lead" }, "Whatever goes wrong with the notes, the caller gets the upstream's own answer. Here is how often, and why."),
    body,
    absent: "This gloss does not count them for the page.",
  });

function body(data) {
  const { by_reason: seen, shadow_by_reason: inShadow } = data.fallbacks;
  const all = total(seen);
  const reasons = Object.keys(seen).sort((a, b) => seen[b] + (inShadow[b] ?? 0) - seen[a] - (inShadow[a] ?? 0));
  const occurred = reasons.filter((reason) => seen[reason] + (inShadow[reason] ?? 0));
  const rest = reasons.filter((reason) => !occurred.includes(reason));
  return [
    section("The last hour", { class: "card question" }, ...hour(data, occurred, all)),
    section(
      "Reasons",
      { class: "card question" },
      occurred.length ? reasonsList("Reasons that occurred", occurred, data) : h("p", { class: "quiet" }, "None has occurred."),
      rest.length ? h("details", { class: "numbers", key: "rest" }, h("summary", {}, `${counted(rest.length, "reason")} that did not occur`), reasonsList("Reasons that did not occur", rest, data)) : null,
    ),
  ];
}

const total = (byReason) => Object.values(byReason).reduce((sum, number) => sum + number, 0);

function hour({ fallbacks: { over_time: minutes }, since }, occurred, all) {
  const inHour = minutes.reduce((sum, minute) => sum + total(minute.by_reason), 0);
  const asked = inHour + minutes.reduce((sum, minute) => sum + minute.enhanced, 0);
  const lead = h(
    "p",
    { class: "lead" },
    `${counted(inHour, "fallback")} for ${counted(asked, "request")} for notes in the last hour (${share(inHour, asked, 1)}); ${count(all)} since `,
    time(since, "at"),
    ".",
  );
  if (!minutes.length || !occurred.length) return [lead, empty("No fallback.", "Every caller who was to get notes got them.")];
  const shown = occurred.slice(0, TINTS.length);
  const sets = shown.map((reason, at) => ({ tint: TINTS[at], values: minutes.map((minute) => minute.by_reason[reason] ?? 0) }));
  const others = minutes.map((minute) => Object.entries(minute.by_reason).reduce((sum, [reason, number]) => sum + (shown.includes(reason) ? 0 : number), 0));
  if (others.some(Boolean)) sets.push({ tint: "plot-5", values: others });
  const about = `Fallbacks by minute. ${shown.map((reason, at) => `${reason}: ${count(sets[at].values.reduce((sum, number) => sum + number, 0))}`).join("; ")} in the last hour.`;
  return [
    lead,
    h("h3", { class: "plot-title" }, "Fallbacks by minute"),
    plot("minutes", about, `${about} ${minutes.at(-1).at}`, stacks(minutes.map((minute) => Date.parse(minute.at) / 1000), sets)),
    legend(...shown.map((reason, at) => [TINTS[at], reason]), ...(others.some(Boolean) ? [["plot-5", "others"]] : [])),
    h(
      "details",
      { class: "numbers", key: "minutes" },
      h("summary", {}, "Numbers"),
      table(
        "Fallbacks by minute",
        [["Minute", ""], ["Enhanced", "number"], ["Fallbacks", "number"], ["Reasons", ""]],
        minutes.toReversed().map((minute) => [time(minute.at, "at"), count(minute.enhanced), count(total(minute.by_reason)), Object.entries(minute.by_reason).map(([reason, number]) => `${reason} ${count(number)}`).join(", ") || "–"]),
      ),
    ),
  ];
}

function reasonsList(label, reasons, { fallbacks: { by_reason: seen, shadow_by_reason: inShadow } }) {
  const all = total(seen);
  return h(
    "ul",
    { class: "reasons", "aria-label": label },
    reasons.map((reason) => {
      const [meaning, deed] = MEANINGS[reason] ?? ["–", "–"];
      const shadowed = inShadow[reason] ?? 0;
      return h(
        "li",
        { key: reason },
        h(
          "div",
          {},
          h("h3", { class: "reason-word" }, reason),
          h("p", { class: "reason-count" }, h("b", {}, counted(seen[reason], "answer")), seen[reason] ? `, ${share(seen[reason], all)} of all` : null, shadowed ? ` · ${count(shadowed)} in shadow` : null),
        ),
        h("p", {}, meaning),
        deeds(deed),
      );
    }),
  );
}

const toDo = (text) => h("span", { class: "fine" }, text);

const deeds = (deed) =>
  typeof deed === "string" ? h("p", {}, toDo("What to do: "), deed) : h("div", {}, h("p", {}, toDo("What to do:")), h("ul", { class: "cases" }, deed.map(([which, text]) => h("li", {}, h("b", {}, which), `: ${text}`))));
