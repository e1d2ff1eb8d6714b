// Worlds on a whole server: main.mjs [part…]. Prints goal, figure and settings as Markdown.
import {cleanUp, load, say} from './lib.mjs';

const parts = {
  sqlite: async () => (await import('./pause.mjs')).pauseOnSqlite(),
  pg: async () => (await import('./pause.mjs')).pauseOnPostgres(),
  wake: async () => (await import('./wake.mjs')).wake(),
  redis: async () => (await import('./wake.mjs')).wake(true),
  all: async () => (await import('./together.mjs')).together(),
};
const wanted = process.argv.slice(2);
for (const [name, run] of Object.entries(parts)) {
  if (wanted.length && !wanted.includes(name)) continue;
  say(`\n## ${name} (${load()})\n`);
  try { await run(); } finally { await cleanUp(); }
  say(`\n(${load()} at the end)`);
}
