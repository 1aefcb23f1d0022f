/** Random writes against a plain sorted array: what is stored, in which order, and how row groups lie. */
import { type Fields, openStore, type RowGroupTarget, type WriteSettings } from '@spillway/core';
import { expect } from 'vitest';

import type { SeededRandom } from '../../../support/random.ts';
import { quickFolder } from '../../../support/temporary-folder.ts';
import { type Row, readRows, writeRows } from './write-rows.ts';

const key = { a: 'b' };

interface Kind {
  fields: Fields;
  /** The ordered value of a step. */
  at: (step: number) => unknown;
  periods: readonly RowGroupTarget[];
}

const others: Fields = [
  { name: 'k', type: 'dictionary<utf8>', nullable: true },
  { name: 'n', type: 'int32', nullable: true },
  { name: 'x', type: 'float64', nullable: true },
  { name: 'f', type: 'bool', nullable: true },
];

function kind(type: Fields[number]['type'], at: Kind['at'], periods: Kind['periods'] = []): Kind {
  return { fields: [{ name: 'ts', type, nullable: false }, ...others], at, periods };
}

const KINDS: readonly Kind[] = [
  kind('timestamp[us]', (step) => BigInt(step) * 3_600_000_000n, ['1d', '6h', '1mo', { monthDays: [10, -1] }]),
  kind('date32', (step) => step - 40, ['1w', '1mo']),
  kind('int64', (step) => BigInt(step) - 50n),
  kind('float64', (step) => step / 4),
  kind('utf8', (step) => `ä${String(step).padStart(4, '0')}`),
];

function randomRows(random: SeededRandom, { at }: Kind, count: number, span: number): Row[] {
  const steps = Array.from({ length: count }, () => random.integer(0, span)).sort((a, b) => a - b);
  return steps.map((step) => ({
    ts: at(step),
    k: random.pick(['a', 'b', 'c', null]),
    n: random.chance(0.1) ? null : random.integer(0, 3),
    x: random.pick([0, -0, NaN, 1.5, null]),
    f: random.pick([true, false, null]),
  }));
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0;
}

/** Values that are equal as identities have one text. */
function identity(row: Row, columns: readonly string[]): string {
  const text = (value: unknown): string => (value === 0 ? '0' : typeof value === 'bigint' ? `${value}` : String(value));
  return columns.map((name) => text(row[name])).join('|');
}

/** Stored rows before new ones, stable; of equal rows the last. */
function expectedRows(stored: Row[], added: Row[], duplicatesOn: readonly string[] | null): Row[] {
  const all = [...stored, ...added].sort((a, b) => compare(a['ts'], b['ts']));
  if (duplicatesOn === null) return all;
  const columns = duplicatesOn.length === 0 ? ['ts', 'k', 'n', 'x', 'f'] : ['ts', ...duplicatesOn];
  const last = new Map(all.map((row, i) => [identity(row, columns), i]));
  return all.filter((row, i) => last.get(identity(row, columns)) === i);
}

/** One dataset, written some times. */
export async function runHistory(random: SeededRandom): Promise<void> {
  const root = quickFolder();
  const chosen = random.pick(KINDS);
  const duplicatesOn = random.pick([null, ['ts'], ['k'], ['k', 'n'], ['x', 'f'], []]);
  const settings: WriteSettings & { batchRows: number } = {
    duplicatesOn,
    rowGroupTarget: random.pick([1, 3, 10, 1000, ...chosen.periods]),
    batchRows: random.integer(1, 40),
    ...(random.chance(0.5) ? { maxOffTargetRowGroups: random.integer(1, 4) } : {}),
  };
  const span = random.pick([5, 60, 400]);
  let rows: Row[] = [];
  for (let write = 0; write < random.integer(2, 6); write += 1) {
    const added = randomRows(random, chosen, random.pick([0, 1, 2, 15, 80]), span);
    await writeRows(root, key, chosen.fields, added, settings);
    rows = expectedRows(rows, added, duplicatesOn);
    const dataset = await (await openStore(root)).dataset(key);
    expect(await readRows(dataset)).toEqual(rows);
    const files = dataset.files();
    files.forEach((file, i) => {
      const next = files[i + 1];
      if (next !== undefined) expect(compare(file.max, next.min)).toBeLessThanOrEqual(0);
    });
    expect(files.reduce((sum, file) => sum + file.rows, 0)).toBe(rows.length);
  }
}
