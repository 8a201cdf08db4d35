"use strict";
(() => {
  const body = document.querySelector("tbody");
  const rows = [...body.rows].map((row, place) => ({ row, place, state: row.dataset.state, text: row.textContent.toLowerCase() }));
  const words = document.getElementById("words"), state = document.getElementById("state");
  const found = document.getElementById("found"), none = document.querySelector(".none");
  document.querySelector(".find").hidden = false;

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const one of rows) {
      const shown = (!state.value || one.state === state.value) && wanted.every((word) => one.text.includes(word));
      if (one.row.hidden === shown) one.row.hidden = !shown;
      count += shown;
    }
    found.textContent = count === rows.length ? `${count} reports` : `${count} of ${rows.length} reports`;
    none.hidden = count > 0;
  }

  function valueOf(row, column, kind) {
    const cell = row.cells[column], text = cell.dataset.value ?? cell.textContent.trim();
    const number = text === "" ? NaN : Number(text);
    return kind === "number" || (kind === "any" && !Number.isNaN(number)) ? number : text;
  }

  const collator = new Intl.Collator("en", { numeric: true });
  function compare(a, b) {
    const empty = (value) => value === "" || Number.isNaN(value);
    if (empty(a) || empty(b)) return empty(a) - empty(b);
    return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
  }

  function sort(head) {
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const keyed = rows.map((one) => ({ one, key: valueOf(one.row, head.cellIndex, head.dataset.sort) }));
    const empty = (key) => key === "" || Number.isNaN(key);
    keyed.sort((a, b) => (empty(a.key) || empty(b.key) || up ? compare(a.key, b.key) : compare(b.key, a.key)) || a.one.place - b.one.place);
    body.append(...keyed.map(({ one }) => one.row));
    body.dataset.sorted = `${head.cellIndex} ${up ? "up" : "down"}`;
  }

  for (const head of document.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head));
  }
  words.addEventListener("input", filter);
  state.addEventListener("change", filter);
  document.querySelector(".find").addEventListener("submit", (event) => event.preventDefault());
})();
