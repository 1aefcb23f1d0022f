import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { LiveClients } from '@spillway/workers/internal';
import { expect, it } from 'vitest';

/** A response whose reader takes everything, or nothing. */
class FakeResponse extends EventEmitter {
  isStuck = false;
  isDestroyed = false;
  readonly written: string[] = [];
  writeHead(): void {}
  write(text: string): boolean {
    this.written.push(text);
    return !this.isStuck;
  }
  end(): void {
    this.emit('close');
  }
  destroy(): void {
    this.isDestroyed = true;
    this.emit('close');
  }
}

function clientOf(clients: LiveClients): FakeResponse {
  const response = new FakeResponse();
  expect(clients.add(response as unknown as ServerResponse)).toBe(true);
  return response;
}

it('sends to all that read, and leaves newer ones out for one that does not', () => {
  const clients = new LiveClients();
  const [reader, stuck] = [clientOf(clients), clientOf(clients)];
  stuck.isStuck = true;
  for (let now = 1000; now <= 5000; now += 1000) clients.send('snapshot', `${now}`, now);
  expect(reader.written.slice(1)).toHaveLength(5);
  expect(stuck.written.slice(1)).toEqual(['event: snapshot\ndata: 1000\n\n']);
  stuck.isStuck = false;
  stuck.emit('drain');
  clients.send('snapshot', '6000', 6000);
  expect(stuck.written.at(-1)).toBe('event: snapshot\ndata: 6000\n\n');
});

it('lets go of one that has taken nothing for a while', () => {
  const clients = new LiveClients();
  const stuck = clientOf(clients);
  stuck.isStuck = true;
  clients.send('snapshot', 'a', 1000);
  clients.send('snapshot', 'b', 15_000);
  expect(stuck.isDestroyed).toBe(false);
  clients.send('snapshot', 'c', 17_000);
  expect(stuck.isDestroyed).toBe(true);
  expect(clients.count).toBe(0);
});

it('takes no more than there is room for', () => {
  const clients = new LiveClients();
  for (let index = 0; index < 32; index += 1) clientOf(clients);
  expect(clients.add(new FakeResponse() as unknown as ServerResponse)).toBe(false);
});
