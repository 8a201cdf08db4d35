// The link to a moment: report.html#t=3.2&map=saliency. Only pages without a kernel have it; the address follows the cursor where that is allowed.

import { signs } from "./data.js";

const PAUSE = 400;

// What an address says: {t, map, clip}; clip counts the scrubbers of a page from 1.
export function readAddress(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  if (!said.has("t") && !said.has("map")) return null;
  const t = said.has("t") && said.get("t").trim() !== "" ? Number(said.get("t")) : NaN;
  return { asked: said.get("t"), t, map: said.get("map"), clip: Number(said.get("clip")) || 1 };
}

export function connectAddress(s, number) {
  const follow = () => {
    const found = readAddress(location.hash);
    if (found && found.clip === number) goToAddress(s, found);
  };
  s.on(window, "hashchange", follow);
  follow();
  let timer = 0;
  let last = s.current + s.look.map;
  s.on(s.root, "stavis:drawn", (event) => {
    const now = event.detail.frame + event.detail.map;
    if (now === last) return;
    last = now;
    // Browsers limit how often an address may change.
    clearTimeout(timer);
    timer = setTimeout(() => writeAddress(s, number), PAUSE);
  });
  s.stops.signal.addEventListener("abort", () => clearTimeout(timer));
}

function writeAddress(s, number) {
  const { data, look } = s;
  const t = Number(data.seconds(s.current).toFixed(3));
  const clip = number > 1 ? `&clip=${number}` : "";
  try {
    history.replaceState(history.state, "", `#t=${t}&map=${encodeURIComponent(look.map)}${clip}`);
  } catch {
    // A page in a frame of another may not change its address: it stays as it is.
  }
}

// An address that asks for what is not there goes to the nearest that is, and says so.
function goToAddress(s, { asked, t, map }) {
  const { data } = s;
  if (!data.count) return;
  const said = [];
  if (map !== null && map !== "none" && !data.map(map)) said.push(`there is no map ${map.slice(0, 60)}`);
  else if (map !== null) s.chooseMap(map);
  if (asked !== null && !Number.isFinite(t)) said.push(`${asked.slice(0, 20) || "nothing"} is no time in seconds`);
  else if (asked !== null) {
    const [first, last] = [data.seconds(0), data.seconds(data.count - 1)];
    const half = data.count > 1 ? data.duration / (data.count - 1) / 2 + 1e-3 : 0.5;
    if (t < first - half || t > last + half) said.push(`${signs(t, 1)} s is outside the clip (${signs(first, 1)} to ${signs(last, 1)} s)`);
    s.show(data.frameAt(Math.max(0, Math.min(data.times[data.count - 1], t - data.start))));
  }
  if (said.length) s.say(`The address asks for more than is here: ${said.join(", and ")}.`);
  // The image and the transport come in sight, not all that lies below them.
  for (const part of [s.ui.stage, s.ui.slider]) part.scrollIntoView({ block: "nearest" });
}
