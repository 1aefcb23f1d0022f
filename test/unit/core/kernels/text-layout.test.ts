import { readFileSync } from 'node:fs';
import { CONVERT, INDEX, JSON_BAD_KIND, JSON_ROWS, VALUE_KIND, VALUE_STATUS } from '@spillway/core/internal';
import { expect, it } from 'vitest';

const text = ['csv-layout', 'json-layout']
  .map((name) => readFileSync(new URL(`../../../../packages/core/kernels/${name}.ts`, import.meta.url), 'utf8'))
  .join('');
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
  ['JSON_ROWS', JSON_ROWS, 'J_'],
  ['JSON_BAD_KIND', JSON_BAD_KIND, 'BAD_'],
  ['VALUE_STATUS', VALUE_STATUS, ''],
  ['VALUE_KIND', VALUE_KIND, ''],
] as const)('%s is laid out in the kernels as outside of them', (_, layout, prefix) => {
  const entries = Object.entries(layout as Record<string, number>).filter(([name]) => name !== 'bytes');
  expect(entries.map(([name]) => [name, constants.get(prefix + upper(name))])).toEqual(entries);
});
