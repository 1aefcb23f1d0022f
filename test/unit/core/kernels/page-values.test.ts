/** Values of a dictionary by their numbers, as pages are decoded: numbers are not trusted, and short texts are copied with what lies behind them. */
import { borrowPageMemory } from '@spillway/core/internal';
import { expect, it } from 'vitest';
import { seededRandom } from '../../../support/random.ts';

it.each([4, 8])('values of %i bytes are taken by their numbers, and a number beyond them is found', (width) => {
  const random = seededRandom();
  const memory = borrowPageMemory();
  memory.reset();
  const values = Uint8Array.from({ length: 100 * width }, () => random.integer(0, 255));
  const at = memory.take(values.length);
  memory.u8.set(values, at);
  for (const rows of [0, 1, 3, 4, 7, 200]) {
    const indices = Uint32Array.from({ length: rows }, () => random.integer(0, 99));
    const codes = memory.take(4 * rows);
    const out = memory.take(width * rows);
    const takeWithin = (): number => memory.decoders.takeWithin(width, at, 100, codes, rows, out);
    memory.u8.set(new Uint8Array(indices.buffer), codes);
    expect(takeWithin()).toBe(1);
    const expected = [...indices].flatMap((index) => [...values.subarray(index * width, (index + 1) * width)]);
    expect([...memory.view(out, width * rows)]).toStrictEqual(expected);
    if (rows === 0) continue;
    indices[random.integer(0, rows - 1)] = 100;
    memory.u8.set(new Uint8Array(indices.buffer), codes);
    expect(takeWithin()).toBe(0);
  }
});

it('texts of up to sixteen bytes are put one behind the other, with offsets that go on', () => {
  const random = seededRandom();
  const memory = borrowPageMemory();
  memory.reset();
  const texts = Array.from({ length: 17 }, (_, length) => Array.from({ length }, () => random.integer(0, 255)));
  const ends = texts.map((_, index) => texts.slice(0, index + 1).reduce((sum, text) => sum + text.length, 0));
  const [offsets, values, codes] = [memory.take(4 * 18), memory.take(200), memory.take(4 * 300)];
  memory.u8.set(new Uint8Array(Uint32Array.from([0, ...ends]).buffer), offsets);
  memory.u8.set(texts.flat(), values);
  expect(memory.decoders.longestText(offsets, 17)).toBe(16);
  const indices = Uint32Array.from({ length: 300 }, () => random.integer(0, 16));
  memory.u8.set(new Uint8Array(indices.buffer), codes);
  const [outOffsets, out] = [memory.take(4 * 301), memory.take(300 * 16)];
  const end = memory.decoders.takeShortTexts(offsets, values, codes, 300, 5, outOffsets, out - 5);
  const expected = [...indices].flatMap((index) => texts[index] ?? []);
  expect([...memory.view(out, end - 5)]).toStrictEqual(expected);
  const starts = [...new Uint32Array(memory.u8.slice(outOffsets, outOffsets + 4 * 301).buffer)];
  let at = 5;
  expect(starts).toStrictEqual([5, ...[...indices].map((index) => (at += index))]);
});
