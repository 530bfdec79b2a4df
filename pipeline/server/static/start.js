// Where one begins: pictures of the gallery, sessions of before.

import { ask } from "./api.js";
import { $, h, icon, many } from "./dom.js";

const RECENT = 4,
  ITEMS = 12;

export function makeStart(app) {
  const { known, acts } = app;
  let skip = 0,
    asked = 0;

  function ago(seconds) {
    if (typeof seconds !== "number" || seconds < 0) return "";
    const units = [
      ["day", 86400],
      ["hour", 3600],
      ["minute", 60],
    ];
    const [unit, size] = units.find(([, size]) => seconds >= size) ?? ["", 0];
    return unit ? new Intl.RelativeTimeFormat("en").format(-Math.floor(seconds / size), unit) : "just now";
  }

  function row(one) {
    const gallery = known.state?.galleries.find(({ id }) => id === one.gallery)?.name ?? one.gallery;
    const words = one.words || "nothing said yet";
    const about = [gallery, many(one.turns, "turn"), ago(one.age)].filter(Boolean).join(" · ");
    const link = h(
      "a",
      { href: `/s/${encodeURIComponent(one.id)}` },
      h("b", { textContent: words }),
      h("span", { textContent: about }),
    );
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      $("sessions").close();
      app.visit(link.getAttribute("href"));
    });
    const away = { type: "button", className: "round", "aria-label": `Delete the session ${words}` };
    return h("li", {}, link, h("button", { ...away, onclick: () => gone(one.id) }, icon("close")));
  }

  async function gone(id) {
    await ask("DELETE", `/api/sessions/${encodeURIComponent(id)}`).catch((problem) =>
      app.talk.problem(problem),
    );
    if (known.session?.id === id) app.visit("/");
    await sessions();
  }

  async function sessions() {
    const found = ((await ask("GET", "/api/sessions").catch(() => [])) ?? []).filter((one) => one.turns);
    $("recent").replaceChildren(...found.slice(0, RECENT).map(row));
    $("all-sessions").replaceChildren(...found.map(row));
    $("going").hidden = $("earlier").hidden = !found.length;
    if (!found.length && $("sessions").open) $("sessions").close();
  }

  async function items() {
    const number = ++asked;
    const about = new URLSearchParams({ gallery: known.gallery, skip, count: ITEMS });
    const found = known.gallery ? await ask("GET", `/api/items?${about}`).catch(() => null) : null;
    if (number !== asked) return;
    const shown = found?.items ?? [];
    $("samples").hidden = !shown.length;
    $("others").hidden = (found?.all ?? 0) <= ITEMS;
    skip = skip + ITEMS < (found?.all ?? 0) ? skip + ITEMS : 0;
    $("items").replaceChildren(...shown.map(item));
  }

  function item(one) {
    const name = one.name ?? one.id;
    const image = h("img", {
      alt: "",
      loading: "lazy",
      draggable: false,
      ...(one.picture ? { src: one.picture } : {}),
    });
    const begin = () => acts.act({ do: "start", hit: one.id }, { fresh: known.session?.turns.length > 0 });
    const shot = h(
      "button",
      {
        type: "button",
        className: "shot",
        "aria-label": `Begin with ${name}`,
        title: name,
        onclick: begin,
      },
      image,
    );
    image.addEventListener("error", () => shot.classList.add("missing"));
    shot.dataset.name = name;
    if (!one.picture) shot.classList.add("missing");
    return h("li", { className: "hit" }, shot);
  }

  $("others").addEventListener("click", items);
  $("earlier").addEventListener("click", async () => {
    await sessions();
    $("sessions").showModal();
  });

  function show(session) {
    const beginning = !session || session.at < 0;
    $("start").hidden = !beginning;
    if (beginning) sessions();
    else $("earlier").hidden = false;
  }

  function anew() {
    skip = 0;
    const words = known.state.galleries.find(({ id }) => id === known.gallery)?.words ?? [];
    $("vocabulary").hidden = !words.length;
    $("vocabulary-words").textContent = words.join(" ");
    items();
  }
  return { show, anew };
}
