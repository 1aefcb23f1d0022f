/** Random columns for the kernel tests: every type, nulls, and for doubles what is hard about them. */
import { KERNEL_TYPE_BYTES, type KernelType } from '@spillway/core/internal';
import type { FakeArena } from '../../../support/fake-arena.ts';

export const ALL_TYPES: readonly KernelType[] = ['i8', 'i16', 'i32', 'i64', 'u8', 'u16', 'u32', 'u64', 'f32', 'f64'];

/** How the doubles of a column come about. */
export const SHAPES = {
  prices: (random: () => number): number => Math.round(random() * 1e4) / 100 + 1,
  mixedSigns: (random: () => number): number => (random() - 0.5) * 100,
  withZeros: (random: () => number): number =>
    random() < 0.3 ? (random() < 0.5 ? 0 : -0) : Math.floor(random() * 9) - 4,
  onlyZeros: (random: () => number): number => (random() < 0.01 ? 0 : -0),
  wide: (random: () => number): number => (random() - 0.5) * 2 ** Math.floor(random() * 2000 - 1000),
  subnormal: (random: () => number): number => (random() - 0.5) * 2 ** -1050,
  huge: (random: () => number): number => (random() - 0.5) * 3e308,
  cancelling: (random: () => number): number => (random() < 0.5 ? 1 : -1) * (random() < 0.1 ? 1e300 : 1) * random(),
  withNaN: (random: () => number): number => (random() < 0.01 ? NaN : random()),
  withInfinity: (random: () => number): number =>
    random() < 0.002 ? (random() < 0.5 ? Infinity : -Infinity) : random(),
  steps: (random: () => number): number => Math.floor(random() * 3) * 2 ** (Math.floor(random() * 3) * 40),
} as const;
export type Shape = keyof typeof SHAPES;

/** Writes `rows` values of a type; integers fill their range. */
export function randomColumn(
  arena: FakeArena,
  type: KernelType,
  rows: number,
  random: () => number,
  shape: Shape = 'mixedSigns',
  offset = 0,
): number {
  const ptr = arena.room(rows * KERNEL_TYPE_BYTES[type], offset * KERNEL_TYPE_BYTES[type]);
  for (let row = 0; row < rows; row++) {
    const at = ptr + row * KERNEL_TYPE_BYTES[type];
    if (type === 'f64') arena.view.setFloat64(at, SHAPES[shape](random), true);
    else if (type === 'f32') arena.view.setFloat32(at, SHAPES[shape](random), true);
    else for (let byte = 0; byte < KERNEL_TYPE_BYTES[type]; byte++) arena.view.setUint8(at + byte, random() * 256);
  }
  return ptr;
}

/** A bitmap with about `share` of its bits set. */
export function randomBits(arena: FakeArena, rows: number, random: () => number, share: number): number {
  const bytes = Math.ceil(rows / 8);
  const ptr = arena.room(bytes);
  for (let byte = 0; byte < bytes; byte++) {
    let bits = 0;
    for (let bit = 0; bit < 8; bit++) if (random() < share) bits |= 1 << bit;
    arena.view.setUint8(ptr + byte, bits);
  }
  return ptr;
}
