import { describe, expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '../../../../support/random.ts';
import { sharedFolder } from '../../../../support/temporary-folder.ts';
import { readPlainly, readText, type TextRequest } from './read-csv-text.ts';

const folder = sharedFolder();

/** The text of a problem, without the value, which the two ways quote differently. */
function inShort(bad: readonly string[]): string[] {
  return bad.map((text) => text.replace(/(value \w+) .*/s, '$1'));
}

function expectSame(text: Uint8Array, request: Omit<TextRequest, 'folder'>): void {
  const { leaked, bad, ...found } = readText(text, { ...request, folder });
  const plain = readPlainly(text, request);
  expect(found.rows).toEqual(plain.rows);
  expect(inShort(bad)).toEqual(plain.bad);
  expect(found.inputs).toEqual(plain.inputs);
  expect(leaked).toBe(0);
}

const ENDS = ['\n', '\n', '\n', '\r\n', '\r\n', '\r', '\n\n', '\r\n\r\n'];

function randomField(random: SeededRandom): string {
  const letters = random.pick(['', 'a', '7', '-12', 'Zürich', '日本語', '🌩', 'x'.repeat(70), ' 5 ', '3.25', 'NA']);
  if (random.chance(0.7)) return letters;
  const inside = random.pick([letters, 'a,b', 'two\nlines', 'cr\r\nlf', 'say ""hello""', '', '""', ',\n,\r']);
  return `"${inside}"`;
}

/** Rows of `width` fields, and among them some that are not right. */
function randomText(random: SeededRandom, bytes: number, width: number, faults: number): Buffer {
  const parts: string[] = [];
  let size = 0;
  while (size < bytes) {
    const fields = Array.from({ length: width }, () => randomField(random));
    if (random.chance(faults)) {
      if (random.chance(0.4)) fields.push(randomField(random));
      else fields[0] = random.pick(['a"b', '"a"b', '""x', 'x""', 'a "b" c']);
    }
    const row = fields.join(',') + random.pick(ENDS);
    parts.push(row);
    size += row.length;
  }
  return Buffer.from(parts.join(''));
}

/** Rows of one shape and one kind of line end, with or without quotes, and up to three odd ones. */
function evenText(random: SeededRandom, rows: number, round: number): Buffer {
  const width = 2 + (round % 4);
  const end = random.pick(['\n', '\n', '\r\n', '\r']);
  const quoted = random.pick([0, 0, 0.05, 1]);
  const letters = (): string => random.pick(['', 'a', 'bc', '1234.5', '2024-01-01 00:00:00.05', 'ö'.repeat(9)]);
  const field = (): string =>
    random.chance(quoted) ? `"${random.pick([letters(), 'a,b', `x${end}y`, '""'])}"` : letters();
  const lines = Array.from({ length: rows }, () => Array.from({ length: width }, field).join(','));
  for (let odd = random.integer(0, 3); odd > 0; odd--)
    lines[random.integer(0, rows - 1)] = random.pick(['', 'a,b,c,d,e,f', 'a', 'x"y,b,c', '"a"b,c', '\n\n', '\r']);
  return Buffer.from(lines.join(end) + random.pick(['', end]));
}

describe('CSV text in chunks', () => {
  it('gives the rows of the plain reader, whatever its fields are', () => {
    const random = seededRandom();
    const text = randomText(random, 4096, 3, 0);
    for (let chunkBytes = 64; chunkBytes <= text.length + 64; chunkBytes += random.integer(1, 40))
      expectSame(text, { shape: { a: 'utf8', b: 'utf8', c: 'utf8' }, chunkBytes });
  });

  it('gives the rows of the plain reader with a cut at every byte', () => {
    const random = seededRandom();
    const text = randomText(random, 4096, 2, 0);
    const shape = { a: 'utf8', b: 'utf8' };
    const whole = JSON.stringify(readPlainly(text, { shape }).rows);
    for (let chunkBytes = 1; chunkBytes <= text.length; chunkBytes++)
      expect(JSON.stringify(readText(text, { shape, folder, chunkBytes }).rows)).toBe(whole);
  });

  it('tells bad rows, with their lines, and leaves them out', () => {
    const random = seededRandom();
    for (let round = 0; round < 30; round++) {
      const text = randomText(random, random.integer(0, 6000), 3, 0.2);
      const chunkBytes = random.integer(50, 3000);
      expectSame(text, { shape: { a: 'utf8', b: 'utf8', c: 'utf8' }, chunkBytes, batchRows: random.integer(1, 40) });
    }
  });

  it('takes bytes that are no text as the plain reader does', () => {
    const random = seededRandom();
    for (let round = 0; round < 60; round++) {
      const text = randomText(random, random.integer(100, 1500), 2, 0.05);
      for (let damage = 0; damage < 8; damage++) text[random.integer(0, text.length - 1)] = random.integer(0, 255);
      const chunkBytes = random.integer(40, 1600);
      expectSame(text, { shape: { a: 'utf8', b: 'int32' }, chunkBytes, batchRows: random.integer(1, 40) });
    }
  });

  it('takes many rows of one shape at once, and the odd one among them apart', () => {
    const random = seededRandom();
    for (let round = 0; round < 12; round++) {
      const [text, width] = [evenText(random, 2500, round), 2 + (round % 4)];
      const shape = Object.fromEntries(Array.from({ length: width }, (_, index) => [`c${index}`, 'utf8' as const]));
      expectSame(text, { shape, chunkBytes: random.integer(500, 1.2 * text.length), batchRows: 1000 });
    }
  });

  it('cuts logical batches at multiples of batchRows, whatever the chunks', () => {
    const text = Buffer.from(Array.from({ length: 1000 }, (_, row) => `${row},${row % 7}\n`).join(''));
    const request = { shape: { a: 'int64', b: 'int8' }, folder, batchRows: 300 };
    for (const chunkBytes of [100, 1000, 100_000])
      expect(readText(text, { ...request, chunkBytes }).inputs).toEqual([300, 300, 300, 100]);
  });

  it('reads rows of very many short fields, more than it has places for at once', () => {
    const row = `${Array.from({ length: 50 }, () => '1').join(',')}\n`;
    const text = Buffer.from(row.repeat(400));
    const shape = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`c${index}`, 'int8']));
    expectSame(text, { shape, chunkBytes: 30_000 });
  });

  it('reads rows that are longer than a chunk and its tail', () => {
    const text = Buffer.from(`1,"${'long\n'.repeat(20_000)}"\n2,short\n`);
    expectSame(text, { shape: { a: 'int32', b: 'utf8' }, chunkBytes: 1000 });
  });
});
