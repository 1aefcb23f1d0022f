import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createPipeline, readCsv } from '@spillway/core';
import { run } from '@spillway/workers';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../support/temporary-folder.ts';

const testFolder = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs a pipeline over standard input in another process; gives what it prints. */
function readPiped(input: string | Buffer, read: string): unknown {
  const code = `
    import { createPipeline, agg, explain, readCsv, readNdjson } from '@spillway/core';
    import { run } from '@spillway/workers';
    try {
      const { all } = createPipeline().source(${read})
        .aggStream({ orderedOn: 't', aggregations: { all: { every: 1000000, columns: { n: agg.count(), sum: agg.sum('v') } } } });
      const sink = all.collect();
      await explain([sink]);
      const job = run([sink]);
      await job.done;
      console.log(JSON.stringify((await job.rows(sink)).map(({ n, sum }) => [Number(n), Number(sum)])));
      await run([sink]).done;
    } catch ({ code, message }) {
      console.log(JSON.stringify({ code, message }));
    }`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    ...{ cwd: testFolder, input, encoding: 'utf8', timeout: 30_000 },
  });
  return child.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

const ROWS = 200_000;
const rows = Array.from({ length: ROWS }, (_, row) => `${row},${row % 10}\n`).join('');
const answer = [ROWS, (ROWS / 10) * 45];
const again = {
  code: 'ERR_IO',
  message: expect.stringContaining('standard input was read to its end before') as unknown,
};

describe('standard input', () => {
  it('is read as a file is, once', () => {
    expect(readPiped(`t,v\n${rows}`, "readCsv('-', { orderedOn: 't' })")).toEqual([[answer], again]);
  });

  it('is unpacked', () => {
    expect(readPiped(gzipSync(`t,v\n${rows}`), "readCsv('-', { orderedOn: 't' })")).toEqual([[answer], again]);
    const lines = Array.from({ length: 100 }, (_, row) => `{"t":${row},"v":1}\n`).join('');
    expect(readPiped(lines, "readNdjson('-', { orderedOn: 't' })")).toEqual([[[100, 100]], again]);
  });

  it('may hold nothing but a header, or nothing', () => {
    expect(readPiped('t,v\n', "readCsv('-', { orderedOn: 't', schema: { t: 'int64', v: 'int64' } })")).toEqual([
      [],
      again,
    ]);
    expect(readPiped('', "readCsv('-', { orderedOn: 't' })")).toMatchObject([{ code: 'ERR_FILE_FORMAT' }]);
  });
});

describe('a pipe in the file system', () => {
  it('is read to its end, into no more room than there may be', async () => {
    const path = join(temporaryFolder(), 'pipe.csv');
    expect(spawnSync('/usr/bin/env', ['mkfifo', path]).status).toBe(0);
    const writing = writeFile(path, `t,v\n${rows}`).catch(() => {}); // nobody reads the rest
    const sink = createPipeline().source(readCsv(path)).collect();
    await expect(run([sink], { spillLimit: '64KiB' }).done).rejects.toMatchObject({
      code: 'ERR_SPILL_LIMIT',
      file: path,
    });
    await writing;
  });

  it('counts what is unpacked', async () => {
    const path = join(temporaryFolder(), 'a.csv.gz');
    writeFileSync(path, gzipSync(`t,v\n${rows}`));
    expect(readFileSync(path).length).toBeLessThan(1_000_000);
    const sink = createPipeline().source(readCsv(path)).collect();
    await expect(run([sink], { spillLimit: '1MB' }).done).rejects.toMatchObject({
      code: 'ERR_SPILL_LIMIT',
      file: path,
    });
  });
});
