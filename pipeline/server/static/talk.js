// What the system says: stages while they run, warnings, problems with a hint, and what it asks back.

import { $, h, icon, speak } from "./dom.js";

const STAGES = {
  check: "Reading the question",
  earlier: "Remembering",
  describe: "Looking at the picture",
  reason: "Thinking it over",
  ground: "Weighing",
  search: "Searching",
  rerank: "Taking a second look",
  refine: "Refining",
};

const QUICK = 250; // ms that something may take without a word

export function makeTalk({ cancel, say }) {
  const stages = new Map();
  let soon = 0;
  $("cancel").addEventListener("click", cancel);

  /** A line of its own, with a hint and a way to put it away. */
  function note(kind, message, hint = "") {
    const made = h(
      "p",
      { className: `note ${kind}` },
      h("span", { className: "message", textContent: message }),
    );
    if (hint) made.append(" ", h("span", { className: "hint", textContent: hint }));
    const away = {
      type: "button",
      className: "round",
      "aria-label": "Put away",
      onclick: () => made.remove(),
    };
    made.append(h("button", away, icon("close")));
    $("talk").append(made);
  }

  function stage({ stage: name, done }) {
    shown();
    if (!stages.has(name)) {
      const made = h("li", { textContent: STAGES[name] ?? name, data: { stage: name } });
      stages.set(name, made);
      $("stages").append(made);
      speak(made.textContent);
    }
    stages.get(name).classList.toggle("done", Boolean(done));
  }

  function waiting(seconds) {
    $("stages").querySelector(".waiting")?.remove();
    if (!seconds) return;
    const words = `The server is busy: asking again in ${Math.ceil(seconds)} s`;
    shown();
    $("stages").append(h("li", { className: "waiting", textContent: words }));
    speak(words);
  }

  function began() {
    stages.clear();
    $("stages").replaceChildren();
    $("talk").replaceChildren();
    soon = setTimeout(shown, QUICK);
  }

  function shown() {
    clearTimeout(soon);
    $("progress").hidden = false;
  }

  function ended() {
    clearTimeout(soon);
    $("progress").hidden = true;
  }

  const problem = ({ message, hint }) => note("bad", message, hint);

  function show(session) {
    $("talk").replaceChildren();
    const fallback = session?.trace?.intent?.fallback;
    if (fallback) note("warn", "The reasoner's reply could not be used", fallback);
    for (const warning of session?.warnings ?? []) {
      if (typeof warning === "string") note("warn", warning);
      else note("warn", warning.message, warning.hint);
    }
    const asked = session?.question;
    $("question").hidden = !asked;
    $("question-words").textContent = asked?.question ?? "";
    const option = (text) => h("button", { type: "button", textContent: text, onclick: () => say(text) });
    $("options").replaceChildren(...(asked?.options ?? []).map(option));
  }

  return { note, stage, waiting, began, ended, problem, show };
}
