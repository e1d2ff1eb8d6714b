// Runs before the first paint: the chosen theme, so that a dark night is not lit by a white flash.
try {
  const theme = localStorage.getItem("sereno.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
} catch {
  // no storage: the system's theme
}
