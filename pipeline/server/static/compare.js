// The same question by two recipes, side by side, with how far each picture moved.

import { Problem, ask } from "./api.js";
import { movedTo } from "./cards.js";
import { $, h } from "./dom.js";

export function makeCompare(app) {
  const { known, talk } = app;
  const other = $("other");
  let asked = 0;

  function recipes(state) {
    const option = ({ name, description }) =>
      h("option", { value: name, textContent: name, title: description ?? "" });
    other.replaceChildren(
      h("option", { value: "", textContent: "no other recipe" }),
      ...state.recipes.map(option),
    );
  }

  /** One column; how far its hits moved is told where `telling`, else only which the other has not. */
  function side({ recipe: title, hits, texts }, others, telling) {
    const ranks = new Map(others.map((hit) => [hit.id, hit.rank]));
    const rows = hits.map((hit) => {
      const moved = h("span", { className: "moved" });
      if (telling || !ranks.has(hit.id)) movedTo(moved, hit.rank, ranks.get(hit.id) ?? null);
      if (!ranks.has(hit.id)) moved.textContent = "only here";
      const name = hit.name ?? hit.id;
      const image = pictureOf(hit, name);
      const facts = h(
        "div",
        { className: "line" },
        h("span", { className: "rank", textContent: hit.rank }),
        moved,
      );
      const made = h(
        "li",
        { className: "hit", data: { id: hit.id } },
        image,
        h(
          "div",
          { className: "facts" },
          facts,
          h("div", { className: "name", textContent: name, title: name }),
        ),
      );
      for (const [event, on] of [
        ["pointerenter", true],
        ["pointerleave", false],
      ])
        made.addEventListener(event, () => same(hit.id, on));
      return made;
    });
    const said = texts.filter(Boolean).map((text) => h("p", { className: "target", textContent: text }));
    return h(
      "section",
      { "aria-label": title },
      h("div", {}, h("h3", { textContent: title }), ...said),
      h("ol", { className: "hits" }, ...rows),
    );
  }

  function pictureOf({ picture }, name) {
    if (!picture) return h("div", { className: "shot missing", data: { name } });
    return h("img", { src: picture, alt: name, loading: "lazy", draggable: false });
  }

  function same(id, on) {
    for (const one of $("compare").querySelectorAll(".hit"))
      one.classList.toggle("same", on && one.dataset.id === id);
  }

  function shown(on) {
    $("compare").hidden = !on;
    $("hits").hidden = on;
    $("work").classList.toggle("comparing", on);
  }

  async function compared() {
    const recipe = other.value;
    const number = ++asked;
    if (!recipe || !known.session) return shown(false);
    $("found").setAttribute("aria-busy", "true");
    try {
      const body = { session: known.session.id, recipe, turn: known.session.at };
      const found = await ask("POST", "/api/compare", { body, onWait: talk.waiting });
      if (number !== asked) return;
      const { here, there, warnings } = found;
      const [own, target] = [known.session.recipe, known.session.fields?.target_caption];
      $("compare").replaceChildren(
        side({ recipe: own, hits: here, texts: [target] }, there, false),
        side({ recipe: found.recipe, hits: there, texts: [found.target_caption, ...warnings] }, here, true),
      );
      shown(true);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      talk.problem(error);
      other.value = "";
      shown(false);
    } finally {
      if (number === asked) $("found").removeAttribute("aria-busy");
    }
  }

  other.addEventListener("change", compared);
  const show = (session) => {
    if (!session) other.value = "";
    if (other.value || !$("compare").hidden) compared();
  };
  return { recipes, show };
}
