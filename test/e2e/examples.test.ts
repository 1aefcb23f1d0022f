import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { hourlyBars } from '@spillway/bench/examples/batch-job';
import { writeWorth } from '@spillway/bench/examples/custom-op';
import { download } from '@spillway/bench/examples/http-source';
import { tradesWithBids } from '@spillway/bench/examples/join';
import { nightly } from '@spillway/bench/examples/nightly';
import { volumesIn, volumesToSqlite } from '@spillway/bench/examples/sqlite-sink';
import { writeDay } from '@spillway/bench/examples/ticks';
import { openStore } from '@spillway/core';
import { tableFromIPC } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { quote, sql } from '#support/duckdb';
import { temporaryFolder } from '../support/temporary-folder.ts';

const ROWS = 2880;

function days(...names: string[]): string {
  const folder = temporaryFolder();
  for (const name of names) writeDay(folder, name);
  return folder;
}

describe('the examples', () => {
  it('batch job: bars of every hour and symbol', async () => {
    const folder = days('2024-01-01', '2024-01-02');
    expect(await hourlyBars(folder)).toEqual({ rowsIn: 2 * ROWS, rowsOut: 96 });
    const bars = await sql(`SELECT sum(volume)::BIGINT FROM ${quote(join(folder, 'hourly.parquet'))}`);
    const trades = await sql(`SELECT sum(qty)::BIGINT FROM ${quote(join(folder, 'trades-*.csv'))}`);
    expect(bars.columns).toEqual(trades.columns);
  });

  it('custom op: a column more', async () => {
    const folder = days('2024-01-01');
    await writeWorth(folder);
    const lines = gunzipSync(readFileSync(join(folder, 'worth.ndjson.gz')))
      .toString()
      .trim()
      .split('\n');
    expect(lines.length).toBe(ROWS);
    expect(JSON.parse(lines[8] ?? '')).toMatchObject({ symbol: 'AAPL', price: 108, qty: 9, worth: 972 });
  });

  it('join: the last bid before each trade', async () => {
    const rows = await tradesWithBids(days('2024-01-01'));
    expect(rows.length).toBe(ROWS);
    expect(rows[7]).toMatchObject({ symbol: 'MSFT', price: 107, 'quote.bid': 106 });
  });

  it('own sink: a table of SQLite, the same when it is written again', async () => {
    const folder = days('2024-01-01', '2024-01-02');
    for (let round = 0; round < 2; round++) await volumesToSqlite(folder);
    const volumes = volumesIn(folder);
    expect([volumes.length, volumes.reduce((sum, volume) => sum + volume, 0)]).toEqual([4, 28_800]);
  });

  it('HTTP: rows from a response as it arrives', async () => {
    const folder = days('2024-01-01');
    const server = createServer((_, response) => response.end(readFileSync(join(folder, 'quotes-2024-01-01.ndjson'))));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const path = join(folder, 'quotes.arrow');
      expect(await download(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, path)).toBe(ROWS);
      expect(tableFromIPC(readFileSync(path)).get(3)?.toJSON()).toMatchObject({ symbol: 'MSFT', bid: 102 });
    } finally {
      server.close();
    }
  });

  it('nightly: only what is new is read, and the store has everything', async () => {
    const folder = days('2024-01-01');
    expect(await nightly(folder)).toBe(ROWS);
    expect(await nightly(folder)).toBe(0);
    writeDay(folder, '2024-01-02');
    expect(await nightly(folder)).toBe(ROWS);
    const store = await openStore(join(folder, 'store'));
    let bars = 0;
    for await (const batch of (await store.dataset({ freq: '1h' })).read()) bars += batch.numRows;
    // The last hour is open until something later comes.
    expect(bars).toBe(94);
  });
});
