import { readFileSync } from 'node:fs';
import { CONVERT, INDEX, VALUE_KIND, VALUE_STATUS } from '@spillway/core/internal';
import { expect, it } from 'vitest';

const text = readFileSync(new URL('../../../../packages/core/kernels/csv-layout.ts', import.meta.url), 'utf8');
const constants = new Map(
  [...text.matchAll(/export const (\w+): \w+ = (\d+);/g)].map(([, name, value]) => [name, Number(value)]),
);

/** `isEof` as `IS_EOF`. */
function upper(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}

it.each([
  ['INDEX', INDEX, ''],
  ['CONVERT', CONVERT, 'C_'],
  ['VALUE_STATUS', VALUE_STATUS, ''],
  ['VALUE_KIND', VALUE_KIND, ''],
] as const)('%s is laid out in the kernels as outside of them', (_, layout, prefix) => {
  const entries = Object.entries(layout as Record<string, number>).filter(([name]) => name !== 'bytes');
  expect(entries.map(([name]) => [name, constants.get(prefix + upper(name))])).toEqual(entries);
});
