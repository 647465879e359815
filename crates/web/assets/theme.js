// What the reader chose, kept in this browser. It is applied before anything is painted; the mark says that scripts run.
"use strict";
{
  const root = document.documentElement;
  const themes = ["system", "light", "dark"];
  const stored = (name, usual) => {
    try {
      return localStorage.getItem(name) ?? usual;
    } catch {
      return usual; // storage is switched off
    }
  };
  const store = (name, value) => {
    try {
      localStorage.setItem(name, value);
    } catch {
      // Then it holds for this page only.
    }
  };
  const show = () => {
    const button = document.getElementById("theme");
    if (button) button.textContent = `Theme: ${root.dataset.theme}`;
  };
  root.classList.add("js");
  root.dataset.theme = stored("theme", "system");
  addEventListener("DOMContentLoaded", () => {
    show();
    const keys = document.getElementById("single");
    if (keys) keys.checked = stored("keys", "on") === "on";
  });
  addEventListener("click", ({ target }) => {
    if (target.id !== "theme") return;
    root.dataset.theme = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    store("theme", root.dataset.theme);
    show();
  });
  addEventListener("change", ({ target }) => target.id === "single" && store("keys", target.checked ? "on" : "off"));
}
