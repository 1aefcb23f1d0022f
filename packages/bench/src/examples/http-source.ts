/** Example: rows from the body of an HTTP response, as they arrive. The server is slowed down where the pipeline cannot keep up. */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { createPipeline, fromIterable } from '@spillway/core';
import { run } from '@spillway/workers';

/** Lines of JSON behind a URL as rows. */
async function* rowsOf(url: string): AsyncGenerator<{ ts: bigint; symbol: string; bid: number }> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) throw new Error(`${url} answered ${response.status}`);
  const body = Readable.fromWeb(response.body as ReadableStream);
  for await (const line of createInterface({ input: body })) {
    const { ts, symbol, quote } = JSON.parse(line) as { ts: string; symbol: string; quote: { bid: number } };
    yield { ts: BigInt(Date.parse(ts)) * 1000n, symbol, bid: quote.bid };
  }
}

/** Writes the quotes behind a URL to an Arrow file. */
export async function download(url: string, path: string): Promise<number> {
  const shape = { ts: 'timestamp[us, UTC]', symbol: 'utf8', bid: 'float64' } as const;
  const quotes = createPipeline().source(fromIterable(shape, rowsOf(url), { orderedOn: 'ts' }));
  const { rowsOut } = await run([quotes.toArrow(path)]).done;
  return rowsOut;
}
