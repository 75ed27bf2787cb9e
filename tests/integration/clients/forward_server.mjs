// A server of the Fluent forward protocol that is not ours: node forward_server.mjs PORT FILE [KEY].
// Says its port, and appends what it hears to FILE, a line an event, before it hears anything else.
// Modules come from $CARILLON_CLIENTS/node_modules.
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const need = createRequire(process.env.CARILLON_CLIENTS + '/');
const [port, file, sharedKey] = process.argv.slice(2);
const { FluentServer } = need('@fluent-org/logger');

const server = new FluentServer({
  listenOptions: { host: '127.0.0.1', port: Number(port) },
  security: sharedKey
    ? { serverHostname: 'log.example', sharedKey, authorize: false, userDict: {} }
    : undefined,
});
server.on('entry', (tag, time, record) => {
  const at = { epoch: time.epoch, nano: time.nano };
  appendFileSync(file, JSON.stringify({ tag, time: at, record }) + '\n');
});
// Between two messages: what is acknowledged is in the file.
process.on('SIGTERM', () => process.exit(0));
await server.listen();
console.log(server.port);
