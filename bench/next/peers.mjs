// What bench_next measures, for the npm libraries: tab-separated library, id, ns of one next, ns of one of 100.
import { readFileSync } from "node:fs";
import { peers, versions } from "../../tests/oracle/peers.mjs";

const STARTS = Array.from({ length: 32 }, (_, i) => new Date(1735689600000 + i * 5919337000));
const ROUND_NS = 60e6;
const ROUNDS = 3;

function measure(work) {
  const rounds = [];
  for (let r = 0; r < ROUNDS; r++) {
    const start = process.cpuUsage();
    let calls = 0, used = 0;
    do {
      calls += work();
      const { user, system } = process.cpuUsage(start);
      used = (user + system) * 1000;
    } while (used < ROUND_NS);
    rounds.push(used / calls);
  }
  return rounds.sort((a, b) => a - b)[ROUNDS >> 1];
}

let turn = 0;
const one = (cron) => () => {
  for (let i = 0; i < 8; i++) cron.next(STARTS[turn++ % 32]);
  return 8;
};
const hundred = (cron) => () => {
  let date = STARTS[turn++ % 32], n = 0;
  for (; n < 100 && date; n++) date = cron.next(date);
  return n;
};

const lines = readFileSync(new URL("expressions.txt", import.meta.url), "utf8").split("\n").filter((l) => l && !l.startsWith("#"));
for (const [name, compile] of Object.entries(peers)) {
  for (const line of lines) {
    const [id, zone, text] = line.split("|");
    try {
      const cron = compile(text, zone);
      if (!cron.next(STARTS[0])) throw new Error("no answer");
      console.log(`${name} ${versions[name]}\t${id}\t${measure(one(cron)).toFixed(1)}\t${measure(hundred(cron)).toFixed(1)}`);
    } catch {
      console.log(`${name} ${versions[name]}\t${id}\t-\t-`);
    }
  }
}
