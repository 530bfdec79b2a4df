// What was asked in a turn, as a step that asks it again: by another recipe, beside it.

/** The step that began what is looked at; "more", "less", weights and changes go with the turn they are of. */
export function again(session) {
  let turn = session.turns[session.at];
  while (turn && turn.do !== "but" && turn.do !== "start") turn = session.turns[turn.parent];
  if (!turn) return { do: "go", turn: session.at };
  if (turn.do === "start") return { do: "start", turn: turn.parent, ...begunWith(session.reference) };
  const picked = pickedIn(turn);
  return { do: "but", turn: turn.parent, sentence: turn.sentence, ...(picked ? { hit: picked } : {}) };
}

/** A turn about a hit has the words "from HIT: SENTENCE". */
function pickedIn({ words, sentence }) {
  const end = `: ${sentence}`;
  return words.startsWith("from ") && words.endsWith(end) ? words.slice("from ".length, -end.length) : "";
}

/** An item of the gallery by its id, a picture of the person's own by the hash in its address. */
function begunWith(reference) {
  if (reference?.id) return { hit: reference.id };
  const [, upload] = reference?.picture?.match(/\/picture\/([0-9a-f]{64})/) ?? [];
  return upload ? { upload } : {};
}
