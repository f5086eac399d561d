// What the A/B measures: four questions, each with an answer in words, a plot and its numbers.

import { h } from "./dom.js";
import { bytes, count, counted, latency, percent, share } from "./format.js";
import { measured } from "./measured.js";
import { chip, empty, icon, name, section, table, time } from "./parts.js";
import { columns, legend, plot, shares } from "./plots.js";

const VARIANTS = [
  ["basic", "Basic", "plot-basic", "dashed"],
  ["enhanced", "Enhanced", "plot-enhanced", "solid"],
  ["shadow", "Shadow", "plot-shadow", "dotted"],
  ["compare", "Compare", "plot-compare", "solid"],
];

export const comparison = (main) =>
  measured(main, "Comparison", {
    lead: (data) => (data ? h("p", { class: "lead" }, `${counted(seen(data), "status request")} since `, time(data.since, "at"), ", counted as what the caller received, and errors as what it was to receive.") : null),
    body: (data) => (seen(data) ? [broke(data), cost(data), useful(data), eta(data)] : nothing()),
    absent: "This gloss does not compare.",
  });

const seen = ({ variants }) => VARIANTS.reduce((sum, [variant]) => sum + variants[variant].requests, 0);

const nothing = () =>
  empty(
    "Nothing to compare yet.",
    "Numbers come with the first status requests. Ask with the header ",
    h("code", {}, "Gloss: enhanced"),
    " for some of them, or set ",
    h("a", { href: "#/rollout" }, "the rollout"),
    " to shadow: then every answer stays basic, and the notes are made beside it.",
  );

function question(title, tone, verdict, ...children) {
  const drawing = { good: "done", bad: "failed", warn: "warn", mute: "pending" }[tone];
  return section(title, { class: "card question" }, h("p", { class: `verdict ${tone}` }, icon(drawing), h("span", {}, verdict)), ...children);
}

const numbers = (title, ...children) => h("details", { class: "numbers", key: title }, h("summary", {}, title), ...children);

const titled = (title, about, ...children) => h("div", {}, h("h3", { class: "plot-title" }, title), h("p", { class: "plot-about" }, about), ...children);

// Did anything break?

function broke(data) {
  const { proof, noise, variants, mismatches } = data;
  const used = VARIANTS.filter(([variant]) => variants[variant].requests);
  const rates = used.map(([variant]) => (variants[variant].errors / variants[variant].requests) * 100);
  const about = used.map(([variant, title], at) => `${title}: ${percent(rates[at], 2)} of ${count(variants[variant].requests)}`).join("; ");
  const errors = sum(used, variants, "errors");
  const [tone, ofNotes] = provedByNow(proof);
  return question(
    "Did anything break?",
    // A proof is of answers that there are: it says nothing of those that nobody got.
    tone !== "bad" && errors ? "warn" : tone,
    [ofNotes, errors ? unanswered(errors, sum(used, variants, "requests")) : null],
    h(
      "div",
      { class: "pair" },
      titled(
        "Errors",
        `Share of requests without an answer, or with a 5xx · ${counted(sum(used, variants, "requests"), "request")}. They are the service's, or of the way to it, and booked by what was to be given`,
        plot("errors", `Error rates. ${about}.`, about, columns(used.map(([, title]) => title), [{ tint: "plot-2", values: rates }], { tell: (y) => percent(y, y < 10 && y % 1 ? 2 : 0), top: Math.max(1, ...rates) })),
      ),
      titled("Two answers to one question", pairsSeen(noise), noisePlot(noise)),
    ),
    numbers(
      "Numbers",
      table(
        "Requests and errors by variant",
        [["Received", ""], ["Requests", "number"], ["Errors", "number"], ["Share", "number"]],
        used.map(([variant, title]) => [title, count(variants[variant].requests), count(variants[variant].errors), share(variants[variant].errors, variants[variant].requests, 2)]),
      ),
      table(
        "Pairs of answers",
        [["Pair", ""], ["Pairs", "number"], ["Same", "number"], ["Share", "number"], ["Members that differ", ""]],
        [pairRow("Basic and basic, asked again (A/A)", noise.a_a), pairRow("Basic and enhanced, notes taken away (A/B)", noise.a_b)],
      ),
    ),
    mismatches.length ? differences(mismatches) : null,
  );
}

function provedByNow({ checked, failed }) {
  if (failed) return ["bad", `Of ${counted(checked, "checked answer")}, ${count(failed)} would have been more than the service's own with notes added, and went out without notes. Look at the differences below.`];
  if (checked) return ["good", `No answer was damaged by notes: all ${count(checked)} checked are the service's own to the byte, once the notes are taken away.`];
  return ["mute", "Not yet known of notes: no enhanced answer has been checked."];
}

const unanswered = (errors, all) => [
  ` But ${count(errors)} of ${counted(all, "request")} got no answer from the service, or an error. What gloss had to answer itself is counted by `,
  h("code", {}, "gloss_rescues_total"),
  "; what the service answered where notes were wanted, by ",
  h("a", { href: "#/fallbacks" }, "the fallbacks"),
  " as ",
  h("code", {}, "upstream-status"),
  ".",
];

const sum = (used, variants, field) => used.reduce((total, [variant]) => total + variants[variant][field], 0);

// The service at work gives another answer a moment later. Who does not know that takes the low column for the alarm.
const pairsSeen = ({ a_a, a_b }) =>
  `Share that is the same to the byte, of requests for a comparison. A/A: two answers of the service, asked one after the other (${counted(a_a.pairs, "pair")}); what differs is its own doing, like a run that goes on. A/B: the second of them, and the same with notes, which are taken away (${count(a_b.pairs)}); what differs is gloss's`;

function noisePlot({ a_a, a_b }) {
  if (!a_a.pairs && !a_b.pairs) {
    return empty("No pair yet.", "Pairs come with the header ", h("code", {}, "Gloss: compare"), ", which asks for both answers in one, where ", h("code", {}, "compare.enabled"), " is on.");
  }
  const of = ({ pairs, same }) => (pairs ? (same / pairs) * 100 : null);
  const about = `A/A ${share(a_a.same, a_a.pairs, 1)} the same of ${count(a_a.pairs)}; A/B ${share(a_b.same, a_b.pairs, 1)} of ${count(a_b.pairs)}`;
  return plot("noise", about, about, columns(["A/A", "A/B"], [{ tint: "plot-enhanced", values: [of(a_a), of(a_b)] }], { tell: (y) => percent(y), top: 100 }));
}

function pairRow(title, { pairs, same, differing_members: members }) {
  const differing = Object.entries(members).sort(([, a], [, b]) => b - a);
  return [title, count(pairs), count(same), share(same, pairs, 1), differing.length ? differing.map(([member, times], at) => [at ? ", " : "", name(member), ` ${count(times)}×`]) : "none"];
}

function differences(mismatches) {
  return numbers(
    `The last ${counted(mismatches.length, "difference")}`,
    mismatches.toReversed().map(({ at, pair, what, a, b }) => {
      const [first, second] = pair === "a_a" ? ["Basic", "Basic, asked again"] : ["Basic", "Enhanced, notes taken away"];
      return h(
        "div",
        { class: "mismatch" },
        h("p", {}, chip("mute", "warn", pair === "a_a" ? "A/A" : "A/B"), " ", name(what), " · ", time(at)),
        h("dl", {}, h("div", {}, h("dt", {}, first), h("dd", { dir: "auto" }, a)), h("div", {}, h("dt", {}, second), h("dd", { dir: "auto" }, b))),
      );
    }),
  );
}

// What did it cost?

function cost({ variants }) {
  const used = VARIANTS.filter(([variant]) => variants[variant].total_seconds.count);
  const made = ["enhanced", "shadow"].filter((variant) => variants[variant].added_seconds.count);
  const added = variants.enhanced.added_seconds;
  const verdict = added.count
    ? [added.p99 > 0.25 ? "warn" : "good", `Half of the enhanced answers waited at most ${latency(added.p50)} longer, 99 of 100 at most ${latency(added.p99)} (${counted(added.count, "answer")}).`]
    : ["mute", "Not yet known: no enhanced answer was sent."];
  return question(
    "What did it cost?",
    ...verdict,
    h(
      "div",
      { class: "pair" },
      titled("Time to the whole answer", `Share of answers that took at most so long · ${counted(used.reduce((total, [variant]) => total + variants[variant].total_seconds.count, 0), "answer")}`, ...curves("total", used, variants, "total_seconds")),
      titled(
        "What gloss added to it",
        `Share of answers to which gloss added at most so much · ${counted(made.reduce((total, variant) => total + variants[variant].added_seconds.count, 0), "answer")}`,
        ...curves("added", VARIANTS.filter(([variant]) => variants[variant].added_seconds.count), variants, "added_seconds"),
      ),
    ),
    numbers(
      "Numbers",
      ["total_seconds", "upstream_seconds", "added_seconds", "body_bytes"].map((field) => distributions(field, variants)),
    ),
  );
}

const FIELDS = {
  total_seconds: ["Time to the whole answer", latency],
  upstream_seconds: ["Of it, the upstream's", latency],
  added_seconds: ["Of it, what gloss added", latency],
  body_bytes: ["Size of the answer", bytes],
};

function distributions(field, variants) {
  const [title, tell] = FIELDS[field];
  const used = VARIANTS.filter(([variant]) => variants[variant][field].count);
  if (!used.length) return null;
  return table(
    title,
    [[title, ""], ["Answers", "number"], ["Mean", "number"], ["p50", "number"], ["p90", "number"], ["p99", "number"], ["Most", "number"]],
    used.map(([variant, shown]) => {
      const one = variants[variant][field];
      return [shown, count(one.count), ...["mean", "p50", "p90", "p99", "max"].map((which) => tell(one[which]))];
    }),
  );
}

function curves(key, used, variants, field) {
  const lines = used.map(([variant, , tint, stroke]) => ({ tint, stroke, points: cumulated(variants[variant][field]) })).filter(({ points }) => points.length);
  if (!lines.length) return [empty("No answer yet.", "The curve begins with the first.")];
  const about = used.map(([variant, title]) => `${title}: half within ${latency(variants[variant][field].p50)}, 99 of 100 within ${latency(variants[variant][field].p99)}`).join("; ");
  const version = used.map(([variant]) => `${variant} ${variants[variant][field].count}`).join(" ");
  return [plot(key, about, version, shares(lines, latency)), legend(...used.map(([variant, title, tint, stroke]) => [tint, `${title} (${count(variants[variant][field].count)})`, stroke]))];
}

function cumulated({ buckets, count: all }) {
  let below = 0;
  return buckets.filter(([bound]) => bound > 0).map(([bound, number]) => {
    below += number;
    return [bound, below / all];
  });
}

// Was it more useful?

const KINDS = [
  ["basic_result", "Basic: a result", "plot-basic"],
  ["enhanced_result", "Enhanced: a result", "plot-enhanced"],
  ["with_steps", "Enhanced: steps", "plot-compare"],
  ["with_eta", "Enhanced: an ETA", "plot-shadow"],
];
const STATUSES = [
  ["running", "Running"],
  ["completed", "Completed"],
  ["failed", "Failed"],
  ["timeout", "Timeout"],
  ["killed", "Killed"],
];

function useful({ usefulness }) {
  const { total, by_status: byStatus } = usefulness;
  if (!total.answers) return question("Was it more useful?", "mute", "Not yet known: no answer was seen in both forms.");
  const shown = STATUSES.filter(([status]) => byStatus[status]?.answers);
  const groups = [["All", total], ...shown.map(([status, title]) => [title, byStatus[status]])];
  const about = KINDS.map(([field, title]) => `${title} in ${share(total[field], total.answers)}`).join("; ");
  const gain = total.enhanced_result + total.with_steps > total.basic_result;
  return question(
    "Was it more useful?",
    gain ? "good" : "warn",
    `Basic had a result in ${share(total.basic_result, total.answers)} of answers, enhanced in ${share(total.enhanced_result, total.answers)}; steps came with ${share(total.with_steps, total.answers)}, an ETA with ${share(total.with_eta, total.answers)} (${counted(total.answers, "answer")}).`,
    titled(
      "What answers had in them",
      `Share of answers, by the run's status · ${counted(total.answers, "answer")} seen in both forms`,
      plot("useful", about, JSON.stringify(usefulness), columns(groups.map(([title]) => title), KINDS.map(([field, , tint]) => ({ tint, values: groups.map(([, one]) => (one[field] / one.answers) * 100) })), { tell: (y) => percent(y), top: 100 })),
      legend(...KINDS.map(([, title, tint]) => [tint, title])),
    ),
    numbers(
      "Numbers",
      table(
        "What answers had in them, by status",
        [["Status", ""], ["Answers", "number"], ...KINDS.map(([, title]) => [title, "number"])],
        groups.map(([title, one]) => [title, count(one.answers), ...KINDS.map(([field]) => `${count(one[field])} (${share(one[field], one.answers)})`)]),
      ),
    ),
  );
}

// Was the ETA right?

// From so many runs on, the share of intervals that held says something of the next ones.
const ENOUGH_RUNS = 10;
// A column that is higher is cut: next to an error of a hundred times the time left, all others look like none.
const MOST_ERROR = 200;

function eta({ eta }) {
  if (!eta.predictions) {
    return question("Was the ETA right?", "mute", "Not yet known: a prediction is judged when its run has ended, and none has.");
  }
  const hit = eta.with_interval ? eta.in_interval / eta.with_interval : null;
  // Without their unit five of them have room on a phone.
  const places = eta.by_progress.map((band) => `${band.from_percent}–${band.to_percent}`);
  const bands = eta.by_progress.map((band) => `${band.from_percent}–${band.to_percent} %`);
  const errors = eta.by_progress.map((band) => (band.median_error_share === null ? null : band.median_error_share * 100));
  const hits = eta.by_progress.map((band) => (band.with_interval ? (band.in_interval / band.with_interval) * 100 : null));
  const seen = `${counted(eta.predictions, "prediction")} of ${counted(eta.runs, "run")}`;
  const told = (values) => bands.map((band, at) => `${band}: ${values[at] === null ? "none" : percent(values[at])}`).join("; ");
  const isEnough = eta.runs >= ENOUGH_RUNS;
  const held = hit === null ? `${seen}; none of them had an interval.` : `${percent(hit * 100)} of the real ends lay within the interval that was told; it is made for 80 % (${seen}).`;
  const isCut = errors.some((error) => error > MOST_ERROR);
  return question(
    "Was the ETA right?",
    hit === null || !isEnough ? "mute" : hit >= 0.7 ? "good" : "warn",
    isEnough ? held : `Too few runs to tell; from ${ENOUGH_RUNS} on, it begins to mean something. So far: ${held}`,
    h(
      "div",
      { class: "pair" },
      titled(
        "How far off it was",
        `Median error as a share of the time that was left, by the progress in % at the time · ${seen}${isCut ? `. Cut at ${percent(MOST_ERROR)}, with the value above` : ""}`,
        plot("eta-error", told(errors), told(errors), columns(places, [{ tint: "plot-2", values: errors }], { tell: (y) => (y < 1000 ? percent(y) : `${count(Math.round(y / 100))}×`), most: MOST_ERROR })),
      ),
      titled(
        "How often the interval held",
        `Share of ends within it, by the progress in % at the time; the line is the 80 % it is made for · ${counted(eta.with_interval, "interval")}`,
        plot("eta-interval", told(hits), told(hits), columns(places, [{ tint: "plot-enhanced", values: hits }], { tell: (y) => percent(y), top: 100, line: 80 })),
      ),
    ),
    numbers(
      "Numbers",
      table(
        "Predictions by the progress at the time",
        [["Progress", ""], ["Predictions", "number"], ["Median error", "number"], ["Of the time left", "number"], ["Within the interval", "number"]],
        eta.by_progress.map((band, at) => [
          bands[at],
          count(band.predictions),
          latency(band.median_error_seconds),
          errors[at] === null ? "–" : percent(errors[at]),
          band.with_interval ? `${count(band.in_interval)} of ${count(band.with_interval)} (${share(band.in_interval, band.with_interval)})` : "–",
        ]),
      ),
    ),
  );
}
