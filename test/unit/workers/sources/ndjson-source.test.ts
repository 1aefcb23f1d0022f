import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { agg, createPipeline, type NdjsonOptions, readNdjson } from '@spillway/core';
import { runReference } from '@spillway/core/internal';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../support/random.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

async function readRows(
  paths: string | string[],
  options: NdjsonOptions = {},
  workers = 2,
): Promise<Record<string, unknown>[]> {
  const sink = createPipeline({ memoryLimit: '256MiB' }).source(readNdjson(paths, options)).collect();
  const job = run([sink], { workers });
  await job.done;
  return (await job.rows(sink)) as Record<string, unknown>[];
}

function fileOf(text: string | Buffer, name = 'rows.ndjson'): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, text);
  return path;
}

/** Some megabytes of ticks: more than one chunk. */
function ticks(rows: number): string {
  const random = seededRandom();
  return Array.from({ length: rows }, (_, row) => {
    const ts = new Date(1_704_067_200_000 + row * 250).toISOString();
    const quote = { symbol: random.pick(['A', 'B', 'Ç']), price: Number((random.next() * 100).toFixed(3)) };
    return `${JSON.stringify(random.chance(0.5) ? { ts, quote, tags: ['x', 'y'] } : { quote, note: null, ts })}\n`;
  }).join('');
}

describe('readNdjson', () => {
  it('gives what the reference executor gives, on one lane and on several', async () => {
    const path = fileOf(ticks(30_000));
    const schema = { ts: 'timestamp[us, UTC]', 'quote.symbol': 'dictionary<utf8>', 'quote.price': 'float64' } as const;
    const build = () => {
      const aggregations = {
        hourly: {
          every: '1h',
          columns: { n: agg.count(), sum: agg.sum('quote.price'), last: agg.last('quote.price') },
        },
      };
      return createPipeline()
        .source(readNdjson(path, { orderedOn: 'ts', schema, batchRows: 10_000 }))
        .aggStream({ orderedOn: 'ts', by: ['quote.symbol'], aggregations })
        .hourly.collect();
    };
    const { outputs } = await runReference([build()]);
    for (const workers of [1, 2]) {
      const sink = build();
      const job = run([sink], { workers });
      await job.done;
      expect((await job.rows(sink)).map((row) => Object.values(row))).toEqual(outputs[0]?.batches.flat());
    }
  });

  it('guesses columns, by their paths, and types from a sample', async () => {
    const lines = [
      {
        id: 1,
        at: '2024-01-05T10:00:00Z',
        user: { name: 'Ann', age: 30 },
        tags: [1, 'a'],
        ok: true,
        mixed: 1,
        zip: '07',
      },
      { id: 2, at: null, user: { name: null, age: 31.5, extra: { deep: 'x' } }, mixed: 'x' },
    ];
    const path = fileOf(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    expect(await readRows(path)).toEqual([
      {
        ...{ id: 1n, at: 1_704_448_800_000_000n, 'user.name': 'Ann', 'user.age': 30, tags: '[1,"a"]', ok: true },
        ...{ mixed: '1', zip: '07', 'user.extra.deep': null },
      },
      {
        ...{ id: 2n, at: null, 'user.name': null, 'user.age': 31.5, tags: null, ok: null },
        ...{ mixed: 'x', zip: null, 'user.extra.deep': 'x' },
      },
    ]);
  });

  it('reads files in gzip, and behind a byte order mark, as one stream', async () => {
    const paths = [
      fileOf(gzipSync('{"a":1}\n{"a":2}\n'), 'a.ndjson.gz'),
      fileOf(Buffer.concat([Buffer.from('efbbbf', 'hex'), Buffer.from('{"a":3}')])),
      fileOf(''),
    ];
    expect(await readRows(paths, { schema: { a: 'int8' } })).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
  });

  it('tells the first bad line, with its column, its value and what to do', async () => {
    const lines = Array.from(
      { length: 200_000 },
      (_, row) => `{"t":${row > 40_000 && row % 1000 === 0 ? '1.5' : row}}`,
    );
    const path = fileOf(lines.join('\n'));
    const reading = readRows(path, { schema: { t: 'int64' } });
    await expect(reading).rejects.toMatchObject({
      code: 'ERR_VALUE',
      row: 41_000,
      column: 't',
      value: '1.5',
      file: path,
    });
    await expect(reading).rejects.toThrow(/line 41001: column "t": "1.5" is no int64/);
  });

  it.each([
    ['{"t":1}\n{"t":2', /line 2: no valid JSON at byte 7/],
    ['{"t":1}\n\n[2]', /line 3: a line that is no JSON object/],
    ['{"t":1,"t":2}', /line 1: "t" is there twice/],
    ['{"s":"\\ud800x"}', /line 1: column "s": an escape stands for half a character/],
    [`{"t":1}\n{"x":${'['.repeat(80)}`, /line 2: nested too deep/],
    [Buffer.from('7b2273223a22e4227d', 'hex'), /line 1: byte 7 of the line is not UTF-8/],
    ['{\n  "t": 1\n}\n', /line 1: no valid JSON .*/],
  ])('refuses %j', async (text, message) => {
    const reading = readRows(fileOf(text), { schema: { t: 'int64', s: 'utf8' } });
    await expect(reading).rejects.toMatchObject({ code: 'ERR_FILE_FORMAT', hint: expect.any(String) });
    await expect(reading).rejects.toThrow(message);
  });

  it('leaves bad lines out, tells and counts them', async () => {
    const path = fileOf('{"t":1}\nnothing\n{"t":"x"}\n{"t":4}\n');
    const options = { schema: { t: 'int64' }, onBadRow: 'skip-and-report' } as const;
    const sink = createPipeline().source(readNdjson(path, options)).collect();
    const job = run([sink]);
    const told: string[] = [];
    job.on('badRows', ({ rows }) => told.push(...rows.map(({ line, reason }) => `${line}: ${reason}`)));
    await job.done;
    expect(await job.rows(sink)).toEqual([{ t: 1n }, { t: 4n }]);
    expect(told).toEqual(['2: a line that is no JSON object', '3: column "t": "x" is no int64']);
  });

  it('needs something that tells the columns', async () => {
    await expect(readRows(fileOf('\n\n'))).rejects.toMatchObject({
      code: 'ERR_FILE_FORMAT',
      hint: 'leave the file out, or give a schema',
    });
  });
});
