/* Before the first paint: the theme asked for by the address (?theme=dark), kept, or configured. */
"use strict";
(() => {
  const root = document.documentElement;
  let choice = new URLSearchParams(location.search).get("theme");
  try { choice = choice || localStorage.getItem("backtest-theme"); } catch { /* not readable here */ }
  if (["auto", "light", "dark"].includes(choice)) root.dataset.choice = choice;
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = root.dataset.choice === "auto" ? (isDark ? "dark" : "light") : root.dataset.choice;
})();
