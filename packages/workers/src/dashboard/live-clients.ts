/**
 * The pages that look on, each over one response that never ends (server-sent events). One that does not read holds nobody up: what it has not
 * taken is never more than one snapshot, newer ones are left out for it, and after a while it is let go.
 */
import type { ServerResponse } from 'node:http';

const MOST_CLIENTS = 32;
/** A client that has not taken what was sent for so long is gone or stuck. */
const LET_GO_AFTER_MS = 15_000;

interface Client {
  response: ServerResponse;
  /** Since when something waits to be taken; 0 while nothing does. */
  stuckSinceMs: number;
}

export class LiveClients {
  readonly #clients: Set<Client> = new Set();

  get count(): number {
    return this.#clients.size;
  }

  /** @returns false when there are too many */
  add(response: ServerResponse): boolean {
    if (this.#clients.size >= MOST_CLIENTS) return false;
    const client: Client = { response, stuckSinceMs: 0 };
    this.#clients.add(client);
    response.on('close', () => this.#clients.delete(client));
    response.on('drain', () => {
      client.stuckSinceMs = 0;
    });
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('retry: 1000\n\n');
    return true;
  }

  /** Sends to all that have taken what was sent before. The text must not hold a line break. */
  send(event: string, text: string, nowMs: number): void {
    for (const client of this.#clients) {
      if (client.stuckSinceMs === 0) {
        if (!client.response.write(`event: ${event}\ndata: ${text}\n\n`)) client.stuckSinceMs = nowMs;
      } else if (nowMs - client.stuckSinceMs > LET_GO_AFTER_MS) client.response.destroy();
    }
  }

  close(): void {
    for (const { response } of this.#clients) response.end();
    this.#clients.clear();
  }
}
