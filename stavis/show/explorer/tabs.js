// Which of the explorer's panels is open: a row of buttons. No kernel is asked.

function render({ model, el }) {
  const row = document.createElement("div");
  row.className = "stvx-tabs";
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "Panels");
  let open = model.get("first");
  const buttons = model.get("names").map(([key, text]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "stvx-tab";
    button.textContent = text;
    button.addEventListener("click", () => show(open === key ? "" : key));
    row.append(button);
    return [key, button];
  });
  el.append(row);

  function show(key) {
    open = key;
    const root = row.closest(".stvx");
    for (const [name, button] of buttons) {
      button.setAttribute("aria-expanded", String(name === open));
      if (root) root.classList.toggle(`stvx-open-${name}`, name === open);
    }
    if (root) root.classList.add("stvx-ready");
  }
  show(open);
  // A widget is made before it has its place on the page.
  let tries = 0;
  let asked = 0;
  const settle = () => {
    if (row.closest(".stvx")) show(open);
    else if (tries++ < 600) asked = requestAnimationFrame(settle);
  };
  settle();
  return () => {
    cancelAnimationFrame(asked);
    row.remove();
  };
}

export default { render };
