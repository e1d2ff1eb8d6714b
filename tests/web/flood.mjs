// A door in front of a server that passes everything through and, into each live stream, adds updates of runs at a given
// rate, in the server's own form: what a browser sees when five hundred things a second happen.
import http from "node:http";

/** Rows of the list of jobs that differ each time: state, the last run and what it took. */
function changing(list) {
  const at = Object.fromEntries(list.columns.map((name, i) => [name, i]));
  return (n) => {
    const row = [...list.rows[n % list.rows.length]];
    row[at.state] = n % 3 ? "success" : "running";
    row[at.last] = Date.now();
    row[at.lastTook] = 100 + (n % 900);
    return row;
  };
}

/**
 * Gives {port, sent(), stop(), hold()}; `jobs` are [{id, name}], taken in turn. With `list`, an answer of
 * /api/cron/jobs/compact, it is rows of that list that change, ten events a second as the server gathers them.
 */
export async function flood(server, jobs, perSecond, list = null) {
  const rowOf = list && changing(list);
  let sent = 0;
  let isOn = true;
  const timers = new Set();
  const event = (n) => {
    const job = jobs[n % jobs.length];
    const at = new Date().toISOString();
    const isEnd = Math.floor(n / jobs.length) % 2 === 1;
    const run = {
      type: "run",
      jobName: job.name,
      category: "FLOOD",
      id: `c${String(Math.floor(n / jobs.length / 2)).padStart(12, "0")}${String(n % jobs.length).padStart(12, "0")}`,
      jobId: job.id,
      status: isEnd ? "success" : "running",
      startedAt: at,
      finishedAt: isEnd ? at : null,
      duration: isEnd ? 100 + (n % 900) : null,
      triggeredBy: "schedule",
      attempt: 1,
      version: 1,
      dueAt: at,
    };
    return `event: runs\ndata: ${JSON.stringify(run)}\n\n`;
  };
  function pour(response) {
    const started = Date.now();
    let poured = 0;
    const timer = setInterval(() => {
      const due = Math.floor(((Date.now() - started) * perSecond) / 1000);
      let text = "";
      const rows = [];
      for (; isOn && poured < due; poured++, sent++)
        if (rowOf) rows.push(rowOf(sent));
        else text += event(sent);
      if (rows.length)
        text = `event: jobs\ndata: ${JSON.stringify({ type: "rows", at: Date.now(), rows })}\n\n`;
      poured = due;
      if (text) response.write(text);
    }, 100);
    timers.add(timer);
    response.on("close", () => {
      clearInterval(timer);
      timers.delete(timer);
    });
  }
  const door = http.createServer((request, response) => {
    const target = { host: "127.0.0.1", port: server.port, path: request.url, method: request.method };
    const inner = http.request({ ...target, headers: request.headers, agent: false }, (got) => {
      response.writeHead(got.statusCode, got.headers);
      if (request.url.includes("/api/cron/stream")) {
        got.on("data", (piece) => response.write(piece)); // between its events ours fit: the server writes whole ones
        got.on("end", () => response.end());
        pour(response);
      } else got.pipe(response);
    });
    inner.on("error", () => response.destroy());
    response.on("close", () => inner.destroy());
    request.pipe(inner);
  });
  await new Promise((done) => door.listen(0, "127.0.0.1", done));
  return {
    port: door.address().port,
    sent: () => sent,
    hold: () => void (isOn = false),
    stop: () => {
      for (const timer of timers) clearInterval(timer);
      door.closeAllConnections();
      return new Promise((done) => door.close(done));
    },
  };
}
