// What scrolls sideways on a narrow screen (code, tables, outputs) can be reached and scrolled with the keyboard.
const scrolling = () => {
  for (const box of document.querySelectorAll("pre, .table-wrapper, .cell_output")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};
window.addEventListener("load", scrolling);
window.addEventListener("resize", scrolling);
