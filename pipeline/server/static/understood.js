// What was understood, as steps of a trail whose texts are changed where they stand.

import { $, h, icon } from "./dom.js";
import { LABELS } from "./roles.js";

const SIGNS = { desired: "+", preserved: "=", forbidden: "−" };

export function makeUnderstood(app) {
  const { acts } = app;
  let fields = {};
  let shown = "";

  const change = (name, value) => acts.act({ do: "change", values: { [name]: value } });
  const titled = (name) => LABELS[name] ?? name.replaceAll("_", " ");
  const flat = (text) => text.trim().replace(/\s+/g, " ");

  /** A text that is written in place: Enter or leaving it is a change, Escape none. */
  function written(text, label, done) {
    const made = h("span", {
      className: "written",
      role: "textbox",
      "aria-label": label,
      tabIndex: 0,
      spellcheck: false,
    });
    made.setAttribute("contenteditable", "plaintext-only");
    if (made.contentEditable !== "plaintext-only") made.setAttribute("contenteditable", "true");
    made.textContent = text;
    made.addEventListener("keydown", (event) => {
      if (event.key === "Enter") (event.preventDefault(), made.blur());
      if (event.key !== "Escape") return;
      event.stopPropagation();
      made.textContent = text;
      made.blur();
    });
    made.addEventListener("paste", (event) => {
      if (made.contentEditable === "plaintext-only") return;
      event.preventDefault();
      document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
    });
    made.addEventListener("blur", () => done(flat(made.textContent), made));
    return made;
  }

  function text(name, value) {
    return written(value, titled(name), async (said, made) => {
      if (said === value) return;
      if (!(await change(name, said))) made.textContent = value;
    });
  }

  function chip(name, texts, n) {
    const value = texts[n] ?? "";
    const others = texts.filter((_, other) => other !== n);
    const label = `${titled(name)}: ${value || "a new one"}`;
    const edited = written(value, label, async (said, made) => {
      if (said === value) return said || made.parentElement.remove();
      const values = said ? Object.assign([...texts], { [n]: said }) : others;
      if (!(await change(name, values))) redraw();
    });
    const remove = h(
      "button",
      { type: "button", className: "round", "aria-label": `Remove ${value}` },
      icon("close"),
    );
    remove.addEventListener("click", () => (value ? change(name, others) : made.remove()));
    // what is edited keeps the focus until the click, so that leaving it is no change of its own
    remove.addEventListener("mousedown", (event) => event.preventDefault());
    const sign = h("span", { "aria-hidden": "true", textContent: SIGNS[name] ?? "·" });
    const made = h(
      "span",
      { className: "chip", data: { role: name } },
      sign,
      edited,
      ...(value ? [remove] : []),
    );
    return made;
  }

  function list(name, texts) {
    const chips = h("div", { className: "chips" }, ...texts.map((_, n) => chip(name, texts, n)));
    const add = h(
      "button",
      { type: "button", className: "add", "aria-label": `Add to: ${titled(name)}` },
      icon("plus"),
    );
    add.addEventListener("click", () => begun(chips, name, texts, add));
    chips.append(add);
    return chips;
  }

  function begun(chips, name, texts, before) {
    const fresh = chip(name, texts, texts.length);
    chips.insertBefore(fresh, before);
    fresh.querySelector(".written").focus();
  }

  /** Lists with nothing in them, as one line of buttons. */
  function empty(names) {
    const adds = h("div", { className: "adds" });
    for (const name of names) {
      const add = h(
        "button",
        { type: "button", className: "add", data: { role: name } },
        icon("plus"),
        ` ${titled(name)}`,
      );
      add.addEventListener("click", () => begun(adds, name, [], add));
      adds.append(add);
    }
    return adds;
  }

  function step(label, ...content) {
    return h("li", {}, h("span", { className: "step", textContent: label }), ...content);
  }

  let draw = () => {};
  const redraw = () => draw();

  function show(session) {
    const trace = session.trace;
    const key = JSON.stringify([session.id, session.fields, trace?.captions, trace?.intent, trace?.query]);
    if (key === shown) return; // what is being written there stays
    shown = key;
    fields = session.fields ?? {};
    draw = () => {
      const { caption, target_caption: target, ...lists } = fields;
      const said = trace?.query?.modification;
      const rows = [];
      if (caption || (trace?.captions ?? []).length)
        rows.push(step(LABELS.caption, text("caption", caption ?? "")));
      for (const other of (trace?.captions ?? []).slice(1)) rows.push(step("And", other));
      if (trace?.intent?.reasoning) rows.push(step("The reasoner thought", trace.intent.reasoning));
      if (target !== undefined && (target || said)) {
        const made = text("target_caption", target);
        made.classList.add("strong");
        rows.push(step(LABELS.target_caption, made));
      }
      const filled = Object.entries(lists).filter(([, texts]) => texts.length);
      for (const [name, texts] of filled) rows.push(step(titled(name), list(name, texts)));
      if (!rows.length) {
        rows.push(
          step("Nothing was said yet", `pictures that look like ${session.reference?.name ?? "it"}`),
        );
        return $("understood").replaceChildren(...rows);
      }
      const light = trace?.light;
      const near = light && `${Math.round(100 * light.agreement)} % of the ten nearest are right`;
      if (light) rows.push(step("Texts", `by ${light.tower}, mapped: ${near}`));
      const rest = Object.keys(lists).filter((name) => !lists[name].length);
      if (rest.length) rows.push(step("Nothing yet", empty(rest)));
      $("understood").replaceChildren(...rows);
    };
    draw();
  }

  return { show };
}
