// The question: a picture that is dropped, pasted or picked, the sentence, and what it would cost.

import { ask } from "./api.js";
import { $ } from "./dom.js";

const CALM = 400; // ms without a key before a price is asked for

export function makeAsk(app) {
  const { known, acts, talk } = app;
  const sentence = $("sentence"),
    file = $("file"),
    choose = $("choose"),
    image = $("reference");
  let priced = "",
    paid = false,
    calm = 0;

  function seen(source, name) {
    image.hidden = !source;
    choose.classList.toggle("filled", Boolean(source));
    if (source && image.getAttribute("src") !== source) image.src = source;
    if (!source) image.removeAttribute("src");
    image.alt = source ? `Like this: ${name}` : "";
    choose.setAttribute(
      "aria-label",
      source ? `Like ${name}; choose another picture` : "Choose a picture to begin with",
    );
  }

  async function took(blob) {
    if (!blob) return;
    if (blob.type && !blob.type.startsWith("image/")) {
      talk.note("bad", `${blob.name || "what was dropped"} is no picture`, "give a JPEG, PNG or WebP file");
      return;
    }
    const preview = URL.createObjectURL(blob);
    seen(preview, blob.name || "a pasted picture");
    if (await acts.picture(blob)) sentence.focus();
    else show(known.session);
    URL.revokeObjectURL(preview);
  }

  const query = () => sentence.value.trim().replace(/\s+/g, " ");

  /** What the sentence would cost, shown before anybody is paid. */
  async function estimated(text) {
    const about = { session: known.session?.id ?? "", gallery: known.gallery, sentence: text };
    const found = await ask("GET", `/api/estimate?${new URLSearchParams(about)}`).catch(() => null);
    if (text !== query()) return;
    priced = text;
    paid = Boolean(found?.calls) && found.dollars !== 0;
    $("cost").textContent = found ? found.words || "nothing: it was asked before" : "";
    $("cost").hidden = !found;
  }

  async function say(text) {
    clearTimeout(calm);
    if (!text) return sentence.focus();
    if (known.state?.costs && priced !== text) {
      sentence.value = text;
      await estimated(text);
      if (paid) return void ($("cost").textContent += " – Enter again to ask");
    }
    if (await acts.act({ do: "but", sentence: text })) {
      sentence.value = priced = "";
      $("cost").hidden = true;
    }
  }

  sentence.addEventListener("input", () => {
    clearTimeout(calm);
    $("cost").hidden = true;
    if (known.state?.costs && query()) calm = setTimeout(() => estimated(query()), CALM);
  });
  $("say").addEventListener("submit", (event) => {
    event.preventDefault();
    say(query());
  });
  choose.addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    took(file.files[0]);
    file.value = "";
  });
  $("unpick").addEventListener("click", () => acts.act({ do: "unpick" }));
  image.addEventListener("error", () => seen("", ""));

  document.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
    if (!pasted) return;
    event.preventDefault();
    took(pasted);
  });
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    $("dropping").hidden = !carries(event);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) $("dropping").hidden = true;
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    $("dropping").hidden = true;
    if (carries(event)) took(event.dataTransfer.files[0]);
  });

  function show(session) {
    const picked = session?.picked && session.hits.find((hit) => hit.id === session.picked);
    const reference = picked || session?.reference;
    seen(reference?.picture ?? "", reference?.name ?? "");
    choose.classList.toggle("picked", Boolean(picked));
    $("unpick").hidden = !session?.picked;
    const going = Boolean(reference || (session?.turns.length && session.at >= 0));
    $("lead").replaceChildren(going ? (reference ? "Like this, " : "Like that, ") : "Show me");
    if (going) $("lead").append(Object.assign(document.createElement("b"), { textContent: "but" }));
    sentence.placeholder = going ? "what should be different?" : "what you are looking for";
  }

  return { say, show, focus: () => (sentence.focus(), sentence.select()) };
}
