/**
 * Posts alerts to an address, one after the other in order. One that does not arrive is tried again, later and later; when it never does, that
 * is said once, and the run goes on. A process that has nothing else to do waits for what is still to be sent.
 */
import type { AlertEvent } from './alert.ts';

const TRIES = 5;
const FIRST_PAUSE_MS = 500;
const ANSWER_WITHIN_MS = 5000;
/** More are not kept while an address does not answer: the oldest go. */
const MOST_WAITING = 100;

export interface WebhookParts {
  url: URL;
  send?: typeof fetch;
  pause?: (ms: number) => Promise<void>;
  warn?: (message: string) => void;
}

export class Webhook {
  readonly #parts: Required<WebhookParts>;
  readonly #waiting: string[] = [];
  #sending: Promise<void> | undefined;

  constructor(parts: WebhookParts) {
    this.#parts = {
      send: fetch,
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      warn: (message) => process.emitWarning(message, 'SpillwayWarning'),
      ...parts,
    };
  }

  post(event: AlertEvent, atMs: number): void {
    this.#waiting.push(JSON.stringify({ ...event, at: new Date(atMs).toISOString() }));
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  /** Resolves when nothing is left to be sent. */
  async settled(): Promise<void> {
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    for (let body = this.#waiting.shift(); body !== undefined; body = this.#waiting.shift()) await this.#sendOne(body);
  }

  async #sendOne(body: string): Promise<void> {
    const { url, pause, warn } = this.#parts;
    let reason = '';
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      if (attempt > 0) await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
      reason = await this.#try(body);
      if (reason === '') return;
    }
    // Without its query, which may hold a secret.
    warn(`an alert could not be posted to ${url.origin}${url.pathname}: ${reason} (${TRIES} tries)`);
  }

  /** @returns why it did not arrive; empty when it did */
  async #try(body: string): Promise<string> {
    const { url, send } = this.#parts;
    try {
      const response = await send(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      await response.body?.cancel();
      return response.ok ? '' : `it answered ${response.status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }
}
