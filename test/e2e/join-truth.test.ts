import { readFileSync } from 'node:fs';
import { createPipeline, fromIterable } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { sharedCases } from '#support/shared-cases';

const shared = sharedCases();

/** Rows of a CSV file without quotes, as texts. */
function rowsOf(...parts: string[]): Record<string, string>[] {
  const [header, ...lines] = readFileSync(shared?.path(...parts) as string, 'utf8')
    .trim()
    .split('\n');
  const names = (header as string).split(',');
  return lines.map((line) => Object.fromEntries(line.split(',').map((text, index) => [names[index], text])));
}

function source(name: 'trades' | 'quotes') {
  return rowsOf('data', `pandas_${name}.csv`).map((row, index) => ({
    ...row,
    time: new Date(`${row['time']?.replace(' ', 'T')}Z`),
    [name === 'trades' ? 'rn' : 'q']: index,
    ...Object.fromEntries(
      ['price', 'quantity', 'bid', 'ask'].flatMap((column) => (column in row ? [[column, Number(row[column])]] : [])),
    ),
  }));
}

describe.skipIf(shared === undefined).each([1, 2])('the accepted as-of joins, with %i workers', (workers) => {
  const cases = (['backward', 'forward', 'nearest'] as const).flatMap((direction) =>
    [false, true].flatMap((strict) => [undefined, '10ms'].map((tolerance) => ({ direction, strict, tolerance }))),
  );
  it.each(cases)('$direction, strict: $strict, within $tolerance', async ({ direction, strict, tolerance }) => {
    const name = `${direction}${strict ? '_strict' : ''}${tolerance === undefined ? '' : `_${tolerance}`}`;
    const p = createPipeline();
    const trades = p.source(
      fromIterable({ time: 'timestamp[ms]', ticker: 'utf8', rn: 'int32' }, [
        source('trades').map(({ time, ticker, rn }: Record<string, unknown>) => ({ time, ticker, rn })),
      ]),
    );
    const quotes = p.source(
      fromIterable({ time: 'timestamp[ms]', ticker: 'utf8', bid: 'float64', ask: 'float64', q: 'int32' }, [
        source('quotes'),
      ]),
    );
    const sink = p
      .joinStream(
        { trades, quotes },
        {
          strategy: 'asof',
          left: 'trades',
          on: 'time',
          by: ['ticker'],
          direction,
          strict,
          ...(tolerance !== undefined && { tolerance }),
        },
      )
      .collect();
    const rows = await run([sink], { workers, debug: true }).rows(sink);
    const accepted = rowsOf('cases', 'truth', 't01_trades_asof_quotes.csv');
    const text = (value: unknown): string => (value === null ? '' : String(value));
    expect(rows.map((row) => text(row['q']))).toEqual(accepted.map((row) => row[`${name}_q`]));
    if (name !== 'backward') return;
    expect(rows.map((row) => [text(row['bid']), text(row['ask'])])).toEqual(
      accepted.map((row) => [row['bid_backward'], row['ask_backward']]),
    );
  });
});
