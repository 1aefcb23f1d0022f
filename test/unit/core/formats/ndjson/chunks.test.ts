import { fieldsFromShape, plainLines } from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '../../../../support/random.ts';
import { sharedFolder } from '../../../../support/temporary-folder.ts';
import { kindOf, readText, shown, type TextRequest } from '../csv/read-csv-text.ts';

const folder = sharedFolder();
const FORMAT = { timeFormats: {} };

/** Rows, and what is wrong with the others, the slow and obvious way. */
function readPlainly(text: Uint8Array, shape: Record<string, string>): { rows: unknown[][]; bad: string[] } {
  const fields = fieldsFromShape(shape);
  const rows: unknown[][] = [];
  const bad: string[] = [];
  let row = 0;
  for (const { line, values, problem } of plainLines(text, fields, FORMAT, 0)) {
    if (values !== undefined) rows.push(values.map((value, index) => shown(fields[index]?.type ?? '', value)));
    else if (problem?.kind === 'value')
      bad.push(`line ${line + 1} row ${row}: value ${problem.column} ${problem.text}`);
    else if (problem !== undefined) bad.push(`line ${line + 1} row ${row}: ${kindOf(problem)}`);
    row += 1;
  }
  return { rows, bad };
}

function expectSame(text: Uint8Array, request: Omit<TextRequest, 'folder'>): void {
  const found = readText(text, { ...request, syntax: 'ndjson', folder });
  const plain = readPlainly(text, request.shape);
  expect(found.rows).toEqual(plain.rows);
  expect(found.bad).toEqual(plain.bad);
  expect(found.leaked).toBe(0);
}

const SHAPE = { a: 'int64', b: 'utf8', 'c.d': 'float64', 'c.e.f': 'utf8', g: 'bool', h: 'dictionary<utf8>' };

function randomValue(random: SeededRandom, depth = 0): string {
  const texts = [
    '""',
    '"a"',
    '"Zürich"',
    '"日本"',
    '"\\u65e5\\ud83c\\udf29"',
    '"say \\"hello\\"\\n"',
    '"7"',
    `"${'x'.repeat(40)}"`,
  ];
  const scalars = [
    '7',
    '-12',
    '9007199254740993',
    '3.25',
    '-0',
    '1e3',
    'true',
    'false',
    'null',
    ...texts,
    '"\\u0001\\u0000"',
  ];
  if (depth > 3 || random.chance(0.8)) return random.pick(scalars);
  const inner = Array.from({ length: random.integer(0, 3) }, () => randomValue(random, depth + 1));
  if (random.chance(0.5)) return `[${inner.join(random.pick([',', ' , ']))}]`;
  return `{${inner.map((value, at) => `${random.pick(['"d"', '"x"', '"e"', '"\\u0066"'])}:${value}`.replace('"x"', `"x${at}"`)).join(',')}}`;
}

/** A line whose values fit mostly. */
function randomLine(random: SeededRandom): string {
  const blank = random.pick(['', '', ' ', '\t ']);
  const members = [
    ['"a"', () => random.pick(['1', '-5', '"12"', 'null', '9223372036854775807'])],
    ['"b"', () => randomValue(random)],
    ['"c"', () => `{"d":${random.pick(['1.5', '"2"', 'null', '-1e-3'])},${blank}"e":{"f":${randomValue(random, 2)}}}`],
    ['"g"', () => random.pick(['true', 'false', 'null'])],
    ['"\\u0068"', () => random.pick(['"x"', '"y"', '"z"'])],
    ['"other"', () => randomValue(random)],
  ] as const;
  const chosen = members.filter(() => random.chance(0.8)).sort(() => random.integer(-1, 1));
  return `${blank}{${blank}${chosen.map(([key, value]) => `${key}${blank}:${blank}${value()}`).join(`${blank},`)}}${blank}`;
}

function randomText(random: SeededRandom, bytes: number, faults = 0): Buffer {
  const parts: string[] = [];
  for (let size = 0; size < bytes; ) {
    let line = randomLine(random);
    if (random.chance(faults)) {
      const at = random.integer(0, line.length);
      line = random.pick([
        () => line.slice(0, at),
        () =>
          `${line.slice(0, at)}${random.pick(['"', '}', '{', ',', '\\', '[', '\u0002', 'x', '1'])}${line.slice(at)}`,
        () => '[1]',
        () => '{"b":"\\ud800"}',
        () => '{"a":1,"a":2}',
        () => `{"z":${'['.repeat(70)}${']'.repeat(70)}}`,
        () => '{"a":1.5}',
      ])();
    }
    const part = `${line}${random.pick(['\n', '\n', '\r\n', '\n\n', '\n \n'])}`;
    parts.push(part);
    size += part.length;
  }
  return Buffer.from(parts.join(''));
}

describe('lines of JSON in chunks', () => {
  it('gives the rows of the plain reader, whatever they are', () => {
    const random = seededRandom();
    for (let round = 0; round < 40; round++) {
      const text = randomText(random, random.integer(0, 4000));
      expectSame(text, { shape: SHAPE, chunkBytes: random.integer(40, 5000), batchRows: random.integer(1, 50) });
    }
  });

  it('gives the rows of the plain reader with a cut at every byte', () => {
    const random = seededRandom();
    const text = randomText(random, 600);
    const whole = JSON.stringify(readPlainly(text, { b: 'utf8', 'c.e.f': 'utf8' }).rows);
    const request: TextRequest = { shape: { b: 'utf8', 'c.e.f': 'utf8' }, syntax: 'ndjson', folder };
    for (let chunkBytes = 1; chunkBytes <= text.length; chunkBytes++)
      expect(JSON.stringify(readText(text, { ...request, chunkBytes }).rows)).toBe(whole);
  });

  it('tells bad lines, and leaves them out', () => {
    const random = seededRandom();
    for (let round = 0; round < 60; round++) {
      const text = randomText(random, random.integer(0, 5000), 0.3);
      expectSame(text, { shape: SHAPE, chunkBytes: random.integer(50, 3000), batchRows: random.integer(1, 40) });
    }
  });

  it('takes bytes that are no text as the plain reader does', () => {
    const random = seededRandom();
    for (let round = 0; round < 60; round++) {
      const text = randomText(random, random.integer(100, 1500));
      for (let damage = 0; damage < 8; damage++) text[random.integer(0, text.length - 1)] = random.integer(0, 255);
      expectSame(text, { shape: SHAPE, chunkBytes: random.integer(40, 1600) });
    }
  });

  it('reads lines that are longer than a chunk, its tail and its room for values', () => {
    const text = Buffer.from(
      `{"a":1,"b":"${'long \\n'.repeat(30_000)}"}\n{"b":"short"}\n{"a":3,"b":["${'x'.repeat(90_000)}"]}`,
    );
    expectSame(text, { shape: { a: 'int32', b: 'utf8' }, chunkBytes: 1000 });
  });

  it('reads rows of very many columns, most of which are not there', () => {
    const shape = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`c${index}`, 'int8']));
    const text = Buffer.from(Array.from({ length: 3000 }, (_, row) => `{"c${row % 200}":${row % 100}}\n`).join(''));
    expectSame(text, { shape, chunkBytes: 30_000 });
  });

  it('keeps whole numbers exact, quoted or not, and finds keys with dots', () => {
    const text = Buffer.from(
      '{"a":{"b":9007199254740993}}\n{"a.b":"-9223372036854775808"}\n{"a.b":9223372036854775808}\n',
    );
    const found = readText(text, { shape: { 'a.b': 'int64' }, syntax: 'ndjson', folder });
    expect(found.rows).toEqual([[9007199254740993n], [-9223372036854775808n]]);
    expect(found.bad).toEqual(['line 3 row 2: value a.b 9223372036854775808']);
  });
});
