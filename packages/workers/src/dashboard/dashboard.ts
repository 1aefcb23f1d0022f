/**
 * The dashboard: one page about one running job, served by this process. It is read-only, has no address outside its own, and is drawn from
 * snapshots that are taken four times a second while somebody looks. While nobody does, the only ones are those that give the charts a past for
 * whoever comes, or the report: ever fewer, the longer the run goes on (some hundreds in three hours).
 */
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PipelineError } from '@spillway/core/base';
import type { Run } from '../job/job.ts';
import { pointOf, RunSeries } from '../monitor/run-series.ts';
import type { MetricsSnapshot } from '../monitor/snapshot.ts';
import { Access } from './access.ts';
import { LiveClients } from './live-clients.ts';
import { PAGE_FILES } from './page-files.ts';
import { type ReportData, reportPage } from './report.ts';

/** Options of `startDashboard`. */
export interface DashboardOptions {
  /** Default 0: any that is free. */
  port?: number;
  /** Address to listen on. Default 127.0.0.1: nobody outside this machine can connect. */
  host?: string;
  /** Said at the top of the page. Default: the names of the sources and sinks. */
  title?: string;
}

/** A dashboard that is being served. */
export interface Dashboard {
  /** The link to open; it holds the token without which nothing is shown. */
  readonly url: string;
  /** The same for Prometheus: `GET /metrics` with the token as a bearer token. */
  readonly token: string;
  /** Writes the page as it is now into one file that opens from the disk, without a network. */
  saveReport(path: string): Promise<void>;
  /** Stops serving. Pages that are open keep what they show. */
  close(): Promise<void>;
}

const SNAPSHOT_EVERY_MS = 250;
/** While nobody looks the next one is this part of the run so far away. */
const UNSEEN_PART = 1 / 50;
/** Of clients that stream, are idle, or are being refused. */
const MOST_CONNECTIONS = 64;

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/**
 * Serves a page about a job until it is closed; it stays after the job's end, showing how that was.
 *
 * @throws ERR_OPTIONS when the address or port cannot be had
 * @example
 * ```ts
 * const job = run(sinks);
 * const dashboard = await startDashboard(job);
 * console.error(`watch it at ${dashboard.url}`);
 * await job.done.finally(() => dashboard.close());
 * ```
 */
export async function startDashboard(job: Run, options: DashboardOptions = {}): Promise<Dashboard> {
  const { port = 0, host = '127.0.0.1' } = options;
  const server = createServer();
  server.maxConnections = MOST_CONNECTIONS;
  server.headersTimeout = 5000;
  server.requestTimeout = 10_000;
  server.keepAliveTimeout = 5000;
  await listen(server, port, host);
  const { port: taken } = server.address() as AddressInfo;
  const served = new ServedJob(job, options.title, new Access(hostsOf(host, taken)), server);
  const { token } = served.access;
  const shown = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${shown}:${taken}/?token=${token}`,
    token,
    saveReport: (path) => served.saveReport(path),
    close: () => served.close(),
  };
}

class ServedJob {
  readonly access: Access;
  readonly #job: Run;
  readonly #title: string | undefined;
  readonly #server: Server;
  readonly #clients: LiveClients = new LiveClients();
  readonly #series: RunSeries = new RunSeries(SNAPSHOT_EVERY_MS);
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt: number = performance.now();
  #unseenAt = 0;
  #ended: { ok: boolean } | undefined;

  constructor(job: Run, title: string | undefined, access: Access, server: Server) {
    this.access = access;
    this.#job = job;
    this.#title = title;
    this.#server = server;
    server.on('request', (request, response) => void this.#answer(request, response));
    this.#timer = setInterval(() => {
      if (this.#isDue()) this.#look();
    }, SNAPSHOT_EVERY_MS);
    this.#timer.unref();
    // Not the event: a short job may have ended before anybody could subscribe.
    job.done.then(
      () => this.#end(true),
      () => this.#end(false),
    );
  }

  #end(ok: boolean): void {
    this.#look();
    this.#ended = { ok };
    clearInterval(this.#timer);
    this.#clients.send('ended', JSON.stringify(this.#data(this.#job.metrics())), Date.now());
  }

  async saveReport(path: string): Promise<void> {
    await writeFile(path, await reportPage(this.#data(this.#job.metrics())));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#clients.close();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #isDue(): boolean {
    const now = performance.now();
    if (this.#clients.count === 0 && now < this.#unseenAt) return false;
    this.#unseenAt = now + (now - this.#startedAt) * UNSEEN_PART;
    return true;
  }

  #look(): void {
    const snapshot = this.#job.metrics();
    this.#series.add(snapshot);
    if (this.#clients.count === 0) return;
    this.#clients.send('snapshot', JSON.stringify({ snapshot, point: pointOf(snapshot) }), Date.now());
  }

  #data(snapshot: MetricsSnapshot): ReportData {
    const names = [...snapshot.sources, ...snapshot.sinks].map(({ name }) => name);
    return {
      title: this.#title ?? names.join(' → '),
      snapshot,
      history: this.#series.points,
      ended: this.#ended,
      advice: this.#ended === undefined ? [] : (this.#job.summary().advice?.text ?? []),
      error: this.#ended?.ok === false ? this.#job.summary().error?.message : undefined,
    };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const refused = this.access.refuse(request);
    if (refused !== undefined) return void end(response, refused);
    try {
      await this.#serve(new URL(request.url ?? '/', 'http://dashboard').pathname, response);
    } catch {
      end(response, 500);
    }
  }

  async #serve(path: string, response: ServerResponse): Promise<void> {
    if (path === '/events') {
      if (!this.#clients.add(response)) return end(response, 503);
      return void response.write(`event: start\ndata: ${JSON.stringify(this.#data(this.#job.metrics()))}\n\n`);
    }
    if (path === '/snapshot.json') return endWith(response, 'application/json', JSON.stringify(this.#job.metrics()));
    if (path === '/metrics') {
      const { prometheusText } = await import('../metrics/prometheus.ts');
      const { type, text } = await prometheusText(this.#job.metrics());
      return endWith(response, type, text);
    }
    const file = PAGE_FILES.get(path);
    if (file === undefined) return end(response, 404);
    if (path === '/') response.setHeader('set-cookie', this.access.cookie());
    endWith(response, file.type, await file.read());
  }
}

function end(response: ServerResponse, status: number): void {
  const text = `${status}\n`;
  // What the client still sends is not read.
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(text);
}

function endWith(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { 'content-type': type }).end(text);
}

/** Names by which a server on that address may be called. */
function hostsOf(host: string, port: number): string[] {
  const names = new Set([host.includes(':') ? `[${host}]` : host, '127.0.0.1', 'localhost', '[::1]']);
  return [...names].map((name) => `${name}:${port}`.toLowerCase());
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const hint =
        error.code === 'EADDRINUSE' ? 'another program has it: leave the port out to get a free one' : 'give another';
      reject(
        new PipelineError('ERR_OPTIONS', `the dashboard cannot listen on ${host} port ${port}: ${error.message}`, {
          cause: error,
          hint,
        }),
      );
    });
    server.listen(port, host, resolve);
  });
}
