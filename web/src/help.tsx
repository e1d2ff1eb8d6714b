// "?": the keys that work here, and the switch that turns one-letter keys off.
import { lettersOn, modifierKey, shortcuts } from "./base/keys";
import type { Closable } from "./floating";
import { Dialog } from "./ui/dialog";
import { words } from "./words";
import "./style/help.css";

const keyText = (keys: string) =>
  keys.split(" ").map((k) => k.replace("mod+", `${modifierKey} `).replace("enter", "Enter"));

export function Help({ onClose }: Closable) {
  const t = words().keys;
  return (
    <Dialog title={t.title} onClose={onClose} class="help">
      <dl>
        {shortcuts.value.map((s) => (
          <div key={s.keys}>
            <dt>
              {keyText(s.keys).map((k) => (
                <kbd key={k}>{k}</kbd>
              ))}
            </dt>
            <dd>{s.text()}</dd>
          </div>
        ))}
      </dl>
      <label class="switch">
        <input
          type="checkbox"
          checked={lettersOn.value === "on"}
          onChange={(event) => void (lettersOn.value = event.currentTarget.checked ? "on" : "off")}
        />
        {t.letters}
      </label>
    </Dialog>
  );
}
