// What roles and grains are called; their colours are in app.css, by [data-role].

const NAMES = { target_caption: "target caption", modification: "sentence" };
const SIDES = { caption: "captions", region: "parts" };
export const LABELS = {
  caption: "The captioner saw",
  target_caption: "So the wanted picture shows",
  desired: "New in it",
  preserved: "Kept",
  forbidden: "Not in it",
};

/** "caption/desired:cat" has side "caption", base "desired" and text "cat". */
export function parted(name) {
  const colon = name.indexOf(":");
  const head = colon < 0 ? name : name.slice(0, colon);
  const text = colon < 0 ? "" : name.slice(colon + 1);
  const slash = head.lastIndexOf("/");
  return { side: slash < 0 ? "" : head.slice(0, slash), base: head.slice(slash + 1), text };
}

export const baseOf = (name) => parted(name).base;

/** What a role or a grain is called: "desired: cat (captions)". */
export function nameOf(name) {
  const { side, base, text } = parted(name);
  const said = (NAMES[base] ?? base.replaceAll("_", " ")) + (text ? `: ${text}` : "");
  return said + (side ? ` (${SIDES[side] ?? side})` : "");
}

/** The roles of a session's grains by the grains' names. */
export function rolesOf(session) {
  return new Map((session.trace?.grains ?? []).map((grain) => [grain.name, grain.role]));
}

/** One bar a hit, all on one scale: [{zero, text, segments: [{role, share, left, width}]}], in percent. */
export function bars(session, hits) {
  const roles = rolesOf(session);
  const all = hits.map((hit) => {
    const sums = new Map();
    for (const [name, share] of Object.entries(hit.shares ?? {})) {
      const role = roles.get(name) ?? name;
      sums.set(role, (sums.get(role) ?? 0) + share);
    }
    return [...sums];
  });
  const side = (shares, sign) => shares.reduce((sum, [, s]) => (s * sign > 0 ? sum + s : sum), 0);
  const low = Math.min(0, ...all.map((shares) => side(shares, -1)));
  const high = Math.max(0, ...all.map((shares) => side(shares, 1)));
  const span = high - low || 1;
  return all.map((shares) => {
    let [right, left] = [0, 0];
    const segments = shares.map(([role, share]) => {
      const start = share >= 0 ? right : left + share;
      if (share >= 0) right += share;
      else left += share;
      return { role, share, left: (100 * (start - low)) / span, width: (100 * Math.abs(share)) / span };
    });
    const text = shares.map(([role, share]) => `${nameOf(role)} ${share.toFixed(3)}`).join(", ");
    return { segments, zero: (100 * -low) / span, text };
  });
}
