/** Sinks of files in folders by key. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createPipeline, fromIterable, readCsv } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { quote, sql } from '#support/duckdb';
import { chooseSeed } from '#support/random';
import { temporaryFolder } from '../../../../support/temporary-folder.ts';
import { KEYED_FORMATS, rowsOf, tryKeyedSink } from './keyed-sinks.ts';

describe('a sink of folders by key', () => {
  it.each(KEYED_FORMATS)('has the rows of each key in order, whenever it is lost: %s', async (kind) => {
    await tryKeyedSink(kind, chooseSeed());
  });

  const TICKS = Array.from({ length: 5000 }, (_, at) => ({ ts: BigInt(at), symbol: `S${at % 7}`, qty: at }));
  const ticks = () =>
    createPipeline({ memoryLimit: '128MiB' }).source(
      fromIterable({ ts: 'timestamp[us]', symbol: 'utf8', qty: 'int64' }, [TICKS], { orderedOn: 'ts' }),
    );

  it('is what other readers know', async () => {
    const folder = temporaryFolder();
    const sink = ticks().toParquet(join(folder, 'part.parquet'), { partitionBy: 'symbol' });
    await run([sink], { workers: 2 }).done;
    const glob = quote(join(folder, '*', '*.parquet'));
    const { columns } = await sql(
      `SELECT symbol, count(*), sum(qty)::BIGINT FROM read_parquet(${glob}, hive_partitioning = true) GROUP BY 1 ORDER BY 1`,
    );
    const symbols = Array.from({ length: 7 }, (_, s) => `S${s}`);
    const of = (symbol: string) => TICKS.filter((tick) => tick.symbol === symbol);
    expect(columns).toEqual([
      symbols,
      symbols.map((symbol) => BigInt(of(symbol).length)),
      symbols.map((symbol) => BigInt(of(symbol).reduce((sum, { qty }) => sum + qty, 0))),
    ]);
  });

  it('goes on in further files where more keys come than may be open', async () => {
    const folder = temporaryFolder();
    const sink = ticks().toCsv(join(folder, 'part.csv'), { partitionBy: ['symbol'], maxOpenFiles: 3 });
    await run([sink], { workers: 2 }).done;
    expect(readdirSync(join(folder, 'symbol=S3'))[0]).toBe('part-00000.csv');
    const read = await rowsOf(readCsv(join(folder, 'symbol=S3', '*.csv'), { schema: { qty: 'int64' } }));
    expect(read.map(({ qty }) => Number(qty))).toEqual(TICKS.filter((_, at) => at % 7 === 3).map(({ qty }) => qty));
  });

  it('leaves nothing of a run that fails', async () => {
    const path = join(temporaryFolder(), 'out', 'part.parquet');
    const broken = createPipeline({ memoryLimit: '128MiB' })
      .source(
        fromIterable({ ts: 'int64', key: 'utf8' }, [[{ ts: 2n, key: 'a' }], [{ ts: 1n, key: 'b' }]], {
          orderedOn: 'ts',
        }),
      )
      .toParquet(path, { partitionBy: 'key' });
    await expect(run([broken]).done).rejects.toMatchObject({ code: 'ERR_INPUT_UNORDERED' });
    expect(existsSync(dirname(path)) ? readdirSync(dirname(path)) : []).toEqual([]);
  });

  it('refuses what cannot be', async () => {
    const path = join(temporaryFolder(), 'part.csv');
    const rows = createPipeline().source(fromIterable({ n: 'int64', x: 'float64', text: 'utf8' }, []));
    expect(() => rows.toCsv(path, { partitionBy: [] })).toThrow(/partitionBy is \[\]/);
    expect(() => rows.toCsv(path, { partitionBy: ['n', 'n'] })).toThrow(/names a column twice/);
    expect(() => rows.toCsv(path, { maxOpenFiles: 3 })).toThrow(/maxOpenFiles is given without partitionBy/);
    expect(() => rows.toCsv(path, { partitionBy: 'n', maxOpenFiles: 5000 })).toThrow(/maxOpenFiles is 5000/);
    await expect(run([rows.toCsv(path, { partitionBy: 'm' })]).done).rejects.toMatchObject({
      code: 'ERR_COLUMN_UNKNOWN',
    });
    await expect(run([rows.toCsv(path, { partitionBy: 'x' })]).done).rejects.toMatchObject({
      code: 'ERR_TYPE_UNSUPPORTED',
    });
    const long = createPipeline()
      .source(fromIterable({ text: 'utf8' }, [[{ text: 'x'.repeat(300) }]]))
      .toCsv(path, { partitionBy: 'text' });
    await expect(run([long]).done).rejects.toMatchObject({ code: 'ERR_VALUE', column: 'text' });
  });
});
