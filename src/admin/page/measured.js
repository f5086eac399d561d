// A view of what the A/B has measured, with a heading and a lead, drawn anew as that changes.

import { poll } from "./api.js";
import { h, show } from "./dom.js";
import { setNow } from "./format.js";
import { notice, waiting } from "./parts.js";
import { clear } from "./plots.js";

const EVERY = 5000;

/** Shows `title`, `lead(data)` and `body(data)`; `absent` is said where this gloss measures nothing. Gives what ends it. */
export function measured(main, title, { lead, body, absent }) {
  document.title = `${title} · gloss`;
  const view = { data: null, problem: null };
  const draw = () => {
    const { data, problem } = view;
    show(
      main,
      h("div", { class: "head" }, h("h1", {}, title), lead(data)),
      problem ? notice("bad", "failed", problem.status === 404 ? absent : problem.message) : null,
      data ? body(data) : null,
    );
  };
  show(main, h("h1", {}, title), waiting(`the ${title.toLowerCase()}`));
  const stop = poll("/api/comparison", EVERY, {
    data(data) {
      setNow(data.as_of);
      Object.assign(view, { data, problem: null });
      draw();
    },
    refused(problem) {
      Object.assign(view, { problem });
      draw();
    },
  });
  return () => {
    stop();
    clear();
  };
}
