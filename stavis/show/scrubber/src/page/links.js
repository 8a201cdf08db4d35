// Moments that a page names are links "#t=SECONDS" that move the scrubber; a second click on the same one moves it there again.

export function connectMomentLinks() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-stavis-moment]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const hash = link.getAttribute("href");
    // In a frame made of text the address of the page is another's: the scrubber hears of the moment in any case.
    try {
      if (location.hash !== hash) location.hash = hash;
      else window.dispatchEvent(new HashChangeEvent("hashchange"));
    } catch {
      // The scrubber stays where it is.
    }
  });
}
