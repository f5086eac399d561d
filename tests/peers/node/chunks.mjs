// Prints each chunk of an answer as a line of JSON at the moment it arrives, and `null` at its end.
// usage: chunks.mjs URL
import { request } from 'undici';

const { body } = await request(process.argv[2], { headersTimeout: 20_000, bodyTimeout: 20_000 });
for await (const chunk of body) console.log(JSON.stringify(chunk.toString()));
console.log('null');
