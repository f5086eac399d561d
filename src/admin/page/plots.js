// Plots by uPlot, in the page's own colours. Each has its numbers in a table beside it: a canvas tells no one anything
// who cannot see it.

import uPlot from "./vendor/uPlot.esm.js";
import { h } from "./dom.js";

const HEIGHT = 220;
const dark = matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map();

dark.addEventListener("change", () => {
  for (const plot of drawn.values()) plot.redraw();
});

/**
 * A place for a plot. `about` says in words what it shows; `make` gives uPlot's options and data, and is called again
 * when the colours change; `key` is the plot's own, and `version` another when its data is.
 */
export function plot(key, about, version, make) {
  const element = h("div", { class: "plot", key, role: "img", "aria-label": about, "data-own": true });
  // After the element, or the one that it stands for, is in the page.
  queueMicrotask(() => settle(key, version, make));
  return element;
}

/** Forgets what is no longer in the page. */
export function clear() {
  for (const [key, plot] of drawn) {
    plot.end();
    drawn.delete(key);
  }
}

function settle(key, version, make) {
  const place = document.querySelector(`[data-own][data-key="${CSS.escape(key)}"]`);
  if (!place) return;
  const known = drawn.get(key);
  if (known?.place === place) {
    if (known.version === version) return;
    known.version = version;
    known.make = make;
    known.redraw();
    return;
  }
  known?.end();
  drawn.set(key, begin(place, version, make));
}

function begin(place, version, make) {
  const own = { place, version, make };
  let chart = null;
  own.redraw = () => {
    chart?.destroy();
    const { options, data } = own.make(colours());
    chart = new uPlot({ width: width(place), height: HEIGHT, ...frame, ...options }, data, place);
  };
  const observer = new ResizeObserver(() => {
    const wanted = width(place);
    if (chart && chart.width !== wanted) chart.setSize({ width: wanted, height: HEIGHT });
  });
  own.end = () => {
    observer.disconnect();
    chart?.destroy();
  };
  own.redraw();
  observer.observe(place);
  return own;
}

const width = (place) => Math.max(200, Math.floor(place.clientWidth));

const frame = { legend: { show: false }, cursor: { show: false }, padding: [14, 18, 0, 0] };

function colours() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

const axis = (colour, more) => ({
  stroke: colour("ink-3"),
  font: `12px ${colour("sans")}`,
  grid: { stroke: colour("line"), width: 1 },
  ticks: { show: false },
  gap: 6,
  ...more,
});

// As wide as the longest of its texts, `least` at least, so that plots beside each other mostly stand alike.
const fitting = (least) => (chart, texts, at, cycle) => {
  const { _size: before, font, gap } = chart.axes[at];
  // Asked anew until nothing moves: a width that came and went with the texts would have no end.
  if (cycle > 1) return before;
  chart.ctx.font = font[0];
  const widths = (texts ?? []).map((text) => (text ? chart.ctx.measureText(text).width / devicePixelRatio : 0));
  return Math.max(least, Math.ceil(Math.max(0, ...widths)) + gap + 4);
};

const DASHES = { solid: [], dashed: [7, 4], dotted: [2, 4] };

/** Which share (0 to 1) took at most so long: `lines` are {tint, stroke, points: [[x, share], …]}; x is logarithmic. */
export function shares(lines, tell) {
  return (colour) => {
    const xs = [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
    const ys = lines.map(({ points }) => steps(points, xs));
    return {
      data: [xs, ...ys],
      options: {
        scales: { x: { time: false, distr: 3, range: around }, y: { range: [0, 1] } },
        axes: [
          axis(colour, { splits: decades, values: (_, splits) => splits.map((x) => (x === null ? null : tell(x).replace(/\.0+ /, " "))), filter: readable, grid: { stroke: colour("line"), width: 1, filter: readable }, size: 30 }),
          axis(colour, { values: (_, splits) => splits.map((y) => `${Math.round(y * 100)} %`), size: fitting(52), incrs: [0.25] }),
        ],
        series: [
          {},
          ...lines.map(({ tint, stroke }) => ({
            stroke: colour(tint),
            width: 2,
            dash: DASHES[stroke],
            points: { show: false },
            spanGaps: true,
            paths: uPlot.paths.stepped({ align: 1 }),
          })),
        ],
      },
    };
  };
}

// Some room on both sides of what was measured. A logarithm wants more than nothing.
const around = (_, low, high) => [Math.max(low, 1e-9) / 1.15, Math.max(high, 1e-9) * 1.15];

// 1 to 9 in every decade. Not uPlot's own splits, whose loop does not end where the range begins just below a decade (1.6.32).
function decades(_, __, low, high) {
  const marks = [];
  for (let decade = Math.floor(Math.log10(low)); decade <= Math.log10(high); decade += 1) {
    for (let digit = 1; digit <= 9; digit += 1) marks.push(Number(`${digit}e${decade}`));
  }
  return marks.filter((mark) => low <= mark && mark <= high);
}

// Of 1 to 9 in every decade: the decades, and where there are few of them, 2 and 5 as well.
function readable({ scales: { x } }, splits) {
  const digits = Math.log10(x.max / x.min) > 2.2 ? [1] : [1, 2, 5];
  return splits.map((at) => (digits.includes(Math.round(at / 10 ** Math.floor(Math.log10(at) + 1e-9))) ? at : null));
}

// What the curve is at each x: nothing before its first point, its last value after the end.
function steps(points, xs) {
  let at = -1;
  return xs.map((x) => {
    while (at + 1 < points.length && points[at + 1][0] <= x) at += 1;
    return at < 0 ? null : points[at][1];
  });
}

/**
 * Columns side by side: `groups` are names, `sets` are {tint, values}; `line` may be a value that all should reach. What is
 * higher than `most` is cut there, and has its value above it.
 */
export function columns(groups, sets, { tell, top, line, most = Infinity }) {
  return (colour) => {
    const step = 0.8 / sets.length;
    const xs = [];
    const real = sets.map(() => []);
    groups.forEach((_, group) => {
      sets.forEach((set, at) => {
        xs.push(group + (at - (sets.length - 1) / 2) * step);
        real.forEach((values, other) => values.push(other === at ? set.values[group] : null));
      });
    });
    const ys = real.map((values) => values.map((value) => (value > most ? most : value)));
    const size = [sets.length > 1 ? 0.86 : 0.5, 56];
    const bars = uPlot.paths.bars({ size, radius: 0.12 });
    const goal = line === undefined ? [] : [xs.map(() => line)];
    return {
      data: [xs, ...ys, ...goal],
      options: {
        scales: { x: { time: false, range: [-0.5, groups.length - 0.5] }, y: { range: (_, __, high) => [0, (top ?? Math.max(high, 1e-9)) * 1.12] } },
        axes: [
          axis(colour, { splits: () => groups.map((_, at) => at), values: () => groups, grid: { show: false }, size: 30 }),
          axis(colour, { values: (_, splits) => splits.map(tell), size: fitting(56) }),
        ],
        series: [
          {},
          ...sets.map(({ tint }) => ({ fill: colour(tint), stroke: colour(tint), width: 0, paths: bars, points: { show: false } })),
          ...goal.map(() => ({ stroke: colour("ink-2"), width: 1.5, dash: DASHES.dashed, points: { show: false } })),
        ],
        hooks: { draw: [(chart) => label(chart, xs, real, { tell, most, size, colour })] },
      },
    };
  };
}

// Writes its value into each column, or above one that is low, narrow or cut, where there is room enough for that.
function label(chart, xs, ys, { tell, most, size: [part, widest], colour }) {
  const { ctx } = chart;
  const ratio = devicePixelRatio;
  const room = chart.valToPos(xs[1] ?? 1, "x", true) - chart.valToPos(xs[0], "x", true);
  if (xs.length > 1 && room < 34 * ratio) return;
  ctx.save();
  ctx.font = `500 ${11 * ratio}px ${colour("sans")}`;
  ctx.textAlign = "center";
  const column = Math.min(room * part, widest * ratio);
  for (const values of ys) {
    values.forEach((value, at) => {
      if (value === null) return;
      const isCut = value > most;
      const marked = `↑ ${tell(value)}`;
      const text = isCut && ctx.measureText(marked).width < room ? marked : tell(value);
      const top = chart.valToPos(isCut ? most : value, "y", true);
      const isHigh = chart.bbox.top + chart.bbox.height - top > 24 * ratio;
      const isInside = isHigh && !isCut && ctx.measureText(text).width < column;
      ctx.fillStyle = colour(isInside ? "surface" : "ink-2");
      ctx.fillText(text, chart.valToPos(xs[at], "x", true), top + (isInside ? 15 : -5) * ratio);
    });
  }
  ctx.restore();
}

/** Columns on top of each other over time: `times` are seconds, `sets` are {tint, values} from the bottom up. */
export function stacks(times, sets) {
  return (colour) => {
    const sums = [];
    let below = times.map(() => 0);
    for (const set of sets) {
      below = below.map((sum, at) => sum + (set.values[at] ?? 0));
      sums.push(below);
    }
    const high = Math.max(4, ...below);
    // A quarter of an hour at least, so that the first minutes do not fill all of it.
    const from = Math.min(times[0], times.at(-1) - 900);
    return {
      // The tallest first, so that each hides the part of the one behind it that is not its own.
      data: [times, ...sums.toReversed()],
      options: {
        scales: { x: { range: [from - 30, times.at(-1) + 30] }, y: { range: [0, high * 1.08] } },
        axes: [axis(colour, { values: (_, splits) => splits.map(clock), space: 64, incrs: [60, 300, 600, 900, 1800, 3600], grid: { show: false }, size: 30 }), axis(colour, { size: fitting(48), incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000] })],
        series: [
          {},
          ...sets.toReversed().map(({ tint }) => ({ fill: colour(tint), stroke: colour(tint), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.8, 40] }) })),
        ],
      },
    };
  };
}

const hours = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const clock = (seconds) => hours.format(new Date(seconds * 1000));

/** What is what in a plot: [tint, name, form] each. */
export const legend = (...entries) =>
  h("ul", { class: "legend" }, entries.map(([tint, title, form = "block"]) => h("li", {}, h("span", { class: `swatch ${form}`, "aria-hidden": "true", vars: { "--tint": `var(--${tint})` } }), title)));
