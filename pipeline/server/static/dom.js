// Elements made without HTML: text stays text, whatever is in it.

export const $ = (id) => document.getElementById(id);

/** An element with properties, data and attributes ("aria-…"), listeners ("onclick") and children. */
export function h(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(made.dataset, value);
    else if (name.includes("-") || name === "for" || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/** One of the page's drawn signs. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** The children of an element in a new order: those that stay are moved, never made anew. */
export function arrange(parent, children) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const wanted = new Set(children);
  for (const old of [...parent.children]) if (!wanted.has(old)) old.remove();
  children.forEach((child, n) => {
    if (parent.children[n] !== child) parent.insertBefore(child, parent.children[n] ?? null);
  });
  if (focused && focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

export const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Says something to those who listen instead of looking. */
export function speak(text) {
  $("spoken").textContent = text;
}

export const many = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
export const signed = (value, digits = 2) => {
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) ? "−" : "+") + text;
};

/** Whether keys are for what is being written. */
export function writing(element) {
  if (!element) return false;
  const typed = element.matches("textarea, select, [contenteditable]");
  return typed || (element.matches("input") && !["checkbox", "range", "file"].includes(element.type));
}
