// Tiers: named rows of spans and points that do not overlap, each with a label. Times are the clip's, in seconds.

// Times this near (s) are one, as in stavis/timeline.py: ELAN rounds to whole milliseconds. The rest is the error of a float.
export const NEAR = 0.001 + 1e-9;

export const near = (a, b) => Math.abs(a - b) <= NEAR;

export const within = (t, [a, b]) => t >= a - NEAR && t <= b + NEAR;

export const copyTiers = (tiers) =>
  (tiers || []).map((tier) => ({
    name: String(tier.name),
    labels: [...(tier.labels || [])],
    spans: (tier.spans || []).map(([a, b, label]) => [a, b, label || ""]),
  }));

// The labels that are offered, then the further ones in use.
export const labelsOf = (tier) => [...new Set([...tier.labels, ...tier.spans.map((span) => span[2]).filter(Boolean)])];

export function freeName(tiers, wanted) {
  const names = tiers.map((tier) => tier.name);
  if (!names.includes(wanted)) return wanted;
  let k = 2;
  while (names.includes(`${wanted} ${k}`)) k++;
  return `${wanted} ${k}`;
}

// The span that a new one would overlap, or undefined; spans may touch, a point may not stand where one is.
export function overlapped(tier, a, b) {
  return tier.spans.find(([c, d]) => (a < d - NEAR && c < b - NEAR) || (near(a, c) && (a === b || c === d)));
}

export function addSpan(tier, a, b, label) {
  tier.spans.push([a, b, label]);
  tier.spans.sort((p, q) => p[0] - q[0] || p[1] - q[1]);
}

export const spanAt = (tier, t) => tier.spans.findIndex((span) => within(t, span));

// Spans of another file join those of a tier where they overlap none of them; counts those that were left out.
export function joinTiers(tiers, others) {
  let left = 0;
  for (const other of others) {
    let tier = tiers.find((one) => one.name === other.name);
    if (!tier) tiers.push((tier = { name: other.name, labels: [], spans: [] }));
    tier.labels = [...new Set([...tier.labels, ...other.labels])];
    for (const [a, b, label] of other.spans) {
      if (tier.spans.some((one) => near(one[0], a) && near(one[1], b) && one[2] === label)) continue;
      if (overlapped(tier, a, b)) left++;
      else addSpan(tier, a, b, label);
    }
  }
  return left;
}
