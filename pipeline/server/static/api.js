// The server, asked: JSON, streams of events, and all that goes wrong as one kind of error.

/** What a person can read: what happened, and what to do. */
export class Problem extends Error {
  constructor(message, hint = "", status = 0) {
    super(message);
    Object.assign(this, { hint, status });
  }
}

const MANY = 6; // times that a server is asked that has too many requests

function pause(seconds, signal) {
  return new Promise((done, fail) => {
    const timer = setTimeout(done, 1000 * seconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), fail(signal.reason)), { once: true });
  });
}

async function problemOf(answer) {
  const said = await answer.json().catch(() => ({}));
  const words = said.message ?? `the server answered ${answer.status}`;
  return new Problem(words, said.hint ?? "", answer.status);
}

/** A good answer. `onWait` hears how many seconds a busy server wants to be left alone. */
async function sent(method, path, { body, accept = "application/json", signal, onWait } = {}) {
  const headers = { Accept: accept };
  const raw = body instanceof Blob;
  if (body !== undefined) {
    headers["Content-Type"] = raw ? body.type || "application/octet-stream" : "application/json";
  }
  for (let tries = 1; ; tries++) {
    let answer;
    try {
      answer = await fetch(path, { method, headers, body: raw ? body : JSON.stringify(body), signal });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Problem("the server cannot be reached", "is `likebut serve` still running?");
    }
    if (answer.ok) return answer;
    const after = Number(answer.headers.get("Retry-After"));
    const patient = answer.status === 503 && after > 0; // not ready yet, as while a gallery is indexed
    if (!patient && (answer.status !== 429 || tries === MANY)) throw await problemOf(answer);
    const seconds = Math.min(60, Math.max(1, after || 1));
    onWait?.(seconds);
    await pause(seconds, signal);
    onWait?.(0);
  }
}

/** The JSON of an answer; null where there is none. */
export async function ask(method, path, given = {}) {
  const text = await (await sent(method, path, given)).text();
  return text ? JSON.parse(text) : null;
}

/** Each event of a stream as [name, data]. */
async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const blocks = (rest + (value ?? "")).split(/\r?\n\r?\n/);
    rest = done ? "" : blocks.pop();
    for (const block of blocks) {
      const lines = block.split(/\r?\n/);
      const of = (field) =>
        lines
          .filter((line) => line.startsWith(`${field}:`))
          .map((line) => line.slice(field.length + 1).replace(/^ /, ""))
          .join("\n");
      if (of("data")) yield [of("event"), JSON.parse(of("data"))];
    }
    if (done) return;
  }
}

/** A session after something that takes its time; `onStage` hears where it is. */
export async function streamed(path, body, { onStage, ...given }) {
  const answer = await sent("POST", path, { body, accept: "text/event-stream", ...given });
  if (!answer.headers.get("Content-Type")?.startsWith("text/event-stream")) return answer.json();
  for await (const [name, data] of events(answer)) {
    if (name === "stage") onStage(data);
    if (name === "session") return data;
    if (name === "problem") throw new Problem(data.message, data.hint, data.status);
  }
  throw new Problem("the answer broke off", "try again");
}
