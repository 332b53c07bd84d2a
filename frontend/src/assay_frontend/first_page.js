// Runs before Streamlit's own script.
(() => {
  // Streamlit looks for its server below a page's own address first, where nothing is: say where.
  if (!location.pathname.endsWith("/")) {
    window.__streamlit = { BACKEND_BASE_URL: new URL(".", location.href).href };
  }

  // The document is served as English: for those who hear it, it says what the page speaks.
  new MutationObserver(() => {
    const spoken = document.querySelector(".assay-brand")?.lang;
    if (spoken && document.documentElement.lang !== spoken) document.documentElement.lang = spoken;
  }).observe(document, { childList: true, subtree: true });

  // Streamlit keeps the chosen theme for one address only: let every page begin with it.
  const kept = "assay-theme", name = "stActiveTheme-", suffix = /-v\d+$/;
  const put = Storage.prototype.setItem, drop = Storage.prototype.removeItem;
  const isTheme = (key) => String(key).startsWith(name) && suffix.test(key);
  try {
    const [version, theme] = JSON.parse(localStorage.getItem(kept)) || [];
    for (const key of Object.keys(localStorage).filter(isTheme)) drop.call(localStorage, key);
    if (theme) put.call(localStorage, name + location.pathname + version, theme);
    Storage.prototype.setItem = function (key, value) {
      if (isTheme(key)) put.call(this, kept, JSON.stringify([key.match(suffix)[0], value]));
      return put.call(this, key, value);
    };
    Storage.prototype.removeItem = function (key) {
      if (isTheme(key) && this.getItem(key) !== null) drop.call(this, kept);
      return drop.call(this, key);
    };
  } catch (error) {
    // no storage, or a hand-written value in it: the browser's own setting stands
  }
})();
