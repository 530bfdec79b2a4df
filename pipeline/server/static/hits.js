// The hits as a grid that keeps its cards: they move when ranks change, and one of them takes the keys.

import { fill, makeCard } from "./cards.js";
import { $, arrange, many, speak, still } from "./dom.js";
import { bars } from "./roles.js";

// Turns whose ranks are compared with those of the turn before.
const SAME = new Set(["weigh", "change", "more", "less"]);

export function makeHits(app) {
  const { known, acts } = app;
  const grid = $("hits");
  const cards = new Map(); // by the id of a hit
  const ranks = new Map(); // of the turns of this session that were shown, by id of hits
  let order = [];
  let current = 0; // whose turn it is to be reached by Tab
  let anchor = 0; // where a selection with Shift began

  const idOf = (card) => card.hit.id;
  const on = {
    open: (card) => app.large.open(order.indexOf(card)),
    but: (card) => pick(card.hit),
    more: (card) => acts.act({ do: "more", hits: [idOf(card)] }),
    less: (card) => acts.act({ do: "less", hits: [idOf(card)] }),
    select: (card, range) => select(order.indexOf(card), range),
  };

  async function pick(hit) {
    if (known.session.picked === hit.id) return app.ask.focus();
    if (await acts.act({ do: "pick", hit: hit.id })) app.ask.focus();
  }

  function select(at, range = false) {
    const chosen = known.chosen;
    const on = !chosen.has(idOf(order[at]));
    const [from, to] = range ? [Math.min(anchor, at), Math.max(anchor, at)] : [at, at];
    for (const card of order.slice(from, to + 1)) chosen[on ? "add" : "delete"](idOf(card));
    anchor = at;
    app.choices();
    speak(`${many(chosen.size, "picture")} selected`);
  }

  function reach(at, focus = true) {
    if (!order.length) return;
    current = Math.max(0, Math.min(order.length - 1, at));
    order.forEach((card, n) => {
      const index = n === current ? 0 : -1;
      for (const one of [card.shot, card.check, card.but, card.more, card.less]) one.tabIndex = index;
    });
    if (focus) order[current].shot.focus();
  }

  const columns = () => {
    const top = order[0]?.element.offsetTop;
    const next = order.findIndex((card) => card.element.offsetTop > top); // the first of the second row
    return next < 0 ? order.length : next;
  };

  const KEYS = {
    ArrowRight: () => reach(current + 1),
    ArrowLeft: () => reach(current - 1),
    ArrowDown: () => reach(current + columns()),
    ArrowUp: () => reach(current - columns()),
    Home: () => reach(0),
    End: () => reach(order.length - 1),
    b: () => on.but(order[current]),
    "+": () => on.more(order[current]),
    "=": () => on.more(order[current]),
    "-": () => on.less(order[current]),
    "−": () => on.less(order[current]),
    " ": (event) => select(current, event.shiftKey),
  };
  grid.addEventListener("keydown", (event) => {
    const inside = event.target.closest(".shot");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && !inside) return; // of a button or a box
    KEYS[event.key]?.(event);
    if (KEYS[event.key]) event.preventDefault();
  });
  grid.addEventListener("keyup", (event) => {
    if (event.key === " " && event.target.closest(".shot")) event.preventDefault();
  });
  grid.addEventListener("focusin", (event) => {
    const at = order.findIndex((card) => card.element.contains(event.target));
    if (at >= 0 && at !== current) reach(at, false);
  });

  /** Moves cards from where they were to where they are, without a flicker. */
  function gliding(change) {
    const place = ({ element }) => [element, element.getBoundingClientRect()];
    const places = new Map(order.map(place));
    change();
    if (still.matches) return;
    for (const { element } of order) for (const glide of element.getAnimations()) glide.cancel();
    for (const [element, now] of order.map(place)) {
      const old = places.get(element);
      if (!old) {
        element.animate([{ opacity: 0 }, { opacity: 1 }], 160);
      } else if (old.left !== now.left || old.top !== now.top) {
        const from = `translate(${old.left - now.left}px, ${old.top - now.top}px)`;
        element.animate([{ transform: from }, { transform: "none" }], {
          duration: 220,
          easing: "ease-out",
        });
      }
    }
  }

  function update(session) {
    const turn = session.turns[session.at];
    const before = SAME.has(turn?.do) ? ranks.get(turn.parent) : undefined;
    const drawn = bars(session, session.hits);
    const liked = new Set(session.trace?.query?.liked ?? []);
    session.hits.forEach((hit, n) => {
      const rank = before && (before.get(hit.id) ?? null);
      const state = {
        bar: drawn[n],
        before: rank,
        picked: hit.id === session.picked,
        liked: liked.has(hit.id),
      };
      fill(cards.get(hit.id), hit, { ...state, chosen: known.chosen.has(hit.id) });
    });
  }

  function show(session, old) {
    const turn = session.turns[session.at];
    const kept = old && old.id === session.id;
    if (!kept) ranks.clear();
    ranks.set(session.at, new Map(session.hits.map((hit) => [hit.id, hit.rank])));
    const follows = kept && (old.at === session.at || SAME.has(turn?.do));
    for (const hit of session.hits) if (!kept || !cards.has(hit.id)) cards.set(hit.id, makeCard(hit, on));
    const held = order.findIndex((card) => card.element.contains(document.activeElement));
    const now = session.hits.map((hit) => cards.get(hit.id));
    update(session);
    const change = () => {
      order = now;
      arrange(
        grid,
        now.map((card) => card.element),
      );
    };
    if (follows) gliding(change);
    else change();
    const wanted = new Set(session.hits.map((hit) => hit.id));
    for (const id of cards.keys()) if (!wanted.has(id)) cards.delete(id);
    if (!follows) current = anchor = 0;
    if (!follows && kept) scrollTo({ top: 0 });
    const focused = order.findIndex((card) => card.element.contains(document.activeElement));
    if (held >= 0 && focused < 0)
      reach(follows ? held : 0); // what had the focus is gone: the one in its place
    else reach(focused >= 0 ? focused : current, false);
    $("count").textContent = many(order.length, "hit");
  }

  return { show, update, pick, select, reach, on, card: (at) => order[at], count: () => order.length };
}
