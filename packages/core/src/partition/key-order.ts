/** Keys of a sort as text, and their order: what tasks tell of their rows, and the coordinator compares. */
import type { ExpressionNode } from '../expressions/node.ts';
import { classOf } from '../expressions/step.ts';
import type { SortKey } from '../plan/logical.ts';
import type { Fields } from '../schema/types.ts';
import type { RangeKey } from './contract.ts';

/** By what rows are shared out that are sorted by these columns; undefined where text does not tell values of the first. */
export function rangeKey([first]: readonly SortKey[], fields: Fields): RangeKey | undefined {
  const type = fields.find(({ name }) => name === first?.column)?.type;
  if (first === undefined || type === undefined) return undefined;
  const kind = classOf(type);
  return kind === 'opaque' || kind === 'bool' ? undefined : { ...first, type };
}

/** The key of a row as text. */
export function keyText({ column, type }: RangeKey): ExpressionNode {
  const value: ExpressionNode = { kind: 'col', name: column };
  const kind = classOf(type);
  const isTime = kind !== 'int' && kind !== 'float' && kind !== 'text';
  return { kind: 'cast', to: 'utf8', arg: isTime ? { kind: 'cast', to: 'int64', arg: value } : value };
}

/** What the text of a key says. */
export type KeyValue = bigint | number | Buffer | null;

export interface Order {
  parse: (text: string | null) => KeyValue;
  /** Below 0 when the first comes before the second. */
  compare: (a: KeyValue, b: KeyValue) => number;
}

export function keyOrder({ type, descending, nulls }: RangeKey): Order {
  const kind = classOf(type);
  const ofNull = nulls === 'first' ? -1 : 1;
  return {
    parse: (text) => {
      if (text === null) return null;
      if (kind === 'text') return Buffer.from(text);
      return kind === 'float' ? Number(text) : BigInt(text);
    },
    compare: (a, b) => {
      if (a === null || b === null) return a === b ? 0 : a === null ? ofNull : -ofNull;
      return descending ? compareValues(b, a) : compareValues(a, b);
    },
  };
}

/** Of one type, neither null. */
function compareValues(a: bigint | number | Buffer, b: bigint | number | Buffer): number {
  if (Buffer.isBuffer(a) && Buffer.isBuffer(b)) return Buffer.compare(a, b);
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}
