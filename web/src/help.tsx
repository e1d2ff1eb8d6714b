// "?": the keys that work here, and the switch that turns one-letter keys off.
import { signal } from "@preact/signals";
import { lettersOn, modifierKey, shortcuts } from "./base/keys";
import { Dialog } from "./ui/dialog";
import { words } from "./words";

export const isHelpOpen = signal(false);

const keyText = (keys: string) =>
  keys.split(" ").map((k) => k.replace("mod+", `${modifierKey} `).replace("enter", "Enter"));

export function Help() {
  const t = words().common.keys;
  return (
    <Dialog title={t.title} onClose={() => void (isHelpOpen.value = false)} class="help">
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
