// One hit, large: the file itself, where its parts were met, and what each grain added.

import { Problem, ask } from "./api.js";
import { $, h, icon, signed } from "./dom.js";
import { nameOf, rolesOf } from "./roles.js";

const MOST = 12; // shares that are shown

export function makeLarge(app) {
  const { known, acts, talk } = app;
  const dialog = $("large"),
    image = $("large-picture");
  let at = 0;

  const hit = () => known.session.hits[at];
  const card = () => app.hits.card(at);

  function boxes(found) {
    const drawn = Object.entries(found.boxes ?? {}).map(([name, [left, top, right, bottom]]) => {
      const made = h("span", { title: nameOf(name), data: { role: name.split(":")[0].split("/").at(-1) } });
      made.style.left = `${100 * left}%`;
      made.style.top = `${100 * top}%`;
      made.style.width = `${100 * (right - left)}%`;
      made.style.height = `${100 * (bottom - top)}%`;
      return made;
    });
    $("boxes").replaceChildren(...drawn);
  }

  function shares(found) {
    const roles = rolesOf(known.session);
    const all = Object.entries(found.shares ?? {}).sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
    const most = Math.abs(all[0]?.[1] ?? 1) || 1;
    const rows = all.slice(0, MOST).map(([name, share]) => {
      const role = (roles.get(name) ?? name).split("/").at(-1);
      const bar = h("span", { className: "share", data: { role } });
      bar.style.width = `${(100 * Math.abs(share)) / most}%`;
      const of = h("span", { className: "of", textContent: nameOf(name), title: nameOf(name) });
      return h(
        "li",
        { className: share < 0 ? "minus" : "" },
        of,
        h("b", { textContent: signed(share, 3) }),
        bar,
      );
    });
    $("shares").replaceChildren(...rows);
  }

  const about = () => ({ session: known.session.id, turn: known.session.at, hit: hit().id });

  async function opened() {
    try {
      await ask("POST", "/api/open", { body: about() });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      dialog.close();
      talk.note("bad", error.message, error.hint);
    }
  }

  function buttons() {
    const closing = (work) => () => (dialog.close(), work());
    const button = (text, onclick, name) =>
      h("button", { type: "button", onclick }, ...(name ? [icon(name), " "] : []), text);
    const main = button(
      "Like this, but …",
      closing(() => app.hits.pick(hit())),
    );
    main.className = "main";
    $("large-acts").replaceChildren(
      main,
      button(
        "More like this",
        closing(() => app.hits.on.more(card())),
        "plus",
      ),
      button(
        "Less like this",
        closing(() => app.hits.on.less(card())),
        "minus",
      ),
      button(
        "Begin with this",
        closing(() => acts.act({ do: "start", hit: hit().id })),
      ),
      ...(known.state?.local && !known.state.read_only ? [button("Open folder", opened)] : []),
    );
  }

  /** The thumbnail at once, the file when it is there; a file that no browser shows stays a thumbnail. */
  function pictured(found) {
    image.hidden = !found.picture;
    image.alt = found.name ?? found.id;
    if (!found.picture) return image.removeAttribute("src");
    image.src = found.picture;
    image.onload = sized;
    const whole = new URL(found.picture, location.href);
    whole.searchParams.set("size", "0");
    const loading = new Image();
    loading.onload = () => hit() === found && (image.src = loading.src);
    loading.src = whole.pathname + whole.search;
  }

  /** As large as there is room for, though not coarse; the boxes know its shape. */
  function sized() {
    const frame = image.parentElement.style;
    frame.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
    frame.setProperty("--natural", `${3 * image.naturalWidth}px`);
  }

  function show(to) {
    at = Math.max(0, Math.min(known.session.hits.length - 1, to));
    const found = hit();
    pictured(found);
    boxes(found);
    shares(found);
    $("large-name").textContent = found.name ?? found.id;
    const judged = found.judged == null ? "" : ` · judge ${Math.round(100 * found.judged)} %`;
    $("large-facts").textContent =
      `${found.rank} of ${known.session.hits.length} · score ${found.score.toFixed(4)}${judged}`;
    $("before").disabled = at === 0;
    $("after").disabled = at === known.session.hits.length - 1;
  }

  function open(to) {
    if (to < 0) return;
    buttons();
    show(to);
    if (!dialog.open) dialog.showModal();
    $("large-name").focus();
  }

  $("before").addEventListener("click", () => show(at - 1));
  $("after").addEventListener("click", () => show(at + 1));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => app.hits.reach(at));
  const KEYS = {
    ArrowRight: () => show(at + 1),
    ArrowLeft: () => show(at - 1),
    b: () => (dialog.close(), app.hits.pick(hit())),
    "+": () => (dialog.close(), app.hits.on.more(card())),
    "-": () => (dialog.close(), app.hits.on.less(card())),
  };
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return;
    event.preventDefault();
    KEYS[event.key]();
  });
  return { open };
}
