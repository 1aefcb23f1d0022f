/** Random tables as CSV, of every type, quoted and cut in every way: our rows have to be DuckDB's. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { readText } from '../unit/core/formats/csv/read-csv-text.ts';
import { quote, sql } from './duckdb.ts';
import { randomFrom, type SeededRandom } from './random.ts';

interface Kind {
  /** Ours. */
  type: string;
  /** DuckDB's, and how its value is asked for, so that it is shown as ours. */
  theirs: string;
  asked?: (name: string) => string;
  text(random: SeededRandom): string;
}

const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');
const date = (random: SeededRandom): string =>
  `${pad(random.integer(1600, 2400), 4)}-${pad(random.integer(1, 12))}-${pad(random.integer(1, 28))}`;
const time = (random: SeededRandom): string =>
  [23, 59, 59].map((most) => pad(random.integer(0, most))).join(':') +
  random.pick(['', '.5', '.25', `.${pad(random.integer(0, 999_999), 6)}`]);

function whole(bits: number, isSigned: boolean): (random: SeededRandom) => string {
  const least = isSigned ? -(2n ** BigInt(bits - 1)) : 0n;
  const most = least + 2n ** BigInt(bits) - 1n;
  return (random) => {
    const any = BigInt.asUintN(bits, BigInt(random.integer(0, 2 ** 32 - 1)) * BigInt(random.integer(1, 2 ** 32 - 1)));
    return String(random.pick([least, most, 0n, least + any, least + (any >> BigInt(random.integer(0, bits - 1)))]));
  };
}

function double(random: SeededRandom): string {
  const value = random.anyFloat();
  return Number.isFinite(value) ? random.pick([String(value), value.toExponential(16), value.toPrecision(5)]) : '1.5';
}

const WORDS = ['x', 'a,b', 'two\nlines', 'Zürich', 'say "hi"', '日本🌩', ' y ', '', "it's", '"', 'a\r\nb', 'null', '0'];

const KINDS: readonly Kind[] = [
  { type: 'int8', theirs: 'TINYINT', text: whole(8, true) },
  { type: 'int16', theirs: 'SMALLINT', text: whole(16, true) },
  { type: 'int32', theirs: 'INTEGER', text: whole(32, true) },
  { type: 'int64', theirs: 'BIGINT', text: whole(64, true) },
  { type: 'uint8', theirs: 'UTINYINT', text: whole(8, false) },
  { type: 'uint16', theirs: 'USMALLINT', text: whole(16, false) },
  { type: 'uint32', theirs: 'UINTEGER', text: whole(32, false) },
  { type: 'uint64', theirs: 'UBIGINT', text: whole(64, false) },
  { type: 'float64', theirs: 'DOUBLE', text: double },
  { type: 'float32', theirs: 'FLOAT', text: (random) => String(Math.fround(random.integer(-1e6, 1e6) / 128)) },
  { type: 'bool', theirs: 'BOOLEAN', text: (random) => random.pick(['true', 'false']) },
  {
    ...{ type: 'decimal(12, 3)', theirs: 'DECIMAL(12, 3)', asked: (name) => `${name}::VARCHAR` },
    text: (random) => (random.integer(-1e9, 1e9) / 1000).toFixed(random.integer(0, 3)),
  },
  { type: 'date32', theirs: 'DATE', asked: (name) => `${name} - DATE '1970-01-01'`, text: date },
  {
    ...{ type: 'timestamp[us]', theirs: 'TIMESTAMP', asked: (name) => `epoch_us(${name})` },
    text: (random) => `${date(random)}${random.pick([' ', 'T'])}${time(random)}`,
  },
  {
    ...{ type: 'timestamp[us, UTC]', theirs: 'TIMESTAMPTZ', asked: (name) => `epoch_us(${name})` },
    text: (random) => `${date(random)}T${time(random)}${random.pick(['Z', '+00:00', '+05:30', '-11:00'])}`,
  },
  { type: 'utf8', theirs: 'VARCHAR', text: (random) => random.pick(WORDS).repeat(random.integer(0, 3)) },
  { type: 'dictionary<utf8>', theirs: 'VARCHAR', text: (random) => random.pick(WORDS) },
];

/** A field as text: quoted where it has to be, and sometimes where not. */
function field(random: SeededRandom, text: string): string {
  const isPlain = text !== '' && !/[",\r\n]/.test(text);
  return isPlain && random.chance(0.8) ? text : `"${text.replaceAll('"', '""')}"`;
}

/** Whole numbers are bigints on one side and numbers on the other; −0 is 0 in SQL. */
function alike(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return typeof value === 'number' ? String(value === 0 ? 0 : value) : value;
}

async function tryTable(random: SeededRandom, folder: string): Promise<void> {
  const kinds = Array.from({ length: random.integer(1, 6) }, () => random.pick(KINDS));
  const ends = random.pick(['\n', '\r\n']);
  const line = (_: unknown, row: number): string => {
    const fields = kinds.map((kind) => (random.chance(0.1) ? '' : field(random, kind.text(random))));
    return `${[row, ...fields].join(',')}${ends}`;
  };
  const lines = Array.from({ length: random.integer(0, 60) }, line).join('');
  const text = random.chance(0.3) ? lines.replace(/\r?\n$/, '') : lines;
  const shape = Object.fromEntries([['n', 'int64'], ...kinds.map(({ type }, index) => [`c${index}`, type])]);
  const chunkBytes = random.integer(1, 1000);
  const found = readText(Buffer.from(text), { shape, chunkBytes, batchRows: random.integer(1, 50), folder });
  expect([found.bad, found.leaked]).toEqual([[], 0]);
  if (text === '') return;

  const path = join(folder, 'theirs.csv');
  writeFileSync(path, text);
  const columns = kinds.map(({ theirs }, index) => `c${index}: '${theirs}'`);
  const asked = kinds.map(({ asked: ask }, index) => ask?.(`c${index}`) ?? `c${index}`);
  const table = await sql(
    `SELECT n, ${asked.join(', ')} FROM read_csv(${quote(path)}, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
      new_line = '${ends === '\n' ? '\\n' : '\\r\\n'}', allow_quoted_nulls = false, nullstr = '', columns = {n: 'BIGINT', ${columns.join(', ')}}) ORDER BY n`,
  );
  const theirs = Array.from({ length: table.rows }, (_, row) => table.columns.map((column) => alike(column[row])));
  expect(found.rows.map((row) => row.map(alike))).toEqual(theirs);
}

/** Tries so many tables, from a seed on. */
export async function tryCsvTables(first: number, count: number, folder: string): Promise<void> {
  for (let seed = first; seed < first + count; seed++) {
    try {
      await tryTable(randomFrom(seed), folder);
    } catch (error) {
      throw new Error(`SPILLWAY_SEED=${seed}`, { cause: error });
    }
  }
}
