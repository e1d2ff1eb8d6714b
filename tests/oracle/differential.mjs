// Random expressions through `sereno next --jsonl` and the npm libraries.
//   agreement  next and prev, in UTC and in zones: what croner and cron-parser agree on is our answer (C-80)
//   node-cron  in UTC with dom_dow "and": equal (C-79)
// Left out is what DESIGN 5 settles otherwise: "*" with a step in one day field while the other is restricted (they
// count it as restricted, Vixie's rule does not); and lists or ranges of hours in a gap (they skip those, here a
// list is a fixed time): there the policy "skip" must give their answer. ORACLE_COUNT sets how many expressions, ORACLE_SEED which.
import { spawnSync } from "node:child_process";
import { peers } from "./peers.mjs";

const count = Number(process.env.ORACLE_COUNT ?? 3000);
let state = BigInt(process.env.ORACLE_SEED ?? 20261121) | 1n;
const random = (n) => {
  state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
  return Number((state >> 33n) % BigInt(n));
};
const pick = (list) => list[random(list.length)];

const number = (min, max) => {
  const a = min + random(max - min + 1);
  const b = min + random(max - min + 1);
  const [low, high] = a < b ? [a, b] : [b, a];
  return pick([
    () => `${a}`,
    () => `${low}-${high}`,
    () => `*/${1 + random(Math.min(max, 20))}`,
    () => `${low}-${high}/${1 + random(Math.max(1, high - low))}`,
    () => [...new Set([a, b, min + random(max - min + 1)])].sort((x, y) => x - y).join(","),
  ])();
};
const maybe = (chance, text) => (random(100) < chance ? text() : "*");

// Fields of one expression; "special" adds what not every library knows.
function expression(special) {
  const second = random(4) === 0 ? [number(0, 59)] : [];
  let day = maybe(40, () => number(1, 31));
  let weekday = maybe(40, () => number(0, 6));
  if (special && random(5) === 0) day = pick(["L", "L-2", "LW", "15W", "1W"]);
  else if (special && random(5) === 0) weekday = pick(["5L", "2#2", "0#1", "MON-FRI", "SUN,WED"]);
  if (day !== "*" && weekday !== "*" && (day.includes("*") || weekday.includes("*"))) weekday = "*";
  const month = maybe(30, () => (random(3) ? number(1, 12) : pick(["JAN", "FEB-MAY", "MAR,SEP,DEC"])));
  return [...second, maybe(80, () => number(0, 59)), maybe(60, () => number(0, 23)), day, month, weekday].join(" ");
}

// The libraries use node's own zone data, which may be older than the system's (Debian 12's node 18 does not know
// Cairo's summer time of 2023): a zone whose changes the two place differently has no say here.
const wanted = ["UTC", "Europe/Madrid", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "America/Santiago", "Africa/Cairo"];
function nodeOffset(zone, instant) {
  const parts = new Intl.DateTimeFormat("en-US", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric", day: "numeric",
    hour: "numeric", minute: "numeric", second: "numeric" }).formatToParts(instant);
  const of = (type) => Number(parts.find((p) => p.type === type).value);
  return (Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second")) - instant) / 1000;
}
function nodeKnows(zone) {
  const changes = spawnSync("zdump", ["-v", "-c", "2022,2036", zone], { encoding: "utf8" }).stdout ?? "";
  return [...changes.matchAll(/ (\w{3} \w{3} +\d+ [\d:]+ \d{4}) UTC? = .* gmtoff=(-?\d+)/g)]
    .map(([, utc, offset]) => [Date.parse(`${utc} UTC`), Number(offset)])
    .filter(([instant]) => instant > Date.UTC(2022, 0, 1) && instant < Date.UTC(2036, 0, 1))
    .every(([instant, offset]) => nodeOffset(zone, instant) === offset);
}
const zones = wanted.filter(nodeKnows);
if (zones.length < wanted.length) console.log(`left out, node's zone data differs: ${wanted.filter((z) => !zones.includes(z)).join(" ")}`);
if (zones.length < 4) throw new Error("node's zone data is too old to compare with");
const instant = () => new Date(Date.UTC(2023, 0, 1) + random(4 * 365 * 24 * 60) * 60000 + 1000 * random(60));

function ask(questions) {
  const input = questions.map((q) => JSON.stringify(q)).join("\n") + "\n";
  const run = spawnSync(process.env.SERENO_BIN ?? "build/sereno", ["next", "--jsonl"], { input, encoding: "utf8", maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`sereno next --jsonl ended with ${run.status}: ${run.stderr}`);
  return run.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

const second = (date) => (date ? date.toISOString().slice(0, 19) + "Z" : null);
function answer(library, q) {
  try {
    return second(peers[library](q.expr, q.tz)[q.dir](new Date(q.from)));
  } catch {
    return undefined; // not supported there, or it gave up
  }
}

const hours = (expr) => expr.split(" ").at(-4);
const isSettled = (q) => q.tz !== "UTC" && /[,-]/.test(hours(q.expr));

function compare(name, questions, expected) {
  const answers = ask(questions);
  const skipping = ask(questions.map((q) => ({ ...q, dst: "skip" })));
  let compared = 0, wrong = 0, settled = 0;
  questions.forEach((q, i) => {
    const want = expected(q);
    if (want === undefined || want === null) return;
    compared++;
    if (answers[i].next?.[0] === want) return;
    if (isSettled(q) && skipping[i].next?.[0] === want) return void settled++;
    if (wrong++ < 10) console.log(`  ${JSON.stringify(q)}: ${JSON.stringify(answers[i])}, not ${want}`);
  });
  console.log(`  ${name}: ${compared} of ${questions.length} compared, ${wrong} differ, ${settled} by the rule for gaps`);
  console.log(`${wrong === 0 && compared > questions.length / 3 ? "ok" : "not ok"} ${name}`);
  return wrong === 0;
}

function agreed(q) {
  const [a, b] = [answer("croner", q), answer("cron-parser", q)];
  return a === b ? a : undefined;
}

const question = (tz, special, extra) => ({ expr: expression(special), tz, from: second(instant()), count: 1, ...extra });
const make = (n, build) => Array.from({ length: n }, build);

const results = [
  compare("croner_and_cron_parser_agree_with_next", make(count, () => question(pick(zones), true, { dir: "next" })), agreed),
  compare("croner_and_cron_parser_agree_with_prev", make(count, () => question(pick(zones), true, { dir: "prev" })), agreed),
  compare("node_cron_agrees_in_utc", make(count, () => question("UTC", false, { dir: "next", dom_dow: "and" })), (q) => answer("node-cron", q)),
];
process.exit(results.every(Boolean) ? 0 : 1);
