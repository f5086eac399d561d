// Polls a URL so many times over one undici client and tells how many connections that took.
// usage: polls.mjs ORIGIN PATH TIMES HEADERS-AS-JSON
import { Client } from 'undici';

const [origin, path, times, headers] = process.argv.slice(2);
const client = new Client(origin, { keepAliveTimeout: 60_000, headersTimeout: 20_000, bodyTimeout: 20_000 });
let connections = 0;
client.on('connect', () => { connections += 1; });

const statuses = [];
const bodies = new Set();
for (let n = 0; n < Number(times); n += 1) {
  const answer = await client.request({ method: 'GET', path, headers: JSON.parse(headers) });
  statuses.push(answer.statusCode);
  bodies.add(await answer.body.text());
}
await client.close();
process.stdout.write(JSON.stringify({ statuses, connections, bodies: [...bodies] }));
