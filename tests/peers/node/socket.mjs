// Speaks WebSocket through `ws`: text, bytes, a large message, a ping, and both ways of closing. Prints JSON.
// usage: socket.mjs URL BYTES
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import WebSocket from 'ws';

const [url, size] = process.argv.slice(2);
const open = async (protocols) => {
  const socket = new WebSocket(url, protocols, { perMessageDeflate: true, handshakeTimeout: 20_000 });
  await once(socket, 'open');
  return socket;
};
const echoed = async (socket, message) => {
  socket.send(message);
  const [data, isBinary] = await once(socket, 'message');
  return isBinary === (typeof message !== 'string') && data.equals(Buffer.from(message));
};
const closing = async (socket) => {
  const [code, reason] = await once(socket, 'close');
  return [code, reason.toString()];
};

const socket = await open(['other', 'echo']);
const said = { protocol: socket.protocol, extensions: socket.extensions };
said.text = await echoed(socket, 'héllo \u{1F600}');
said.empty = await echoed(socket, '');
said.bytes = await echoed(socket, Buffer.from([0, 255, 13, 10]));
said.large = await echoed(socket, randomBytes(Number(size)));
socket.ping('are you there');
said.pong = (await once(socket, 'pong'))[0].toString();
socket.send('bye');
said.closedByServer = await closing(socket);
const second = await open();
second.close(3456, 'I leave');
said.closedByClient = await closing(second);
console.log(JSON.stringify(said));
process.exit(0);
