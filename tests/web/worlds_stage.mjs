// Worlds of every kind for the browser suites: awake, asleep at each step, kept, away, shared, with memory and events.
import { execFileSync } from "node:child_process";
import path from "node:path";
import { makeToken } from "../api/lib.mjs";
import { ask, equal, request } from "./harness.mjs";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
/** When the stage is set, by the real clock: pages count from it. */
export const NOW = Math.floor(Date.now() / 60_000) * 60_000;
const at = (ago) => new Date(NOW - ago).toISOString();

export function sql(server, text, file = "worlds.db") {
  const out = execFileSync("sqlite3", ["-cmd", ".timeout 5000", "-json", path.join(server.data, file), text]);
  return out.length ? JSON.parse(out) : [];
}

/** [id, name, idle for, more] */
const cast = [
  ["faro", "El Faro", 2 * HOUR],
  ["umbria", "Umbría", 20 * HOUR],
  ["nebula", "Nébula", 3 * DAY],
  ["alba", "Alba", 9 * DAY],
  ["itaca", "Ítaca", 31 * DAY],
  ["olvido", "Olvido <b onclick=alert(1)>x</b> \u202egnp.exe", 33 * DAY],
  ["jardin", "El jardín de senderos que se bifurcan", 12 * DAY],
  ["feria", "La feria", 5 * DAY],
  ["puerto", "Puerto de nadie", 4 * HOUR, { isCollaborative: true, emergentEvents: true, storyMode: true }],
  ["saga", "La saga de Marta", HOUR, { emergentEvents: true, storyMode: true }],
  ["mano", "Pausado a mano", HOUR],
  ["viaje", "De viaje", HOUR],
];

/** History of the ledger for the trend: a few weeks of worlds that slept and woke. */
function ledger(server) {
  const rows = [];
  for (let day = 1; day < 60; day++)
    for (let n = 0; n < (day * 7) % 5; n++) {
      const reason = ["inactivity_24h", "inactivity_24h", "manual", "inactivity_7d", "system"][(day + n) % 5];
      const start = at(day * DAY + n * HOUR);
      const end = (day + n) % 3 ? `'${at(day * DAY - (n + 1) * 20 * HOUR)}'` : "NULL";
      const ended = (day + n) % 3 && day * DAY - (n + 1) * 20 * HOUR < 0 ? "NULL" : end;
      rows.push(`('l${day}-${n}','gone${day}-${n}','${start}',${ended},'${reason}',80000)`);
    }
  sql(server, `INSERT INTO "WorldPause" VALUES ${rows.join(",")}`);
  const stones = [3, 8, 9, 20].map((d) => `('t${d}','${at(d * DAY)}','user:eva','erased')`).join(",");
  sql(server, `INSERT INTO "WorldTombstone"("worldId","deletedAt","actor","reason") VALUES ${stones}`);
}

/** More interactions than are kept, so that the job archives and sums up. */
async function story(server, as, run) {
  const say = (n) => `Noche ${n}: Marta vio una luz en el puerto y prometió volver al faro con aceite.`;
  for (let n = 1; n <= 130; n++)
    await ask(server, "POST", "/api/worlds/saga/message", 200, {
      ...as,
      body: { text: say(n), speaker: "Marta" },
    });
  await ask(server, "PATCH", "/api/admin/worlds/settings", 200, {
    body: { consolidateAbove: 100, consolidateKeep: 20 },
  });
  await run("sync");
  await run("memory-consolidation");
  await run("emergent-events");
}

/** Makes them on a server by the test clock; gives how to ask as somebody. */
export async function stage(server) {
  const token = await makeToken(server, "operator", { scope: { worlds: true } });
  const as = (user) => ({ token, headers: { "X-Sereno-User": user } });
  for (const [id, name, idle, more] of cast) {
    const body = { id, name, ownerId: id === "faro" ? "la-viewer" : "ana", ...more };
    await ask(server, "POST", "/api/worlds", 201, { token, body });
    const when = `"lastActiveAt"='${at(idle)}',"createdAt"='${at(60 * DAY)}'`;
    sql(server, `UPDATE "World" SET ${when} WHERE "id"='${id}'`);
  }
  await ask(server, "PUT", "/api/worlds/jardin/favorite", 200, { ...as("ana"), body: {} });
  await ask(server, "POST", "/api/worlds/feria/events", 201, {
    token,
    body: {
      type: "festival",
      scheduledAt: new Date(NOW + 3 * DAY).toISOString(),
      text: "Fuegos sobre el río",
    },
  });
  const run = async (job) => {
    const options = { body: {}, headers: { Prefer: "wait=60" } };
    const got = await request(server, "POST", `/api/cron/jobs/${job}/run`, options);
    equal(got.data.status, "success", got.text);
  };
  await run("auto-pause");
  await ask(server, "POST", "/api/worlds/mano/pause", 200, { ...as("ana"), body: {} });
  await ask(server, "POST", "/api/worlds/viaje/vacation", 200, {
    ...as("ana"),
    body: { until: new Date(NOW + 12 * DAY).toISOString() },
  });
  await ask(server, "PUT", "/api/worlds/puerto/members/bea", 200, { token });
  for (const text of ["Hola", "¿Hay alguien?", "La puerta está abierta."])
    await ask(server, "POST", "/api/worlds/puerto/message", 200, { ...as("ana"), body: { text } });
  ledger(server);
  await story(server, as("ana"), run);
  return { as, token };
}
