// Follows the theme chosen in Airflow, which stores it in the browser for this origin.
// Not a module, so that it runs before the first paint.
"use strict";

{
  const system = matchMedia("(prefers-color-scheme: dark)");

  const follow = () => {
    const chosen = localStorage.getItem("theme");
    const dark = chosen === "dark" || (chosen !== "light" && system.matches);
    document.documentElement.dataset.theme = dark ? "dark" : "light";
  };

  follow();
  addEventListener("storage", follow);
  system.addEventListener("change", follow);
}
