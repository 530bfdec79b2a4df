// One hit as a card: its picture, rank, the bar of what added to its score, and what can be done with it.

import { h, icon } from "./dom.js";

/** A card that `fill` keeps up to date; `on` hears open, but, more, less and select, with the card. */
export function makeCard(hit, on) {
  const small = { type: "button", tabIndex: -1 };
  const image = h("img", { loading: "lazy", decoding: "async", draggable: false, alt: "" });
  const shot = h("button", { type: "button", className: "shot", tabIndex: -1 }, image);
  const check = h("input", { type: "checkbox", tabIndex: -1 });
  const [but, more, less] = [
    h("button", { ...small, className: "but", textContent: "but …", title: "Like this, but … (b)" }),
    h("button", { ...small, className: "round", title: "More like this (+)" }, icon("plus")),
    h("button", { ...small, className: "round", title: "Less like this (−)" }, icon("minus")),
  ];
  const rank = h("span", { className: "rank" });
  const moved = h("span", { className: "moved" });
  const score = h("span", { className: "score" });
  const name = h("div", { className: "name" });
  const judged = h("div", { className: "name judged" });
  const bar = h("div", { className: "bar", role: "img" });
  const acts = h("div", { className: "acts" }, but, more, less);
  const line = h("div", { className: "line" }, h("span", {}, rank, " ", moved), score);
  const facts = h("div", { className: "facts" }, line, bar, name, judged, acts);
  const element = h("li", { className: "hit" }, shot, h("label", { className: "mark" }, check), facts);
  const card = { element, image, shot, check, but, more, less, rank, moved, score, name, judged, bar, hit };

  image.addEventListener("error", () => shot.classList.add("missing"));
  shot.addEventListener("click", () => on.open(card));
  but.addEventListener("click", () => on.but(card));
  more.addEventListener("click", () => on.more(card));
  less.addEventListener("click", () => on.less(card));
  check.addEventListener("click", (event) => on.select(card, event.shiftKey));
  return card;
}

/** What a card says of a hit: `bar` as in roles.js, `before` its rank until now, if it moved. */
export function fill(card, hit, { bar, before, picked, liked, chosen }) {
  card.hit = hit;
  const { element, image, shot, check } = card;
  if (!hit.picture) shot.classList.add("missing");
  else if (image.getAttribute("src") !== hit.picture) {
    shot.classList.remove("missing");
    image.src = hit.picture;
  }
  const name = hit.name ?? hit.id;
  shot.setAttribute(
    "aria-label",
    `Hit ${hit.rank}: ${name}${chosen ? ", selected" : ""}${picked ? ", picked" : ""}`,
  );
  shot.dataset.name = name;
  check.checked = chosen;
  check.setAttribute("aria-label", `Select ${name}`);
  element.classList.toggle("chosen", chosen);
  element.classList.toggle("picked", picked);
  card.but.setAttribute("aria-pressed", String(picked));
  card.but.setAttribute("aria-label", `Like ${name}, but …`);
  card.more.setAttribute("aria-pressed", String(liked));
  card.more.setAttribute("aria-label", `More like ${name}`);
  card.less.setAttribute("aria-label", `Less like ${name}`);
  card.rank.textContent = hit.rank;
  card.score.textContent = hit.score.toFixed(3).replace("-", "−");
  card.name.textContent = card.name.title = name;
  const judged = hit.judged ?? null;
  card.judged.hidden = judged === null;
  card.judged.textContent = judged === null ? "" : `judge ${Math.round(100 * judged)} %`;
  movedTo(card.moved, hit.rank, before);
  barred(card.bar, bar);
}

/** "▲3" for three places up, "new" where `before` is null: from beyond; nothing where it is undefined. */
export function movedTo(element, rank, before) {
  const by = before === undefined || before === null ? 0 : before - rank;
  element.classList.toggle("up", by > 0 || before === null);
  element.classList.toggle("down", by < 0);
  element.textContent = before === null ? "new" : by ? `${by > 0 ? "▲" : "▼"}${Math.abs(by)}` : "";
}

function barred(element, { segments, zero, text }) {
  element.setAttribute("aria-label", text);
  element.title = text;
  const parts = segments.map(({ role, left, width }) => {
    const part = h("span", { data: { role: role.split("/").at(-1) } });
    part.style.left = `${left}%`;
    part.style.width = `${width}%`;
    return part;
  });
  const mark = h("i", { hidden: zero < 1 });
  mark.style.left = `${zero}%`;
  element.replaceChildren(...parts, mark);
}
