// Runs before the first paint and before the rest is here: the chosen theme, so that a dark night is not lit by a white
// flash; and the files of the page of the address, so that they come side by side with the shell's.
import { addressOf } from "./addresses";
import { bringPart } from "./base/ahead";
import { inside } from "./base/path";

try {
  const theme = localStorage.getItem("sereno.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset["theme"] = theme;
} catch {
  // no storage: the system's theme
}
window.bringPart = bringPart;
bringPart("shell");
const at = addressOf(inside(location.pathname));
if (at) bringPart(`pages/${at.address.file}`);
