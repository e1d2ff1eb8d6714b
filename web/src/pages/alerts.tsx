// What needs a person now: why, since when, who sees to it. Rules and channels say what they cannot do yet.
import { type Answer, call } from "../api/client";
import { useLive, useSoon } from "../api/live";
import { useRemote } from "../api/remote";
import { may } from "../api/state";
import { href } from "../base/url";
import { Button } from "../ui/button";
import { Page, Panel } from "../ui/page";
import { Notice, Shown } from "../ui/remote-view";
import { StateMark } from "../ui/state-mark";
import { Ago } from "../ui/time";
import { act } from "../ui/toast";
import { ZonePicker } from "../ui/zone-picker";
import { alertsWords } from "../words/alerts";
import "../style/pages/alerts.css";

type Alert = Answer<"GET /api/cron/alerts">["data"][number];

const loadAlerts = async (signal: AbortSignal) => (await call("GET /api/cron/alerts", { signal })).data;

function AlertRow({ alert, onChanged }: { alert: Alert; onChanged: () => Promise<void> }) {
  const t = alertsWords();
  const name = alert.jobName ?? t.types[alert.type](alert.count);
  const notice = { path: { id: alert.id } };
  const ack = () => call("POST /api/cron/alerts/{id}/ack", notice).then(onChanged);
  const unack = () => call("DELETE /api/cron/alerts/{id}/ack", notice).then(onChanged);
  return (
    <li class={`alert ${alert.severity} ${alert.ackAt ? "acked" : ""}`}>
      <StateMark
        badge
        state={alert.severity === "critical" ? "failed" : "timeout"}
        text={t.severities[alert.severity]}
      />
      <div class="alert-what">
        <p class="strong">
          {alert.jobId ? <a href={href(`/jobs/${alert.jobId}`)}>{alert.jobName}</a> : name}
        </p>
        {alert.jobId && <p>{t.types[alert.type](alert.count)}</p>}
        <p class="quiet">{t.next[alert.type]}</p>
      </div>
      <div class="alert-when">
        <span>
          {t.since} <Ago when={alert.firstSeen} />
        </span>
        <span class="quiet">
          {t.last} <Ago when={alert.lastSeen} />
        </span>
      </div>
      <div class="alert-who">
        {alert.ackBy && <span class="small">{t.acked(alert.ackBy.replace(/^user:/, ""))}</span>}
        {may("operator") &&
          (alert.ackAt ? (
            <Button kind="quiet" label={t.unackOf(name)} onClick={() => void act(unack, t.unackDone, ack)}>
              {t.unack}
            </Button>
          ) : (
            <Button icon="check" label={t.ackOf(name)} onClick={() => void act(ack, t.ackDone, unack)}>
              {t.ack}
            </Button>
          ))}
      </div>
    </li>
  );
}

export function AlertsPage() {
  const t = alertsWords();
  const alerts = useRemote("alerts", loadAlerts);
  const soon = useSoon(300, alerts.reload);
  useLive("runs", (events) => events.some((e) => (e as { type?: string }).type === "run") && soon());
  useLive("jobs", soon);
  const open = alerts.data.value?.filter((a) => !a.ackAt).length;
  return (
    <Page title={t.title} sub={open === undefined ? undefined : t.lead(open)} actions={<ZonePicker />}>
      <div class="alerts-page">
        <Panel title={t.active}>
          <Shown of={alerts}>
            {(data) =>
              data.length === 0 ? (
                <Notice icon="check" title={t.emptyTitle}>
                  <p>{t.emptyText}</p>
                </Notice>
              ) : (
                <ul class="alert-list">
                  {data.map((alert) => (
                    <AlertRow key={alert.id} alert={alert} onChanged={alerts.reload} />
                  ))}
                </ul>
              )
            }
          </Shown>
        </Panel>
        <Panel title={t.rules}>
          <p>{t.rulesText}</p>
        </Panel>
        <Panel title={t.channels}>
          <p>{t.channelsText}</p>
          <p>
            <a href={href("/settings/notices")}>{t.toSettings}</a>
          </p>
        </Panel>
      </div>
    </Page>
  );
}
