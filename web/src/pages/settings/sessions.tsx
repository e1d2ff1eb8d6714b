// Who is logged in now.
import { call } from "../../api/client";
import { useRemote } from "../../api/remote";
import { Button } from "../../ui/button";
import { Shown } from "../../ui/remote-view";
import { Ago } from "../../ui/time";
import { act } from "../../ui/toast";
import { settingsWords } from "../../words/settings";
import { browserName } from "./browser-name";
import { DeedTable } from "./deed-table";

export function Sessions() {
  const t = settingsWords().sessions;
  const sessions = useRemote("sessions", (signal) => call("GET /api/admin/sessions", { signal }));
  const end = async (session: string) => {
    if (await act(() => call("DELETE /api/admin/sessions/{session}", { path: { session } }), t.ended))
      await sessions.reload();
  };
  return (
    <Shown of={sessions}>
      {({ data }) =>
        data.length === 0 ? (
          <p class="quiet">{t.empty}</p>
        ) : (
          <DeedTable
            label={settingsWords().sections.sessions}
            heads={[t.user, t.address, t.agent, t.since, t.seen]}
            deedsHead={t.end}
            rows={data}
            cells={(s) => (
              <>
                <td>
                  <span class="strong">{s.user}</span> {s.isThis && <span class="tag">{t.mine}</span>}
                </td>
                <td class="mono">{s.address}</td>
                <td title={s.agent ?? undefined}>{browserName(s.agent ?? "")}</td>
                <td>
                  <Ago when={s.createdAt} />
                </td>
                <td>
                  <Ago when={s.seenAt} />
                </td>
              </>
            )}
            deeds={(s) =>
              !s.isThis && (
                <Button
                  kind="quiet"
                  icon="log-out"
                  label={`${t.end} ${s.user}`}
                  onClick={() => void end(s.id)}
                />
              )
            }
          />
        )
      }
    </Shown>
  );
}
