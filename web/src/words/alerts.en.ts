import type { alerts as spanish } from "./alerts.es";

export const alerts: typeof spanish = {
  title: "Alerts",
  lead: (n) =>
    n === 0
      ? "Nothing needs anybody now."
      : n === 1
        ? "1 thing needs somebody."
        : `${n} things need somebody.`,
  active: "Active",
  types: {
    consecutive_failures: (n) => `Failed ${n} times in a row`,
    job_disabled: (n) => `Was disabled after ${n} failures in a row`,
    worlds_unsaved: (n) => (n === 1 ? "1 world waits to be saved" : `${n} worlds wait to be saved`),
    worlds_away: () => "The stores of the worlds do not answer",
    ledger: (n) => `The proof of the ledger found ${n} ${n === 1 ? "difference" : "differences"}`,
    audit_chain: () => "The audit log does not fit its chain",
  },
  severities: { warning: "Warning", critical: "Critical" },
  next: {
    consecutive_failures: "Look at the last output; when it is mended, run it.",
    job_disabled: "Mend the cause and enable it again.",
    worlds_unsaved: "See whether the job sync runs and the database answers.",
    worlds_away: "See the health in Settings, section Live state.",
    ledger: "On the server, sereno audit says which.",
    audit_chain: "Somebody changed the audit log from outside: compare it with a backup.",
  },
  since: "since",
  last: "last time",
  ack: "I see to it",
  ackOf: (name) => `I see to it: ${name}`,
  unack: "Let it go",
  unackOf: (name) => `Let it go: ${name}`,
  acked: (who) => `${who} sees to it`,
  ackDone: "Noted: you see to it.",
  unackDone: "Nobody sees to it any more.",
  emptyTitle: "All calm",
  emptyText:
    "No active alert. Here stands what fails three times in a row, what was disabled by itself and what could not be saved.",
  rules: "Rules",
  rulesText:
    "Rules cannot be made yet. For now what is built in tells: three failures in a row, jobs disabled by failing, worlds not saved for more than 15 minutes, and proofs that do not hold.",
  channels: "Channels",
  channelsText:
    "Nothing is sent anywhere yet: no e-mail, no Slack, no webhook. Addresses are kept in Settings, section Notices; the server writes it to its log, too.",
  toSettings: "Go to Notices",
};
