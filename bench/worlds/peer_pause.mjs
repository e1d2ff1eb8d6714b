// Seed B's pause as its names suggest it: findMany of the idle worlds that are no favourites, for each a look for future
// events, then an update. peer_pause.mjs URL loop|batch SECONDS; prints JSON. batch: the same by arrays of 1,000, as one
// would write it who knows how slow the first is. Neither keeps a history, a ledger, mails or locks, nor looks at live state.
import {createRequire} from 'node:module';

const pg = createRequire(new URL('../../tests/package.json', import.meta.url))('pg');

const [url, how, limit] = process.argv.slice(2);
const client = new pg.Client(url);
await client.connect();
let most = 0;
const idle = process.memoryUsage().rss, timer = setInterval(() => { most = Math.max(most, process.memoryUsage().rss); }, 20);
const now = new Date(), cutoff = new Date(now - 24 * 3600e3), begin = performance.now();
const ended = () => (performance.now() - begin) / 1000 > Number(limit);
const found = (await client.query('SELECT * FROM "World" WHERE "isPaused"=false AND "isFavorite"=false AND "lastActiveAt"<=$1', [cutoff])).rows;
most = Math.max(most, process.memoryUsage().rss);
let paused = 0;
if (how === 'loop') {
  for (const world of found) {
    if (ended()) break;
    const event = await client.query({name: 'event', text: 'SELECT "id" FROM "WorldEvent" WHERE "worldId"=$1 AND "scheduledAt">$2 LIMIT 1', values: [world.id, now]});
    if (event.rows.length) continue;
    await client.query({name: 'pause', text: `UPDATE "World" SET "isPaused"=true, "status"='PAUSED', "pausedAt"=$2, "pauseReason"='inactivity_24h', "updatedAt"=$2 WHERE "id"=$1`, values: [world.id, now]});
    paused++;
  }
} else {
  for (let i = 0; i < found.length && !ended(); i += 1000) {
    const ids = found.slice(i, i + 1000).map((world) => world.id);
    const got = await client.query({name: 'many', text: `UPDATE "World" SET "isPaused"=true, "status"='PAUSED', "pausedAt"=$2, "pauseReason"='inactivity_24h', "updatedAt"=$2
      WHERE "id"=ANY($1) AND NOT EXISTS (SELECT 1 FROM "WorldEvent" e WHERE e."worldId"="World"."id" AND e."scheduledAt">$2)`, values: [ids, now]});
    paused += got.rowCount;
  }
}
const seconds = (performance.now() - begin) / 1000;
most = Math.max(most, process.memoryUsage().rss);
clearInterval(timer);
console.log(JSON.stringify({found: found.length, paused, seconds, perSecond: paused / seconds, memoryMB: (most - idle) / 1048576}));
await client.end();
