// Every grain a slider: the hits are ranked anew while it moves. A role of several grains has one for all.

import { $, arrange, h, icon, signed } from "./dom.js";
import { nameOf, parted } from "./roles.js";

const LOW = -1,
  HIGH = 2,
  STEP = 0.01;

export function makeWeights(app) {
  const { acts } = app;
  const rows = new Map(); // by the name of a role ("role preserved") or a grain
  let number = 0;

  function drawn(row) {
    const { input, output, element } = row;
    const value = Number(input.value);
    const place = (one) => (100 * (one - input.min)) / (input.max - input.min);
    const [from, to] = [place(0), place(value)].sort((a, b) => a - b);
    output.textContent = signed(value);
    input.setAttribute("aria-valuetext", signed(value));
    element.style.setProperty("--from", `${from}%`);
    element.style.setProperty("--to", `${to}%`);
    element.style.setProperty("--zero", `${place(0)}%`);
    row.reset.hidden = Math.abs(value - row.base) < STEP / 2;
  }

  function moved(row) {
    drawn(row);
    acts.weigh({ [row.name]: Number(row.input.value) });
  }

  function back(row) {
    row.input.value = row.base;
    drawn(row);
    acts.weigh({ [row.name]: row.base });
  }

  function made(name, title, role) {
    const id = `weight-${number++}`;
    const output = h("output", { htmlFor: id });
    const input = h("input", { type: "range", id, min: LOW, max: HIGH, step: STEP });
    const reset = h(
      "button",
      { type: "button", className: "round reset", "aria-label": `Reset ${title}` },
      icon("reset"),
    );
    const label = h(
      "label",
      { for: id, title },
      h("span", { className: "swatch", "aria-hidden": "true" }),
      title,
    );
    const head = h(
      "div",
      { className: "row between" },
      label,
      h("span", { className: "value" }, reset, output),
    );
    const element = h("div", { className: "weigh", data: { role } }, head, input);
    const row = { name, input, output, reset, element, base: 0 };
    input.addEventListener("input", () => moved(row));
    input.addEventListener("dblclick", () => back(row));
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Home") return;
      event.preventDefault();
      back(row);
    });
    reset.addEventListener("click", () => (back(row), input.focus()));
    return row;
  }

  function put(key, name, title, value, base) {
    const row = rows.get(key) ?? made(name, title, parted(name).base);
    rows.set(key, row);
    row.base = base;
    const [low, high] = [Math.min(LOW, Math.floor(value)), Math.max(HIGH, Math.ceil(value))];
    [row.input.min, row.input.max] = [low, high];
    // a slider that is being moved is ahead of the server
    if (document.activeElement !== row.input || !acts.pending()) row.input.value = value;
    drawn(row);
    return row;
  }

  /** [{role, weight, grains: [{name, weight}]}], those without a grain last. */
  function grouped(session) {
    const groups = new Map();
    const group = (role) => {
      const weight = session.weighed?.[role] ?? session.roles?.[role];
      if (!groups.has(role)) groups.set(role, { role, weight, grains: [] });
      return groups.get(role);
    };
    for (const { name, role } of session.trace?.grains ?? []) {
      group(role).grains.push({ name, weight: session.weights?.[name] ?? 0 });
    }
    for (const role of Object.keys(session.roles ?? {})) group(role);
    return [...groups.values()];
  }

  function show(session) {
    const { weighed = {}, roles = {} } = session;
    const used = new Set();
    const row = (key, ...given) => (used.add(key), put(key, ...given).element);
    const lists = [],
      idle = [];
    for (const { role, weight, grains } of grouped(session)) {
      if (grains.length === 1 && grains[0].name === role) {
        lists.push(row(role, role, nameOf(role), grains[0].weight, roles[role] ?? grains[0].weight));
      } else if (!grains.length) {
        idle.push(row(`role ${role}`, role, nameOf(role), weight, roles[role] ?? weight));
      } else {
        if (weight !== undefined)
          lists.push(row(`role ${role}`, role, `all ${nameOf(role)}`, weight, roles[role] ?? weight));
        for (const { name, weight: own } of grains) {
          // texts share the weight of their role
          const base = name in weighed ? (weight ?? own) / grains.length : own;
          const part = row(name, name, parted(name).text || nameOf(name), own, base);
          part.classList.add("part");
          lists.push(part);
        }
      }
    }
    for (const key of rows.keys()) if (!used.has(key)) rows.delete(key);
    placed(lists, idle);
    $("reset-all").hidden = [...rows.values()].every((one) => one.reset.hidden);
  }

  const rest = h("div");
  const idleBox = h(
    "details",
    { className: "idle" },
    h("summary", { textContent: "Not weighed here" }),
    rest,
  );
  function placed(lists, idle) {
    arrange($("weights"), idle.length ? [...lists, idleBox] : lists);
    arrange(rest, idle);
  }

  $("reset-all").addEventListener("click", () => {
    const off = [...rows.values()].filter((one) => !one.reset.hidden);
    for (const one of off) one.input.value = one.base;
    acts.weigh(Object.fromEntries(off.map((one) => [one.name, one.base])));
  });
  return { show };
}
