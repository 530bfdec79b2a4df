(() => {
  const root = document.documentElement, dialog = document.getElementById("large");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const asked = new URLSearchParams(location.search).get("theme");
  if (asked === "dark" || asked === "light") root.dataset.theme = asked;
  document.getElementById("theme").onclick = () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  };
  const hits = [...document.querySelectorAll(".hit")];
  const open = (hit) => {
    const image = hit.querySelector("img");
    if (!image) return;
    dialog.querySelector("img").src = image.src;
    dialog.querySelector("img").alt = image.alt;
    dialog.querySelector("p").textContent = hit.dataset.text;
    dialog.showModal();
  };
  hits.forEach((hit) => hit.addEventListener("click", () => open(hit)));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const at = hits.indexOf(document.activeElement);
    const step = { ArrowRight: 1, j: 1, ArrowLeft: -1, k: -1 }[event.key];
    if (step && hits.length) {
      hits[Math.min(hits.length - 1, Math.max(0, at < 0 ? 0 : at + step))].focus();
      event.preventDefault();
    } else if (event.key === "Enter" && at >= 0) {
      open(hits[at]);
      event.preventDefault();
    }
  });
})();
