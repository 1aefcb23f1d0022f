/** Example: a sink of one's own. Rows go into a table of SQLite; a transaction makes them visible when the run has succeeded. */
import { join } from 'node:path';
import { agg, createPipeline, readCsv } from '@spillway/core';
import { run } from '@spillway/workers';
import sqlite from 'node-sqlite3-wasm';

/** Writes daily volumes of the trades in a folder to `volumes.db`. */
export async function volumesToSqlite(folder: string): Promise<void> {
  const { daily } = createPipeline()
    .source(
      readCsv(join(folder, 'trades-*.csv'), {
        orderedOn: 'ts',
        schema: { ts: 'timestamp[us, UTC]', symbol: 'utf8', qty: 'int64' },
      }),
    )
    .aggStream({
      orderedOn: 'ts',
      by: ['symbol'],
      aggregations: { daily: { every: '1d', columns: { volume: agg.sum('qty') } } },
    });
  const database = new sqlite.Database(join(folder, 'volumes.db'));
  try {
    database.exec(
      'CREATE TABLE IF NOT EXISTS volumes (day INTEGER, symbol TEXT, volume INTEGER, PRIMARY KEY (day, symbol))',
    );
    database.exec('BEGIN');
    const insert = database.prepare('INSERT OR REPLACE INTO volumes VALUES (?, ?, ?)');
    const sink = daily.forEach(
      (rows) => {
        for (const { ts, symbol, volume } of rows) insert.run([ts, symbol, volume] as never);
      },
      { takes: 'rows' },
    );
    await run([sink]).done;
    insert.finalize();
    database.exec('COMMIT');
  } finally {
    // Without COMMIT nothing stays.
    database.close();
  }
}

/** The volumes in `volumes.db`, by day and symbol. */
export function volumesIn(folder: string): number[] {
  const database = new sqlite.Database(join(folder, 'volumes.db'), { readOnly: true });
  try {
    return database
      .all('SELECT volume FROM volumes ORDER BY day, symbol')
      .map((row) => Number((row as { volume: unknown }).volume));
  } finally {
    database.close();
  }
}
