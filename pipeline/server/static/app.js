// The page of likebut: what is known, the address, the keys, and the parts that show it.

import { makeActs } from "./acts.js";
import { Problem, ask } from "./api.js";
import { again } from "./again.js";
import { makeAsk } from "./ask.js";
import { makeChoices } from "./choices.js";
import { makeCompare } from "./compare.js";
import { $, h, many, speak, writing } from "./dom.js";
import { makeHits } from "./hits.js";
import { makeLarge } from "./large.js";
import { makeStart } from "./start.js";
import { makeTalk } from "./talk.js";
import { makeTrail } from "./trail.js";
import { makeUnderstood } from "./understood.js";
import { makeWeights } from "./weights.js";

const known = { state: null, session: null, gallery: "", recipe: "", chosen: new Set() };
const app = { known };

app.began = () => {
  document.body.classList.add("running");
  $("found").setAttribute("aria-busy", "true");
  app.talk.began();
};
app.ended = () => {
  document.body.classList.remove("running");
  $("found").removeAttribute("aria-busy");
  app.talk.ended();
};
app.stage = (stage) => app.talk.stage(stage);
app.waiting = (seconds) => app.talk.waiting(seconds);
app.failed = (problem) => app.talk.problem(problem);

/** A session to show; its turn becomes the address, while a slider moves in place of the one before. */
app.arrived = (session, { live = false, weighed = false, quiet = false } = {}) => {
  const path = session.at < 0 ? `/s/${session.id}` : `/s/${session.id}/${session.at}`;
  if (!quiet && path !== location.pathname) history[live ? "replaceState" : "pushState"](null, "", path);
  show(session);
  if (!weighed && session.at >= 0) speak(`${many(session.hits.length, "hit")}`);
};

app.choices = () => {
  app.choosing.show(known.session);
  app.hits.update(known.session);
};

/** What was found, whole: a session says the shares, boxes and judgements of its hits in the trace alone. */
function whole(session) {
  const told = session.trace?.ranking.hits ?? [];
  return { ...session, hits: session.hits.map((hit, n) => ({ ...told[n], ...hit })) };
}

function show(found) {
  const old = known.session;
  const session = found && whole(found);
  if (session?.id !== old?.id) known.chosen.clear();
  known.session = session;
  if (session) {
    $("gallery").value = known.gallery = session.gallery;
    choseRecipe(session.recipe);
  }
  const turn = session?.turns[session.at];
  document.title = turn ? `${turn.words} – likebut` : "likebut";
  $("work").hidden = !turn;
  $("fresh").hidden = !session;
  if (session) {
    app.choosing.show(session);
    app.hits.show(session, old);
    app.understood.show(session);
    app.weights.show(session);
  }
  app.talk.show(session);
  if (!session) unopened();
  app.ask.show(session);
  app.trail.show(session);
  app.start.show(session);
  app.compare.show(turn ? session : null);
}

/** Says which galleries cannot be opened, and why. */
function unopened() {
  for (const { name, problem } of known.state?.galleries ?? []) {
    if (problem) app.talk.note("bad", `${name}: ${problem}`);
  }
}

/** Shows what an address means: "/", "/s/SESSION" or "/s/SESSION/TURN". */
async function route() {
  const [, id, turn] = location.pathname.match(/^\/s\/([^/]+)(?:\/(-?\d+))?/) ?? [];
  if (!id) return show(null);
  try {
    let session = await ask("GET", `/api/sessions/${id}`);
    if (turn !== undefined && session.at !== Number(turn)) {
      session = await ask("POST", `/api/sessions/${id}/steps`, { body: { do: "go", turn: Number(turn) } });
    }
    app.arrived(session, { quiet: true });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    history.replaceState(null, "", "/");
    show(null);
    app.failed(error);
  }
}

app.visit = (path) => {
  if (path !== location.pathname) history.pushState(null, "", path);
  return route();
};

async function refreshed() {
  const before = known.state?.busy;
  const state = await ask("GET", "/api/state");
  known.state = state;
  const busy = state.busy;
  $("busy").hidden = !busy;
  if (busy) {
    $("busy-words").textContent = busy.all ? `${busy.what}: ${busy.done} of ${busy.all}` : busy.what;
    if (busy.all) $("busy-bar").max = busy.all;
    if (busy.all) $("busy-bar").value = busy.done;
    else $("busy-bar").removeAttribute("value");
    setTimeout(() => refreshed().catch(() => {}), 1000);
  }
  if (!before || !busy) listed(state);
}

function listed(state) {
  const count = (gallery) => (typeof gallery.count === "number" ? ` (${gallery.count})` : "");
  const galleries = state.galleries.map((one) =>
    h("option", { value: one.id, textContent: one.name + count(one) }),
  );
  const recipes = state.recipes.map(({ name, description }) =>
    h("option", { value: name, textContent: name, title: description ?? "" }),
  );
  $("gallery").replaceChildren(...galleries);
  $("recipe").replaceChildren(...recipes);
  chose(known.gallery || state.galleries[0]?.id || "");
  if (known.recipe) choseRecipe(known.recipe);
  app.compare.recipes(state);
}

function chose(gallery) {
  const found = known.state.galleries.find(({ id }) => id === gallery);
  if (known.gallery !== gallery || !known.recipe) known.recipe = found?.recipe ?? "";
  known.gallery = gallery;
  $("gallery").value = gallery;
  choseRecipe(known.recipe);
  app.start.anew();
}

/** A recipe by its name, which may be a variant or a file that no list has. */
function choseRecipe(name) {
  const select = $("recipe");
  if (![...select.options].some(({ value }) => value === name))
    select.append(h("option", { value: name, textContent: name }));
  select.value = known.recipe = name;
}

$("gallery").addEventListener("change", () => {
  chose($("gallery").value);
  app.visit("/");
});
$("recipe").addEventListener("change", async () => {
  const session = known.session;
  const recipe = $("recipe").value;
  known.recipe = recipe;
  if (!session) return;
  const done = await app.acts.act({ ...again(session), recipe });
  if (!done) choseRecipe(session.recipe);
});
for (const id of ["home", "fresh"]) {
  $(id).addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    app.visit("/");
    $("sentence").focus();
  });
}
$("help").addEventListener("click", () => $("keys").showModal());
for (const dialog of document.querySelectorAll("dialog.sheet")) {
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
function tuned(open) {
  $("tune").classList.toggle("open", open);
  $("tune-open").setAttribute("aria-expanded", String(open));
  if (open) $("found").scrollIntoView({ block: "start" }); // hits above the sheet, to see what it does
}
$("tune-open").addEventListener("click", () => tuned(!$("tune").classList.contains("open")));
$("tune-close").addEventListener("click", () => (tuned(false), $("tune-open").focus()));

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  const typed = writing(event.target);
  const back = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "z";
  if (back && !typed) (event.preventDefault(), app.trail.undo());
  if (event.key === "Escape") $("progress").hidden ? tuned(false) : app.acts.cancel();
  if (event.ctrlKey || event.metaKey || event.altKey || typed) return;
  const keys = { "/": () => app.ask.focus(), "?": () => $("keys").showModal(), u: () => app.trail.undo() };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});

app.talk = makeTalk({ cancel: () => app.acts.cancel(), say: (text) => app.ask.say(text) });
app.acts = makeActs(app);
app.hits = makeHits(app);
app.large = makeLarge(app);
app.ask = makeAsk(app);
app.understood = makeUnderstood(app);
app.weights = makeWeights(app);
app.trail = makeTrail(app);
app.choosing = makeChoices(app);
app.compare = makeCompare(app);
app.start = makeStart(app);
addEventListener("popstate", route);
refreshed().then(route, (error) => (error instanceof Problem ? app.failed(error) : Promise.reject(error)));
if (matchMedia("(hover: hover)").matches) $("sentence").focus();
