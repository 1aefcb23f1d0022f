/** What the reference form of the smaller steps is made of. */
import type { Fields } from '../../../schema/types.ts';
import type { StepSpec } from '../../steps/specs.ts';
import type { OperatorParts, ReferenceOperator } from '../contract.ts';
import type { Row, Value } from '../values.ts';

export type SpecOf<K extends StepSpec['kind']> = Extract<StepSpec, { kind: K }>;

/** Changes the rows of each input. */
export function rowWise(change: (rows: readonly Row[]) => readonly Row[], { emit }: OperatorParts): ReferenceOperator {
  return { take: (rows) => emit('out', change(rows)), end: () => Promise.resolve() };
}

export function inputOf({ node }: OperatorParts): Fields {
  return node.inputFields[0] as Fields;
}

/** Rows that are equal in these columns, or in all, have equal texts. */
export function keysOf(parts: OperatorParts, names: readonly string[]): (row: Row) => string {
  const input = inputOf(parts);
  const indices =
    names.length === 0 ? input.keys() : names.map((name) => input.findIndex((field) => field.name === name));
  const list = [...indices];
  const plain = (value: Value | undefined): unknown => {
    if (typeof value === 'number') return String(value === 0 ? 0 : value);
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof Uint8Array) return ['bytes', ...value];
    return Array.isArray(value) ? (value as readonly Value[]).map(plain) : (value ?? null);
  };
  return (row) => JSON.stringify(list.map((index) => plain(row[index])));
}
