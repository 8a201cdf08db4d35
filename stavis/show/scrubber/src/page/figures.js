// Figures in a page without a kernel: plotly is unpacked once, each figure is shown in the colours of the page and with no button but ours.

// The same figure with each light colour that has a dark one in its place: "#rrggbb", or "rgba(r,g,b,a)" of the same numbers.
function recoloured(value, dark) {
  if (typeof value === "string") {
    if (dark[value.toUpperCase()]) return dark[value.toUpperCase()];
    const faded = /^rgba\((\d+),(\d+),(\d+),([\d.]+)\)$/.exec(value);
    if (!faded) return value;
    const hex = "#" + faded.slice(1, 4).map((n) => Number(n).toString(16).padStart(2, "0")).join("").toUpperCase();
    const other = dark[hex];
    if (!other) return value;
    return `rgba(${[1, 3, 5].map((k) => parseInt(other.slice(k, k + 2), 16)).join(",")},${faded[4]})`;
  }
  if (Array.isArray(value)) return value.map((one) => recoloured(one, dark));
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, recoloured(v, dark)]));
  return value;
}

async function drawFigure(host, isDark) {
  const figure = JSON.parse(host.querySelector("script[type='application/json']").textContent);
  const colours = isDark ? figure.dark : {};
  // White lines lie on a map, not on the page.
  const lines = Object.fromEntries(Object.entries(colours).filter(([light]) => light !== "#FFFFFF"));
  const place = host.querySelector(".stavis-plot");
  if (!host.dataset.drawn) place.replaceChildren();
  await window.Plotly.react(place, recoloured(figure.data, lines), recoloured(figure.layout, colours), figure.config);
  for (const link of place.querySelectorAll(".modebar-btn")) {
    link.setAttribute("role", "button");
    link.setAttribute("aria-label", link.dataset.title || "");
  }
  host.dataset.drawn = "1";
}

// block(name) gives the bytes of an inert block of the page.
export async function wakeFigures(block) {
  const hosts = [...document.querySelectorAll("[data-stavis-figure]:not([data-live])")];
  if (!hosts.length) return;
  hosts.forEach((host) => (host.dataset.live = "1"));
  if (!window.Plotly) {
    const text = new TextDecoder().decode(await block("plotly"));
    if (!text) return;
    // An inline script, so that the policy can allow exactly this text by its hash.
    document.head.append(Object.assign(document.createElement("script"), { textContent: text }));
  }
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  for (const host of hosts) await drawFigure(host, scheme.matches);
  scheme.addEventListener("change", async () => {
    for (const host of hosts) await drawFigure(host, scheme.matches);
  });
}
