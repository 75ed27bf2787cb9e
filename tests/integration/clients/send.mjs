// Sends events through a real client: node send.mjs CLIENT URL COUNT. Prints one line of JSON, what
// the client itself says became of them. Modules come from $CARILLON_CLIENTS/node_modules.
import { createRequire } from 'node:module';

const need = createRequire(process.env.CARILLON_CLIENTS + '/');
const [client, url, countText] = process.argv.slice(2);
const count = Number(countText);
const numbers = Array.from({ length: count }, (_, n) => n);

const clients = {
  // Sends concatenated JSON with the content type of a form.
  async splunk() {
    const { Logger } = need('splunk-logging');
    const logger = new Logger({ token: 'any', url, maxBatchCount: 0 });
    const errors = [];
    logger.error = (error) => errors.push(String(error));
    for (const n of numbers) {
      logger.send({ message: { n }, metadata: { sourcetype: 'splunked' } });
    }
    return new Promise((done) =>
      logger.flush((error, response, body) => done({ error, body, errors })));
  },

  async segment() {
    const { Analytics } = need('@segment/analytics-node');
    const analytics = new Analytics({ writeKey: 'any', host: url, flushAt: 5 });
    const errors = [];
    analytics.on('error', (error) => errors.push(String(error.reason ?? error)));
    for (const n of numbers) {
      analytics.track({ userId: 'u1', event: 'Clicked', messageId: `m-${n}`, properties: { n } });
    }
    await analytics.closeAndFlush();
    return { errors };
  },

  otlpJson: () => otlp('@opentelemetry/exporter-logs-otlp-http'),
  otlpProtobuf: () => otlp('@opentelemetry/exporter-logs-otlp-proto'),

  async elasticsearch() {
    const { Client } = need('@elastic/elasticsearch');
    const elastic = new Client({ node: url, auth: { apiKey: 'any' } });
    const answer = await elastic.bulk({
      operations: numbers.flatMap((n) => [
        { create: { _index: 'shop', _id: `d-${n}` } }, { '@timestamp': new Date(), n }]),
    });
    await elastic.close();
    return { errors: answer.errors, items: answer.items.map((item) => item.create.status) };
  },

  // Waits for an acknowledgement of each.
  async fluentLogger() {
    const logger = need('fluent-logger').createFluentSender('shop', {
      host: new URL(url).hostname, port: Number(new URL(url).port), timeout: 5,
      requireAckResponse: true, eventMode: 'PackedForward', flushInterval: 50,
    });
    await Promise.all(numbers.map((n) => new Promise((done, failed) =>
      logger.emit('cart', { n }, (error) => (error ? failed(error) : done())))));
    await new Promise((done) => logger.end(null, null, done));
    return {};
  },

  async fluentOrg() {
    const { FluentClient } = need('@fluent-org/logger');
    const fluent = new FluentClient('shop', {
      socket: { host: new URL(url).hostname, port: Number(new URL(url).port) },
      eventMode: 'CompressedPackedForward', ack: { ackTimeout: 5000 },
    });
    await fluent.connect();
    await Promise.all(numbers.map((n) => fluent.emit('cart', { n })));
    await fluent.disconnect();
    return {};
  },
};

async function otlp(module) {
  const { OTLPLogExporter } = need(module);
  const { LoggerProvider, SimpleLogRecordProcessor } = need('@opentelemetry/sdk-logs');
  const failures = [];
  const exporter = new OTLPLogExporter({ url: `${url}/v1/logs` });
  const send = exporter.export.bind(exporter);
  exporter.export = (records, done) => send(records, (result) => {
    if (result.code !== 0) failures.push(String(result.error));
    done(result);
  });
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] });
  const logger = provider.getLogger('shop');
  for (const n of numbers) logger.emit({ severityText: 'INFO', body: 'bought', attributes: { n } });
  await provider.forceFlush();
  await provider.shutdown();
  return { failures };
}

console.log(JSON.stringify(await clients[client]()));
process.exit(0);
