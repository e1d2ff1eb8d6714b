import { browserZone, keepZone, serverZone, type ZoneChoice, zoneChoice } from "../api/state";
import { setQuery } from "../base/url";
import { words } from "../words";

/** Which zone the page's times are in; the choice is in the address and remembered. */
export function ZonePicker() {
  const t = words().time;
  const choose = (choice: ZoneChoice) => {
    keepZone(choice);
    setQuery({ tz: choice === "server" ? null : choice });
  };
  return (
    <select
      class="zone-picker"
      aria-label={t.zone}
      value={zoneChoice.value}
      onChange={(event) => choose(event.currentTarget.value as ZoneChoice)}
    >
      <option value="server">{t.zoneServer(serverZone.value)}</option>
      <option value="mine">{t.zoneMine(browserZone)}</option>
      <option value="utc">{t.zoneUtc}</option>
    </select>
  );
}
