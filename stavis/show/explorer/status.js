// What the explorer is doing, how far it is, a way to stop it and to go on; and the last sentence it had to say.

function render({ model, el }) {
  const node = (tag, attributes, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const words = node("span", { class: "stvx-doing" });
  const bar = node("progress", { class: "stvx-progress" });
  const count = node("span", { class: "stvx-count", "aria-hidden": "true" });
  const stop = node("button", { type: "button", class: "stvx-button" });
  const said = node("span", { class: "stvx-said" });
  const live = node("div", { class: "stvx-live", role: "status", "aria-live": "polite" }, words, said);
  const root = node("div", { class: "stvx-status" }, live, bar, count, stop);
  el.append(root);
  // Readers without a kernel see a poster beside this; here the live one takes its place, also after the poster is renewed.
  const style = node("style", {});
  style.textContent = `[data-stavis-explorer="${model.get("poster")}"] { display: none; }`;
  document.head.append(style);

  // No line breaks between a number and its unit.
  const unbroken = (text) => text.replace(/(\d) (%|s|ms|min|h|px|[kMG]?B|frames\/s)(?![\p{L}\d])/gu, "$1\u00a0$2");
  const put = (target, text) => target.textContent !== unbroken(text) && (target.textContent = unbroken(text));
  const fill = () => {
    const doing = model.get("doing");
    const total = model.get("total");
    put(words, doing);
    put(said, doing && model.get("kind") !== "error" ? "" : model.get("said"));
    said.dataset.kind = model.get("kind");
    bar.hidden = !doing;
    bar.setAttribute("aria-label", doing || "Progress");
    if (doing && total > 0) {
      bar.max = total;
      bar.value = model.get("done");
    } else bar.removeAttribute("value");
    const waiting = model.get("waiting");
    put(count, doing && waiting ? `${waiting} more` : "");
    stop.hidden = !doing && !model.get("stopped");
    put(stop, doing ? "Stop" : "Go on");
    root.dataset.busy = doing ? "1" : "";
  };
  const press = () => {
    model.set("pressed", model.get("pressed") + 1);
    model.save_changes();
  };
  stop.addEventListener("click", press);
  model.on("change", fill);
  fill();
  return () => {
    model.off("change", fill);
    style.remove();
    root.remove();
  };
}

export default { render };
