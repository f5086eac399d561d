// Which view is shown, by the part of the address behind "#": it never reaches the server.

import { comparison } from "./comparison.js";
import { fallbacks } from "./fallbacks.js";
import { rollout } from "./rollout.js";
import { run } from "./run.js";
import { runs } from "./runs.js";
import { begin, mark } from "./shell.js";
import { show } from "./dom.js";

const VIEWS = { runs, comparison, rollout, fallbacks };

let shown = null;
let stop = () => {};

function open() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, id] = path.split("/");
  const name = id && view === "runs" ? "run" : VIEWS[view] ? view : "runs";
  const main = document.getElementById("main");
  const place = `${name}/${id ?? ""}`;
  const moved = shown !== null && shown !== place;
  shown = place;
  stop();
  mark(name === "run" ? "runs" : name);
  show(main);
  main.className = `view-${name}`;
  stop = (name === "run" ? run(main, decode(id)) : VIEWS[name](main, new URLSearchParams(query))) ?? (() => {});
  if (moved) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function decode(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

begin(open);
addEventListener("hashchange", open);
open();
