/** Snappy's kernel against a plain loop: what it makes of any bytes, and that it writes nowhere else. */
import { borrowPageMemory, returnPageMemory } from '@spillway/core/internal';
import { afterAll, describe, expect, it } from 'vitest';
import { type SeededRandom, seededRandom } from '../../../support/random.ts';

const memory = borrowPageMemory();
afterAll(() => returnPageMemory(memory));
const ROOM = 20_000;
const SLACK = 64;
const GUARD = 0xa5;
const from = memory.take(2 * ROOM);
const guard = memory.take(ROOM + 1024);
const out = guard + 256;

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

function literal(bytes: readonly number[]): number[] {
  const most = bytes.length - 1;
  if (most < 60) return [most << 2, ...bytes];
  return most < 256 ? [60 << 2, most, ...bytes] : [61 << 2, most & 255, most >> 8, ...bytes];
}

function copyOf(random: SeededRandom, bytes: number, distance: number): number[] {
  if (bytes >= 4 && bytes <= 11 && distance < 2048 && random.chance(0.7))
    return [((distance >> 8) << 5) | ((bytes - 4) << 2) | 1, distance & 255];
  const near = [distance & 255, distance >> 8];
  return random.chance(0.9) ? [((bytes - 1) << 2) | 2, ...near] : [((bytes - 1) << 2) | 3, ...near, 0, 0];
}

/** Tags as they come for numbers, for texts and for runs, each for a while. */
function randomStream(random: SeededRandom): { stream: number[]; length: number } {
  const tags: number[] = [];
  let length = 0;
  const bytes = (count: number): number[] => Array.from({ length: count }, () => random.integer(0, 255));
  const put = (count: number, back: number, kept: number): void => {
    if (count > 0) tags.push(...literal(bytes(count)));
    length += count;
    const distance = Math.min(back, length);
    if (kept > 0 && distance > 0) tags.push(...copyOf(random, kept, distance));
    if (kept > 0 && distance > 0) length += kept;
  };
  for (let part = random.integer(1, 12); part > 0; part -= 1) {
    const [count, back, kind] = [random.integer(1, 5), random.pick([8, 8, 16, 24, 264]), random.integer(0, 3)];
    for (let pair = random.integer(0, 60); pair > 0; pair -= 1) {
      if (kind === 0) put(count, back, 8 - count);
      else if (kind === 1) put(random.integer(1, 4), random.integer(1, 600), random.integer(4, 12));
      else if (kind === 2) put(random.integer(0, 20), random.integer(1, 40), random.integer(1, 64));
      else put(random.chance(0.1) ? random.integer(60, 400) : 3, random.integer(7, 9), random.integer(4, 6));
    }
  }
  return { stream: [...varint(length), ...tags], length };
}

/** What a stream says, byte by byte; undefined where it says nothing that holds. */
function plainly(stream: readonly number[], room: number): number[] | undefined {
  let at = 0;
  const byte = (): number => stream[at++] ?? Number.NaN;
  const number = (bytes: number): number =>
    Array.from({ length: bytes }, byte).reduce((sum, next, index) => sum + next * 256 ** index, 0);
  let length = 0;
  for (let shift = 0, next = 128; next >= 128; shift += 7) {
    next = byte();
    if (Number.isNaN(next) || shift > 28) return undefined;
    length += (next & 127) * 2 ** shift;
  }
  if (length > room) return undefined;
  const text: number[] = [];
  while (at < stream.length) {
    const tag = byte();
    const size = tag >> 2;
    const kind = tag & 3;
    if (kind === 0) {
      const count = 1 + (size < 60 ? size : number(size - 59));
      if (!(count <= stream.length - at && count <= length - text.length)) return undefined;
      for (let i = 0; i < count; i += 1) text.push(byte());
      continue;
    }
    const count = kind === 1 ? (size & 7) + 4 : size + 1;
    const distance = kind === 1 ? (tag >> 5) * 256 + byte() : number(kind === 2 ? 2 : 4);
    if (!(distance > 0 && distance <= text.length && count <= length - text.length)) return undefined;
    for (let i = 0; i < count; i += 1) text.push(text[text.length - distance] as number);
  }
  return text.length === length ? text : undefined;
}

function expectSame(stream: readonly number[], room: number): void {
  memory.u8.set(stream, from);
  memory.u8.fill(GUARD, guard, guard + ROOM + 1024);
  const text = plainly(stream, room);
  const written = memory.kernels['snappyDecode']?.(from, from + stream.length, out, room);
  expect(written).toBe(text?.length ?? -1);
  if (text !== undefined) expect(Buffer.compare(memory.view(out, text.length), Uint8Array.from(text))).toBe(0);
  const isWhole = (at: number, bytes: number): boolean => memory.view(at, bytes).every((byte) => byte === GUARD);
  expect(isWhole(guard, out - guard)).toBe(true);
  expect(isWhole(out + room + SLACK, guard + ROOM + 1024 - (out + room + SLACK))).toBe(true);
}

describe('snappy', () => {
  it('of random tags', () => {
    const random = seededRandom();
    for (let round = 0; round < 150; round += 1) {
      const { stream, length } = randomStream(random);
      if (stream.length < 2 * ROOM && length < ROOM) expectSame(stream, length);
    }
  });

  it('of damaged bytes', () => {
    const random = seededRandom();
    for (let round = 0; round < 300; round += 1) {
      const { stream, length } = randomStream(random);
      if (stream.length >= 2 * ROOM || length >= ROOM) continue;
      for (let change = random.integer(1, 3); change > 0; change -= 1)
        stream[random.integer(0, stream.length - 1)] = random.chance(0.3)
          ? random.integer(0, 15)
          : random.integer(0, 255);
      expectSame(random.chance(0.2) ? stream.slice(0, random.integer(1, stream.length)) : stream, length);
    }
  });
});
