// Requests with undici, each on a connection of its own: a line of JSON on stdin asks, a line on stdout answers.
// Bodies are in base64 and not decoded.
import { Agent, request } from 'undici';
import { createInterface } from 'node:readline';

async function answer(asked) {
  const dispatcher = new Agent({ headersTimeout: 20_000, bodyTimeout: 20_000 });
  try {
    const { statusCode, headers, body } = await request(asked.url, {
      method: asked.method,
      headers: asked.headers.flat(),
      body: asked.body === null ? undefined : Buffer.from(asked.body, 'base64'),
      responseHeaders: 'raw',
      dispatcher,
    });
    const pairs = headers.flatMap((name, at) => (at % 2 ? [] : [[name, headers[at + 1]]]));
    const bytes = Buffer.from(await body.arrayBuffer());
    return { status: statusCode, headers: pairs, body: bytes.toString('base64') };
  } catch (error) {
    return { error: String(error) };
  } finally {
    await dispatcher.destroy();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
