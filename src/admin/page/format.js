// Numbers, durations and times as people read them.

const whole = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en", { month: "short", day: "numeric" });
const full = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

// How far this clock is behind gloss's, in milliseconds.
let behind = 0;

/** Takes gloss's time, so that "2 s ago" means gloss's seconds. */
export function setNow(asOf) {
  const theirs = Date.parse(asOf);
  if (Number.isFinite(theirs)) behind = theirs - Date.now();
}

export const now = () => Date.now() + behind;

export const count = (number) => whole.format(number);

/** `count(n) thing(s)`. */
export const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** Large numbers in three digits: 1.25 M. */
export function short(number) {
  for (const [unit, sign] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (number >= unit) return `${digits(number / unit)} ${sign}`;
  }
  return whole.format(number);
}

const digits = (number) => (number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number.toFixed(2));

export const bytes = (number) => (number === null ? "–" : number < 1000 ? `${Math.round(number)} B` : `${short(number)}B`);

export function money(usd) {
  if (usd === null || usd === undefined) return "–";
  return `$${usd > 0 && usd < 0.01 ? usd.toFixed(4) : usd.toFixed(2)}`;
}

export const percent = (number, places = 0) => `${number.toFixed(places)} %`;

/** A share of `all`, or a dash of nothing. */
export const share = (part, all, places = 0) => (all > 0 ? percent((part / all) * 100, places) : "–");

/** Seconds as milliseconds, or seconds where there are many. */
export function latency(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds >= 1) return `${digits(seconds)} s`;
  if (seconds >= 0.001) return `${digits(seconds * 1000)} ms`;
  return `${Math.round(seconds * 1e6)} µs`;
}

/** 38 s · 4 min 12 s · 1 h 4 min · 2 d 3 h */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  if (s < 3600) return `${Math.round(s / 60)} min`;
  const minutes = Math.round(s / 60);
  if (minutes < 1440) return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
  const hours = Math.round(s / 3600);
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${hours / 24} d`;
}

/** In one unit: 38 s, 4 min, 1 h, 2 d. */
function roughly(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function ago(at) {
  const seconds = (now() - Date.parse(at)) / 1000;
  return seconds < 2 ? "now" : `${roughly(seconds)} ago`;
}

export function until(at) {
  const seconds = (Date.parse(at) - now()) / 1000;
  return seconds < 5 ? "any moment" : `in ${seconds < 600 ? duration(Math.ceil(seconds / 5) * 5) : roughly(seconds)}`;
}

/** The time of day, with the day where it is another. */
export function timeOfDay(at) {
  const date = new Date(at);
  const isToday = Math.abs(date - now()) < 20 * 3600 * 1000 && date.getDate() === new Date(now()).getDate();
  return isToday ? clock.format(date) : `${day.format(date)}, ${clock.format(date)}`;
}

export const fullTime = (at) => `${full.format(new Date(at))} (${new Date(at).toISOString().replace(".000", "")})`;
