"use strict";
(() => {
  const body = document.querySelector("tbody"), heads = [...document.querySelectorAll("thead th")];
  const get = (id) => document.getElementById(id);
  const words = get("words"), state = get("state"), group = get("group"), view = get("view"), order = get("order");
  const found = get("found"), clear = get("clear"), none = document.querySelector(".none"), cards = document.querySelector(".cards");
  const scroll = document.querySelector(".scroll");
  const rows = [...body.rows].map((row, place) => ({ row, place, state: row.dataset.state, text: row.textContent.toLowerCase().replace(/\u00a0/g, " ") }));
  const name = (head) => head.textContent.trim();
  let sorted = null, rising = true;
  document.querySelector(".find").hidden = false;

  function make(tag, text, attributes = {}) {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  const signed = (value) => String(value).replaceAll("-", "−");

  // What can be filtered: numeric columns, and the mean share of each region

  function valueOf(row, column, kind) {
    const cell = row.cells[column], text = cell.dataset.value ?? cell.textContent.trim();
    const number = text === "" ? NaN : Number(text);
    return kind === "number" || (kind === "any" && !Number.isNaN(number)) ? number : text;
  }

  function quantities() {
    const list = [];
    for (const head of heads) {
      if (!head.dataset.sort || head.dataset.sort === "text") continue;
      if ("shares" in head.dataset) {
        const cells = rows.map((one) => one.row.cells[head.cellIndex]);
        const keys = new Set(cells.flatMap((cell) => Object.keys(cell.dataset).filter((key) => key.startsWith("share"))));
        for (const key of keys)
          list.push({ label: `share of ${key.slice(5).toLowerCase().replaceAll("_", " ")} (%)`, of: (row) => Number(row.cells[head.cellIndex].dataset[key] ?? NaN) });
      } else list.push({ label: name(head), of: (row) => Number(valueOf(row, head.cellIndex, "number")) });
    }
    return list.map((one) => ({ ...one, values: rows.map(({ row }) => one.of(row)).filter(Number.isFinite) })).filter((one) => one.values.length);
  }

  const ranges = quantities().map((one) => {
    const least = one.values.reduce((a, b) => Math.min(a, b)), most = one.values.reduce((a, b) => Math.max(a, b));
    const box = make("fieldset"), short = (value) => signed(Number(value.toPrecision(3)));
    const ends = [["at least", least], ["at most", most]].map(([text, value]) => {
      const input = make("input", undefined, { type: "number", step: "any", placeholder: short(value), "aria-label": `${one.label}, ${text}` });
      input.addEventListener("input", filter);
      return input;
    });
    box.append(make("legend", one.label), ...ends);
    document.querySelector(".ranges").append(box);
    return { ...one, ends, box };
  });
  get("ranges").hidden = !ranges.length;

  function within(row) {
    return ranges.every(({ ends: [low, high], of }) => {
      if (low.value === "" && high.value === "") return true;
      const value = of(row);
      return Number.isFinite(value) && (low.value === "" || value >= Number(low.value)) && (high.value === "" || value <= Number(high.value));
    });
  }

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0, set = 0;
    for (const one of ranges) {
      const on = one.ends.some((end) => end.value !== "");
      one.box.classList.toggle("on", on);
      set += on;
    }
    for (const one of rows) {
      const shown = (!state.value || one.state === state.value) && wanted.every((word) => one.text.includes(word)) && within(one.row);
      if (one.row.hidden === shown) one.row.hidden = !shown;
      count += shown;
    }
    found.textContent = count === rows.length ? `${count} reports` : `${count} of ${rows.length} reports`;
    get("ranges").querySelector("summary").textContent = set ? `Filter by value (${set})` : "Filter by value";
    clear.hidden = !set && !wanted.length && !state.value;
    none.hidden = count > 0;
    if (group.value || view.value === "cards") arrange();
  }

  // Order and groups

  const collator = new Intl.Collator("en", { numeric: true });
  const empty = (value) => value === "" || Number.isNaN(value);
  function compare(a, b) {
    return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
  }

  function ordered() {
    if (!sorted) return [...rows];
    const keyed = rows.map((one) => ({ one, key: valueOf(one.row, sorted.cellIndex, sorted.dataset.sort) }));
    const sign = rising ? 1 : -1;
    keyed.sort((a, b) => (empty(a.key) || empty(b.key) ? empty(a.key) - empty(b.key) : sign * compare(a.key, b.key)) || a.one.place - b.one.place);
    return keyed.map(({ one }) => one);
  }

  function sort(head, up) {
    rising = up ?? head.getAttribute("aria-sort") !== "ascending";
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    sorted = head;
    order.value = String(head.cellIndex);
    arrange();
    body.dataset.sorted = `${head.cellIndex} ${rising ? "up" : "down"}`;
  }

  // The study's own order again.
  function unsort() {
    sorted?.removeAttribute("aria-sort");
    sorted = null;
    delete body.dataset.sorted;
    arrange();
  }

  function grouped() {
    const list = ordered();
    if (!group.value) return [["", list]];
    const of = group.value === "folder" ? (row) => row.dataset.folder : (row) => String(valueOf(row, Number(group.value), "text"));
    const groups = new Map();
    for (const one of list) {
      const key = of(one.row) || "(none)";
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(one);
    }
    return [...groups].sort(([a], [b]) => collator.compare(a, b));
  }

  function mean(list, column) {
    const values = list.map(({ row }) => valueOf(row, column, "number")).filter(Number.isFinite);
    return values.length ? values.reduce((a, b) => a + b, 0) / values.length : NaN;
  }

  function groupRow(key, list) {
    const row = make("tr", undefined, { class: "group" });
    for (const head of heads) {
      const kind = head.dataset.sort, first = name(head) === "report";
      const cell = make(first ? "th" : "td");
      if (first) {
        cell.scope = "rowgroup";
        cell.append(Number.isFinite(Number(key)) ? signed(key) : key, make("small", `${list.length} shown`));
      } else if (kind === "number" && head.classList.contains("number")) {
        const value = mean(list, head.cellIndex);
        cell.className = "number";
        if (Number.isFinite(value)) cell.append(signed(value.toPrecision(3)), make("small", "mean"));
      }
      row.append(cell);
    }
    return row;
  }

  function card(one) {
    one.card ??= newCard(one);
    return one.card;
  }

  function newCard({ row }) {
    const box = make("article", undefined, { class: "card" }), top = make("div", undefined, { class: "top" }), text = make("div");
    const image = row.querySelector("img"), title = row.querySelector("th"), chart = row.querySelector("svg"), list = make("dl");
    if (image) top.append(image.cloneNode());
    text.append(...[...title.childNodes].map((node) => node.cloneNode(true)), make("div", row.dataset.state, { class: `state ${row.dataset.state}` }));
    top.append(text);
    box.append(top);
    if (chart) box.append(chart.cloneNode(true));
    for (const head of heads.filter((one) => one.classList.contains("number") || ("group" in one.dataset && name(one) !== "state"))) {
      const shown = row.cells[head.cellIndex].textContent.trim();
      if (!shown) continue;
      const item = make("div");
      item.append(make("dt", name(head)), make("dd", shown));
      list.append(item);
    }
    box.append(list);
    return box;
  }

  function arrange() {
    const asCards = view.value === "cards", groups = grouped();
    scroll.hidden = asCards;
    cards.hidden = !asCards;
    document.querySelector(".order").hidden = !asCards;
    const items = [], boxes = [];
    for (const [key, list] of groups) {
      const shown = list.filter((one) => !one.row.hidden);
      if (key && shown.length) {
        const heading = make("h2", key);
        heading.append(make("small", `${shown.length} shown`));
        boxes.push(heading);
        items.push(groupRow(key, shown));
      }
      items.push(...list.map((one) => one.row));
      if (asCards) boxes.push(...shown.map(card));
    }
    body.replaceChildren(...items);
    cards.replaceChildren(...(asCards ? boxes : []));
  }

  order.append(make("option", "nothing", { value: "" }));
  for (const head of heads) {
    if ("group" in head.dataset) group.append(make("option", name(head), { value: head.cellIndex }));
    if (!head.dataset.sort) continue;
    order.append(make("option", name(head), { value: head.cellIndex }));
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head));
  }
  if (new Set(rows.map(({ row }) => row.dataset.folder)).size > 1) group.append(make("option", "folder of the video", { value: "folder" }));
  words.addEventListener("input", filter);
  state.addEventListener("change", filter);
  group.addEventListener("change", arrange);
  view.addEventListener("change", arrange);
  order.addEventListener("change", () => {
    const head = order.value === "" ? null : heads[Number(order.value)];
    if (head) sort(head, head.dataset.sort === "text");
    else unsort();
  });
  clear.addEventListener("click", () => {
    words.value = state.value = "";
    for (const one of ranges) for (const end of one.ends) end.value = "";
    filter();
    words.focus();
  });
  document.querySelector(".find").addEventListener("submit", (event) => event.preventDefault());
})();
