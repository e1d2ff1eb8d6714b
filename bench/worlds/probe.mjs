// What requests wait while something else goes on: probe.mjs PORT TOKEN WORLDS, a process of its own. GET /healthz each
// 10 ms and POST message to one of WORLDS live worlds each 20 ms, each from a keep-alive connection. A timer of 5 ms beside
// them shows how late this process itself gets the processor: what the machine, not the server, does to a latency.
// Each line on its input asks for the latencies since the line before; the answer is one line of JSON.
import http from 'node:http';
import readline from 'node:readline';

const [port, token, worlds] = process.argv.slice(2);
let seen = {healthz: [], message: [], timer: [], failed: 0};
const now = () => performance.now();
const agent = new http.Agent({keepAlive: true, maxSockets: 1, localAddress: '127.0.0.9'}), other = new http.Agent({keepAlive: true, maxSockets: 1, localAddress: '127.0.0.10'});

function ask(how, from, method, path, headers, body) {
  return new Promise((done) => {
    const begin = now();
    const sent = http.request({host: '127.0.0.1', port, method, path, headers, agent: from}, (got) => {
      got.resume();
      got.on('end', () => {
        seen[how].push(now() - begin);
        if (got.statusCode !== 200) seen.failed++;
        done();
      });
    });
    sent.on('error', () => { seen.failed++; setTimeout(done, 100); });
    sent.end(body);
  });
}
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
async function each(ms, act) { for (let i = 0;; i++) { await act(i); await pause(ms); } }
each(10, () => ask('healthz', agent, 'GET', '/healthz', {}));
each(20, (i) => ask('message', other, 'POST', `/api/worlds/live${i % worlds}/message`,
  {Authorization: 'Bearer ' + token, 'X-Sereno-User': 'u' + i % worlds, 'Content-Type': 'application/json'}, '{"text":"The gate was open when we came."}'));
each(0, async () => { const begin = now(); await pause(5); seen.timer.push(now() - begin - 5); });
readline.createInterface({input: process.stdin}).on('line', () => {
  const tell = seen;
  seen = {healthz: [], message: [], timer: [], failed: 0};
  process.stdout.write(JSON.stringify(tell) + '\n');
}).on('close', () => process.exit(0));
