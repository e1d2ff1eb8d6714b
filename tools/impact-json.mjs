// impact-json.mjs [PAGE.md] : the tables of docs/impact.md that the interface shows, as JSON on stdout. A table it
// does not know is left out; a page without any gives {"measures":[]}.
import { readFileSync } from 'node:fs';

const page = process.argv[2] ?? new URL('../docs/impact.md', import.meta.url).pathname;
const sections = readFileSync(page, 'utf8').split(/^## /m).slice(1);
const section = sections.find((text) => /^Impact per job/i.test(text)) ?? '';
const numberOf = (text) => {
  const found = /^[-−]?[\d,]*\.?\d+$/.exec((text ?? '').trim());
  return found ? Number(found[0].replaceAll(',', '').replace('−', '-')) : null;
};
const cells = (line) => line.split('|').slice(1, -1).map((cell) => cell.trim());
const columnOf = (heads, pattern) => heads.findIndex((head) => pattern.test(head));

/** "leak, MB/day: 491.65 without jobs, -1.07 with all, together 492.71" and the table under it. */
function measureOf(lines, at) {
  const title = /^(.*?):\s*([-−\d.,]+) without jobs,\s*([-−\d.,]+) with all,\s*together\s*([-−\d.,]+)/.exec(lines[at]);
  if (!title) return null;
  const table = [];
  for (let i = at + 1; i < lines.length && !/ without jobs,/.test(lines[i]); i++) if (lines[i].startsWith('|')) table.push(cells(lines[i]));
  const [heads, , ...rows] = table;
  if (!heads) return null;
  const at_ = { share: columnOf(heads, /shapley/i), percent: columnOf(heads, /of the total/i), claimed: columnOf(heads, /claimed/i), without: columnOf(heads, /only this job is off/i) };
  const [name, unit] = title[1].split(/,\s*(?=[^,]*$)/);
  const jobs = rows.filter((row) => row[0] && row[0] !== 'sum').map((row) => ({
    job: row[0], share: numberOf(row[at_.share]), percent: numberOf(row[at_.percent]), claimed: numberOf(row[at_.claimed]), whenOff: numberOf(row[at_.without]),
  }));
  return { name: name.trim(), unit: (unit ?? '').trim(), without: numberOf(title[2]), with: numberOf(title[3]), together: numberOf(title[4]), jobs };
}

const lines = section.split('\n');
const measures = lines.map((_, at) => measureOf(lines, at)).filter(Boolean);
const made = /^Made .*?on (\d{4}-\d\d-\d\d), commit ([0-9a-f]+)/m.exec(readFileSync(page, 'utf8'));
const conditions = lines.find((line) => /sets of jobs/.test(line)) ?? '';
process.stdout.write(`${JSON.stringify({ made: made?.[1] ?? null, commit: made?.[2] ?? null, isShort: /short|coarse/i.test(lines[0] ?? ''), conditions: conditions.trim(), measures }, null, 1)}\n`);
