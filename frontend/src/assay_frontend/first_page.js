// Runs before Streamlit's own script.
(() => {
  // Streamlit looks for its server below a page's own address first, where nothing is: say where.
  if (!location.pathname.endsWith("/")) {
    window.__streamlit = { BACKEND_BASE_URL: new URL(".", location.href).href };
  }

  // Streamlit follows the browser's preference for light or dark: what the reader chose stands in
  // for it. Choosing what the browser prefers anyway is to follow it again.
  const kept = "assay-shade", query = "(prefers-color-scheme: dark)";
  const ask = window.matchMedia.bind(window);
  const preferred = ask(query), shown = ask(query);
  let chosen = null;
  try {
    chosen = localStorage.getItem(kept);
    // what Streamlit's own menu kept would come first
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith("stActiveTheme-")) localStorage.removeItem(key);
    }
  } catch (error) {
    // no storage: a choice lasts as long as the document
  }
  Object.defineProperty(shown, "matches", {
    get: () => (chosen ? chosen === "dark" : preferred.matches),
  });
  window.matchMedia = (asked) => (asked === query ? shown : ask(asked));

  const choose = (shade) => {
    chosen = shade === (preferred.matches ? "dark" : "light") ? null : shade;
    try {
      if (chosen) localStorage.setItem(kept, chosen);
      else localStorage.removeItem(kept);
    } catch (error) {
      // as above
    }
    shown.dispatchEvent(new Event("change"));
  };

  // Charts are drawn for one shade: where the browser's preference turns, have them drawn anew.
  preferred.addEventListener("change", () => {
    const shades = document.querySelectorAll(".st-key-shade [role=radio]");
    if (!chosen) shades[preferred.matches ? 1 : 0]?.click();
  });

  // The head of the page tells its language, which the document was not served with, and once the
  // shade that was just asked for.
  new MutationObserver(() => {
    const told = document.querySelector(".assay-brand");
    if (!told) return;
    if (document.documentElement.lang !== told.lang) document.documentElement.lang = told.lang;
    const { shade } = told.dataset;
    delete told.dataset.shade;
    if (shade) choose(shade);
  }).observe(document, { childList: true, subtree: true });
})();
