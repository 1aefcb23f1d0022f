/**
 * Files that are nearly right: random CSV, NDJSON and Arrow files with bytes changed, put in, taken out and doubled. Text has to give the rows and
 * the bad rows of the plain readers, wherever it is cut into chunks; Arrow gives rows or a refusal. Nothing may leak.
 */
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PipelineError } from '@spillway/core';
import {
  ArrowReader,
  arrowSplits,
  createArena,
  fieldsFromShape,
  plainLines,
  readArrowInfo,
  readCsvHead,
} from '@spillway/core/internal';
import { expect } from 'vitest';
import { kindOf, PLAIN_FORMAT, readPlainly, readText, shown } from '../unit/core/formats/csv/read-csv-text.ts';
import { randomFrom, type SeededRandom } from './random.ts';

const fixtures = fileURLToPath(new URL('../fixtures/arrow', import.meta.url));
const arrowFiles = readdirSync(fixtures).map((name) => readFileSync(join(fixtures, name)));
const arena = createArena({ debug: true });

const CSV_SHAPE = { a: 'int64', b: 'utf8', c: 'float64', d: 'timestamp[us]' };
const JSON_SHAPE = { a: 'int64', 'b.c': 'utf8', d: 'bool', e: 'dictionary<utf8>' };
/** Bytes that mean something. */
const TELLING = [...Buffer.from(',"\n\r\\{}[]:;\t 0-.eE\'/u'), 0, 0xef, 0xbb, 0xbf, 0xff, 0xc3, 0xed, 0x80];

function csvText(random: SeededRandom): Buffer {
  const text = (): string => random.pick(['x', '', '"a,b"', '"two\nlines"', 'Zürich', '"say ""hi"""', '日本🌩', ' y ']);
  const time = (): string => random.pick(['2024-01-31', '2024-02-29T12:30:00Z', '2024-06-01 00:00:00.5', '']);
  const line = (): string =>
    `${random.integer(-999, 999)},${text()},${random.next()},${time()}${random.pick(['\n', '\n', '\r\n', '\r'])}`;
  return Buffer.from(Array.from({ length: random.integer(0, 25) }, line).join(''));
}

function jsonText(random: SeededRandom): Buffer {
  const text = (): string =>
    random.pick(['"x"', '""', '"a\\"b"', '"\\u00fc\\ud83c\\udf29"', '"日本"', 'null', '[1,{"z":2}]']);
  const line = (): string =>
    `{"a":${random.integer(-999, 999)},"b":{"c":${text()},"x":1.5e3},"d":${random.pick(['true', 'false', 'null'])},"e":"k${random.integer(0, 3)}"}${random.pick(['\n', '\r\n', '\n\n'])}`;
  return Buffer.from(Array.from({ length: random.integer(0, 25) }, line).join(''));
}

/** A few changes of a few bytes. */
function mutated(random: SeededRandom, bytes: Buffer, mayGrow: boolean): Buffer {
  let result = Buffer.from(bytes);
  for (let left = random.integer(0, 5); left > 0; left--) {
    const at = random.integer(0, result.length);
    const some = Buffer.from(Array.from({ length: random.integer(1, 4) }, () => random.pick(TELLING)));
    const kind = random.integer(0, mayGrow ? 4 : 1);
    if (kind === 0 && at < result.length) result[at] = random.integer(0, 255);
    else if (kind === 1) some.copy(result, at);
    else if (kind === 2) result = Buffer.concat([result.subarray(0, at), some, result.subarray(at)]);
    else if (kind === 3) result = Buffer.concat([result.subarray(0, at), result.subarray(at + random.integer(1, 9))]);
    else result = Buffer.concat([result.subarray(0, at), result.subarray(random.integer(0, at))]);
  }
  return result;
}

/** Without values, which the two readers quote differently. */
function inShort(bad: readonly string[]): string[] {
  return bad.map((text) => text.replace(/(value [\w.]+) .*/s, '$1'));
}

async function csvCase(random: SeededRandom, folder: string): Promise<void> {
  const text = mutated(random, csvText(random), true);
  const request = { shape: CSV_SHAPE, chunkBytes: random.integer(1, 600), batchRows: random.integer(1, 30) };
  const found = readText(text, { ...request, folder });
  const plain = readPlainly(text, request);
  expect(found.rows).toEqual(plain.rows);
  expect(inShort(found.bad)).toEqual(plain.bad);
  expect([found.inputs, found.leaked]).toEqual([plain.inputs, 0]);
  const { delimiter: _, ...format } = PLAIN_FORMAT;
  await allowRefusal(() =>
    readCsvHead(join(folder, 'text.csv'), { ...format, hasHeader: random.chance(0.5), samples: true }),
  );
}

function jsonCase(random: SeededRandom, folder: string): void {
  const text = mutated(random, jsonText(random), true);
  const found = readText(text, { shape: JSON_SHAPE, chunkBytes: random.integer(1, 600), syntax: 'ndjson', folder });
  const fields = fieldsFromShape(JSON_SHAPE);
  const rows: unknown[][] = [];
  const bad: string[] = [];
  let row = 0;
  for (const { line, values, problem } of plainLines(text, fields, { timeFormats: {} }, 0)) {
    if (values !== undefined) rows.push(values.map((value, index) => shown(fields[index]?.type ?? '', value)));
    else if (problem?.kind === 'value') bad.push(`row ${row}: value ${problem.column}`);
    else if (problem !== undefined) bad.push(`row ${row}: ${kindOf(problem)}`);
    row += 1;
    expect(line).toBeGreaterThanOrEqual(0);
  }
  expect(found.rows).toEqual(rows);
  expect(inShort(found.bad).map((told) => told.replace(/^line \d+ /, ''))).toEqual(bad);
  expect(found.leaked).toBe(0);
}

/** Numbers of headers: counts, places and lengths that cannot be, or nearly can. */
function withOddNumbers(random: SeededRandom, bytes: Buffer): Buffer {
  for (let left = random.integer(0, 3); left > 0; left--) {
    const at = 4 * random.integer(0, Math.floor(bytes.length / 4));
    const value = random.pick([-1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 31n, 2n ** 31n - 1n, 65_537n, 8n]);
    if (at + 8 > bytes.length) continue;
    if (random.chance(0.5)) bytes.writeBigInt64LE(value, at);
    else bytes.writeInt32LE(Number(BigInt.asIntN(32, value)), at);
  }
  return bytes;
}

async function arrowCase(random: SeededRandom, folder: string): Promise<void> {
  const path = join(folder, 'mutated.arrow');
  const whole = random.pick(arrowFiles);
  const cut = random.chance(0.2) ? whole.subarray(0, random.integer(0, whole.length)) : whole;
  const bytes = withOddNumbers(random, mutated(random, cut, false));
  writeFileSync(path, bytes);
  await allowRefusal(async () => {
    const info = await readArrowInfo(path);
    const fields = info.columns.map(({ field }) => field);
    if (new Set(fields.map(({ name }) => name)).size < fields.length) return;
    const fd = openSync(path, 'r');
    const reader = new ArrowReader({ arena, owner: 1, fields, batchRows: random.integer(1, 200), rows: info.rows });
    try {
      for (const split of arrowSplits([info]))
        for (const batch of reader.read(info, { path, fd }, split)) batch.release();
    } finally {
      reader.close();
      closeSync(fd);
    }
  });
  expect(arena.usedSlabs()).toBe(0);
}

/** Anything but a refusal with a code, a file and a hint is a bug. */
async function allowRefusal(step: () => Promise<unknown>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof PipelineError) || error.code === 'ERR_INTERNAL') throw error;
    expect([error.hint ?? '', error.code === 'ERR_MEMORY_EXHAUSTED' ? 'any' : (error.file ?? '')]).not.toContain('');
  }
}

const CASES = { csv: csvCase, ndjson: jsonCase, arrow: arrowCase };

/** Tries so many files, from a seed on, as many of each kind. */
export async function tryMutations(
  first: number,
  count: number,
  folder: string,
  kinds: readonly (keyof typeof CASES)[],
): Promise<void> {
  for (let seed = first; seed < first + count; seed++) {
    try {
      await CASES[kinds[seed % kinds.length] as keyof typeof CASES](randomFrom(seed), folder);
    } catch (error) {
      throw new Error(`SPILLWAY_SEED=${seed}`, { cause: error });
    }
  }
}
