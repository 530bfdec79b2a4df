(() => {
  const cases = [...document.querySelectorAll(".case")];
  const which = document.getElementById("which"), what = document.getElementById("what");
  const words = document.getElementById("words"), count = document.getElementById("count");
  const numbers = (element, name) => (element.dataset[name] || "").split(" ").filter(Boolean);
  const fits = (element) => {
    const kind = what.value, variant = which.value, text = words.value.trim().toLowerCase();
    if (text && !element.textContent.toLowerCase().includes(text)) return false;
    if (kind === "all") return true;
    const found = kind === "moved"
      ? [...numbers(element, "better"), ...numbers(element, "worse")] : numbers(element, kind);
    return variant ? found.includes(variant) : found.length > 0;
  };
  const show = () => {
    let shown = 0;
    for (const element of cases) {
      element.hidden = !fits(element);
      shown += !element.hidden;
    }
    count.textContent = `${shown} of ${cases.length} shown`;
  };
  for (const input of [which, what]) input.addEventListener("change", show);
  words.addEventListener("input", show);
  document.querySelector(".filters").addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("open").addEventListener("click", () => {
    const visible = cases.filter((element) => !element.hidden);
    const close = visible.every((element) => element.open);
    visible.forEach((element) => { element.open = !close; });
  });
  const dialog = document.getElementById("large");
  document.addEventListener("click", (event) => {
    const shot = event.target.closest(".shot");
    if (!shot) return;
    const image = shot.querySelector("img");
    dialog.querySelector("img").src = image.src;
    dialog.querySelector("img").alt = image.alt;
    dialog.querySelector("p").textContent = image.alt;
    dialog.showModal();
  });
  show();
})();
