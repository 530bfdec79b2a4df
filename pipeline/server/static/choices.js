// What is selected, and how it leaves the page: files, paths on the clipboard.

import { $, many, speak } from "./dom.js";

const FORMS = ["csv", "json", "paths", "zip"];

/** Ids as an address names them: with commas between, or each by itself where one has commas in it. */
export function makeChoices(app) {
  const { known, talk } = app;

  const chosen = () => {
    const all = known.session?.hits ?? [];
    const some = all.filter((hit) => known.chosen.has(hit.id));
    return some.length ? some : all;
  };

  function show(session) {
    if (!session) return;
    const ids = new Set(session.hits.map((hit) => hit.id));
    for (const id of known.chosen) if (!ids.has(id)) known.chosen.delete(id);
    const count = known.chosen.size;
    const all = count > 0 && count === session.hits.length;
    $("all").textContent = count ? "Select none" : "Select all";
    $("all").setAttribute("aria-pressed", String(all));
    const summary = $("export").querySelector("summary");
    summary.textContent = count ? `Export ${count} selected` : "Export";
    const base = `/api/sessions/${encodeURIComponent(session.id)}/export`;
    for (const form of FORMS) {
      const about = new URLSearchParams({ form, turn: session.at });
      for (const hit of count ? chosen() : []) about.append("hits", hit.id);
      $(`export-${form}`).href = `${base}?${about}`;
    }
  }

  function toggled() {
    if (known.chosen.size) known.chosen.clear();
    else for (const hit of known.session.hits) known.chosen.add(hit.id);
    app.choices();
    speak(`${many(known.chosen.size, "picture")} selected`);
  }

  async function copied() {
    const hits = chosen();
    const text = hits.map((hit) => hit.path || hit.id).join("\n");
    $("export").open = false;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (!copiedByHand(text))
        return talk.note("bad", "the paths could not be copied", "export them as Paths");
    }
    talk.note("good", `${many(hits.length, "path")} copied`);
  }

  /** Where the page may not reach the clipboard (no https, no permission): what is selected is copied. */
  function copiedByHand(text) {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "unseen";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }

  const menu = $("export");
  $("all").addEventListener("click", toggled);
  $("copy").addEventListener("click", copied);
  menu.addEventListener("click", (event) => event.target.closest("a") && (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("pointerdown", (event) => menu.contains(event.target) || (menu.open = false));
  return { show };
}
