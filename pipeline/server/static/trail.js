// The turns as a strip: how it came to what is shown, and what else was tried.

import { $, h } from "./dom.js";

const SHOWN = 3; // thumbnails a turn

export function makeTrail(app) {
  const { known, acts } = app;

  /** The turns worth showing: of weights that were moved in a row only the last. */
  function worth(session) {
    const next = new Map();
    for (const turn of session.turns) next.set(turn.parent, [...(next.get(turn.parent) ?? []), turn]);
    const on = new Set(session.path);
    return session.turns.filter((turn) => {
      if (turn.n === session.at || turn.do !== "weigh") return true;
      const after = next.get(turn.n) ?? [];
      if (after.length === 1 && after[0].do === "weigh") return false; // went on
      return after.length > 0 || on.has(turn.n) || !moved(session, turn);
    });
  }

  /** Whether a turn of weights with nothing after it was overtaken by another of the same turn. */
  function moved(session, turn) {
    return session.turns.some(
      (other) => other.n > turn.n && other.do === "weigh" && other.parent === turn.parent,
    );
  }

  function words(turn) {
    if (turn.do === "but" && turn.sentence)
      return turn.parent < 0 ? turn.sentence : `but ${turn.sentence.replace(/^but\s+/i, "")}`;
    return turn.do === "weigh" ? turn.words.replaceAll("_", " ") : turn.words;
  }

  function made(session, turn) {
    const thumbs = (turn.hits ?? [])
      .filter(({ picture }) => picture)
      .slice(0, SHOWN)
      .map(({ picture }) => h("img", { src: picture, alt: "", loading: "lazy", draggable: false }));
    const text = words(turn);
    const button = h(
      "button",
      {
        type: "button",
        title: turn.words,
        onclick: () => acts.act({ do: "go", turn: turn.n }),
        data: { do: turn.do },
      },
      h("span", { className: "thumbs" }, ...thumbs),
      h("span", { className: "text", textContent: text }),
    );
    if (turn.n === session.at) button.setAttribute("aria-current", "step");
    const aside = session.path.includes(turn.n) ? "" : "aside";
    if (aside) button.setAttribute("aria-label", `${text} (another way)`);
    return h("li", { className: aside, data: { turn: turn.n } }, button);
  }

  let drawn = "";
  function show(session) {
    $("trail").hidden = !session?.turns.length;
    if (!session) return void (drawn = "");
    $("undo").disabled = session.at < 0;
    const key = JSON.stringify([session.id, session.at, session.turns]);
    if (key === drawn) return;
    drawn = key;
    const held = $("turns").contains(document.activeElement);
    $("turns").replaceChildren(...worth(session).map((turn) => made(session, turn)));
    const current = $("turns").querySelector("[aria-current]");
    const list = $("turns");
    if (current) list.scrollLeft = current.parentElement.offsetLeft - list.clientWidth / 2;
    if (held) current?.focus();
  }

  const undo = () => known.session && known.session.at >= 0 && acts.act({ do: "undo" });
  $("undo").addEventListener("click", undo);
  return { show, undo };
}
