// What a person does, sent to the server one thing at a time; every answer is a whole session.

import { Problem, ask, streamed } from "./api.js";

const SLOW = new Set(["but", "start", "change", "more", "less", "go"]); // may ask models: stages are told
const GESTURE = 2000; // ms between moves of one slider that are still one

/**
 * `app` has known = {session, gallery, recipe}; it hears began(), stage({stage, done}), waiting(seconds),
 * arrived(session, {live, weighed}), failed(problem) and ended().
 */
export function makeActs(app) {
  const { known } = app;
  let running = null; // what stops the step in flight
  let weighing = null; // a promise while weights are in flight
  let wanted = {};
  let last = { names: "", at: 0 }; // the weights that were moved, and when

  async function opened(fresh, signal) {
    if (known.session && !fresh) return known.session;
    const body = { gallery: known.gallery, ...(known.recipe ? { recipe: known.recipe } : {}) };
    return ask("POST", "/api/sessions", { body, signal, onWait: app.waiting });
  }

  /** Runs `work(signal)` to a session, unless something runs; whether it came to one. */
  async function guarded(work) {
    if (running) {
      app.failed(new Problem("one thing at a time", "wait for the answer, or cancel"));
      return false;
    }
    const stop = (running = new AbortController());
    app.began();
    try {
      await weighing;
      app.arrived(await work(stop.signal));
      return true;
    } catch (error) {
      if (stop.signal.aborted) app.failed(new Problem("cancelled"));
      else if (error instanceof Problem) app.failed(error);
      else throw error;
      return false;
    } finally {
      running = null;
      app.ended();
    }
  }

  /** One step; with `fresh` it begins a session of its own. */
  function act(step, { fresh = false } = {}) {
    last.names = "";
    return guarded(async (signal) => {
      const session = await opened(fresh, signal);
      const path = `/api/sessions/${encodeURIComponent(session.id)}/steps`;
      const body = { turn: session.at, ...step };
      const given = { signal, onWait: app.waiting };
      if (!SLOW.has(step.do)) return ask("POST", path, { body, ...given });
      return streamed(path, body, { onStage: app.stage, ...given });
    });
  }

  /** A session that begins with a picture of the person's own. */
  function picture(blob) {
    return guarded(async (signal) => {
      const session = await opened(known.session?.turns.length > 0, signal);
      const path = `/api/sessions/${encodeURIComponent(session.id)}/picture`;
      app.stage({ stage: "describe", done: false });
      return ask("PUT", path, { body: blob, signal, onWait: app.waiting });
    });
  }

  /** Other weights; while some are in flight the latest wait, and go together. */
  function weigh(values) {
    if (running || !known.session) return;
    Object.assign(wanted, values);
    weighing ??= flown().finally(() => (weighing = null));
  }

  async function flown() {
    while (Object.keys(wanted).length) {
      const values = wanted;
      wanted = {};
      const names = Object.keys(values).join();
      const live = names === last.names && Date.now() - last.at < GESTURE;
      const session = known.session;
      const path = `/api/sessions/${encodeURIComponent(session.id)}/steps`;
      const body = { do: "weigh", values, turn: session.at, live };
      try {
        const found = await ask("POST", path, { body, onWait: app.waiting });
        if (known.session?.id === found.id) app.arrived(found, { live, weighed: true });
        last = { names, at: Date.now() };
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        app.failed(error);
      }
    }
  }

  const cancel = () => running?.abort();
  const pending = () => Object.keys(wanted).length > 0;
  return { act, picture, weigh, cancel, pending };
}
