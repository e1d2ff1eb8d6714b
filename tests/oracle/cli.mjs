// `sereno next` and `sereno explain` as a user meets them: answers line by line, errors with field and column,
// exit codes. Prints "ok NAME" or "not ok NAME".
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import assert from "node:assert/strict";

const binary = process.env.SERENO_BIN ?? "build/sereno";
const run = (args, input) => spawnSync(binary, args, { input, encoding: "utf8", timeout: 20000 });
const batch = (lines) => {
  const out = run(["next", "--jsonl"], lines.map((l) => (typeof l === "string" ? l : JSON.stringify(l))).join("\n"));
  assert.equal(out.status, 0);
  return out.stdout.trimEnd().split("\n").map((l) => JSON.parse(l));
};
const from = "2026-11-21T18:00:00Z";

const tests = {
  async batch_answers_each_line_at_once() {
    const child = spawn(binary, ["next", "--jsonl"], { stdio: ["pipe", "pipe", "inherit"] });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    for (const minute of [1, 2, 3]) {
      child.stdin.write(JSON.stringify({ expr: `${minute} 19 * * *`, tz: "UTC", from, count: 1 }) + "\n");
      const { value } = await answers.next();
      assert.deepEqual(JSON.parse(value), { next: [`2026-11-21T19:0${minute}:00Z`] });
    }
    child.stdin.end();
    assert.equal(await new Promise((done) => child.on("close", done)), 0);
  },
  batch_knows_its_options() {
    assert.deepEqual(
      batch([
        { expr: "0 3 * * *", tz: "Europe/Madrid", from, count: 2, dir: "prev" },
        { expr: "0 12 1 * MON", tz: "UTC", from: "2025-08-31T00:00:00Z", count: 2, dom_dow: "and" },
        { expr: "30 2 * * *", tz: "Europe/Madrid", from: "2027-03-27T12:00:00Z", count: 1, dst: "skip" },
        { expr: "30 2 * * *", tz: "Europe/Madrid", from: "2027-10-30T12:00:00Z", count: 2, dst: "both" },
        { expr: "0 0 12 ? * 1", tz: "UTC", from, count: 1, dialect: "quartz" },
        { expr: "* * 31 2 *", tz: "UTC", from, count: 5 },
        { expr: "@every 90s", from: "1970-01-01T00:00:00Z", count: 2 },
      ]).map((a) => a.next),
      [
        ["2026-11-21T02:00:00Z", "2026-11-20T02:00:00Z"],
        ["2025-09-01T12:00:00Z", "2025-12-01T12:00:00Z"],
        ["2027-03-29T00:30:00Z"],
        ["2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z"],
        ["2026-11-22T12:00:00Z"],
        [],
        ["1970-01-01T00:01:30Z", "1970-01-01T00:03:00Z"],
      ],
    );
  },
  batch_errors_name_field_and_column() {
    const answers = batch([
      { expr: "0 75 * * *" },
      { expr: "0 0 * * *", tz: "Europe/Madird" },
      { expr: "0 0 * * *", from: "yesterday" },
      { expr: "0 0 * * *", count: -1 },
      { expr: "0 0 * * *", dialect: "perl" },
      { tz: "UTC" },
      { expr: "0 0 * * *", colour: "red" },
      "not json",
      "[1]",
      "x".repeat(70000),
    ]);
    const want = [["hour", 3], ["timezone", 0], ["from", 0], ["count", 0], ["dialect", 0], ["expr", 0], ["colour", 0], ["line"], ["line", 0], ["line"]];
    want.forEach(([field, column], i) => {
      assert.equal(answers[i].field, field);
      if (column !== undefined) assert.equal(answers[i].column, column);
      assert.ok(answers[i].error.length > 0);
    });
    assert.match(answers[1].hint, /Europe\/Madrid/);
  },
  batch_never_hangs() {
    const hostile = [",", ", , , , ,", "* * 31 2 *", "0 0 31 4,6,9,11 *", "0 0 0 30 2 * 2000-2100", "0 0 30 2 +1", "0 0 31 2 +MON#5",
      "*/0 * * * *", "0-0/9999 * * * *", "0 0 29 2 +MON", "0 0 0 31W 2 ? 1970", "H(59-0) * * * *", "~~~~~", "| | |", "@every", "@at", "CRON_TZ=", "?".repeat(900)];
    const zones = ["UTC", "Pacific/Apia", "Pacific/Kwajalein", "Australia/Lord_Howe", "Africa/Cairo", "Africa/Casablanca"];
    const questions = zones.flatMap((tz) => hostile.flatMap((expr) => ["next", "prev"].map((dir) => ({ expr, tz, dir, from: "2011-12-29T00:00:00Z", count: 50 }))));
    assert.equal(batch(questions).length, questions.length);
  },
  exit_codes_and_streams() {
    assert.equal(run(["next"]).status, 2);
    assert.equal(run(["next", "--help"]).status, 0);
    assert.equal(run(["next", "--wrong"]).status, 2);
    assert.equal(run(["next", "--tz"]).status, 2);
    assert.equal(run(["explain"]).status, 2);
    const bad = run(["next", "0 75 * * *"]);
    assert.equal(bad.status, 2);
    assert.equal(bad.stdout, "");
    assert.match(bad.stderr, /hour 75 is not within 0-23/);
    const good = run(["next", "0 3 * * *", "--tz=Europe/Madrid", "--from", from, "--count", "1", "--json"]);
    assert.deepEqual(JSON.parse(good.stdout), { expr: "0 3 * * *", tz: "Europe/Madrid", next: ["2026-11-22T02:00:00Z"] });
  },
  explain_speaks_both_languages() {
    assert.match(run(["explain", "0 3 * * 1", "--tz", "Europe/Madrid"]).stdout, /^At 03:00, every Monday \(time zone Europe\/Madrid\)\./);
    const spanish = run(["explain", "30 2 * * *", "--tz", "Europe/Madrid", "--lang", "es", "--json", "--from", from, "--count", "1"]);
    const answer = JSON.parse(spanish.stdout);
    assert.match(answer.sentence, /^A las 02:30, todos los días/);
    assert.deepEqual(answer.warnings.map((w) => w.code), ["dst_gap", "dst_overlap"]);
    assert.deepEqual(answer.next, ["2026-11-22T01:30:00.000Z"]);
  },
};

let failed = 0;
for (const [name, test] of Object.entries(tests)) {
  try {
    await test();
    console.log(`ok ${name}`);
  } catch (e) {
    failed++;
    console.log(`  ${e.message.split("\n").slice(0, 12).join("\n  ")}\nnot ok ${name}`);
  }
}
process.exit(failed ? 1 : 0);
