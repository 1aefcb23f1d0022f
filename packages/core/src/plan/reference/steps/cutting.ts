/** Steps that take rows out of a stream, or cut it anew into logical inputs. */
import type { OperatorParts, ReferenceOperator } from '../contract.ts';
import type { Row, Value } from '../values.ts';
import { inputOf, keysOf, rowWise, type SpecOf } from './step-parts.ts';

export function flatten({ column }: SpecOf<'flatten'>, parts: OperatorParts): ReferenceOperator {
  const index = inputOf(parts).findIndex((field) => field.name === column);
  return rowWise(
    (rows) =>
      rows.flatMap((row) => ((row[index] ?? []) as readonly Value[]).map((element) => row.with(index, element))),
    parts,
  );
}

export function slice({ from, to = Infinity, step }: SpecOf<'slice'>, parts: OperatorParts): ReferenceOperator {
  let number = 0;
  return rowWise(
    (rows) =>
      rows.filter(() => {
        const at = number++;
        return at >= from && at < to && (at - from) % step === 0;
      }),
    parts,
  );
}

export function distinct({ by, max = Infinity }: SpecOf<'distinct'>, parts: OperatorParts): ReferenceOperator {
  const keyOf = keysOf(parts, by);
  let seen: string[] = [];
  const isNew = (row: Row): boolean => {
    const key = keyOf(row);
    const known = seen.includes(key);
    seen = [...seen.filter((other) => other !== key), key].slice(-Math.min(max, 1e9));
    return !known;
  };
  return rowWise((rows) => rows.filter(isNew), parts);
}

/** `interval` never fires here, as elsewhere. */
export function partition({ rows: size = Infinity, by }: SpecOf<'partition'>, parts: OperatorParts): ReferenceOperator {
  const keyOf = by.length === 0 ? () => '' : keysOf(parts, by);
  const isByKey = by.length > 0 && size !== Infinity;
  const groups = new Map<string, Row[]>();
  const flush = async (key: string): Promise<void> => {
    const rows = groups.get(key) ?? [];
    groups.delete(key);
    await parts.emit('out', rows);
  };
  return {
    async take(rows) {
      for (const row of rows) {
        const key = keyOf(row);
        if (!isByKey) for (const other of groups.keys()) if (other !== key) await flush(other);
        groups.set(key, [...(groups.get(key) ?? []), row]);
        if (groups.get(key)?.length === size) await flush(key);
      }
    },
    async end() {
      for (const key of groups.keys()) await flush(key);
    },
  };
}

export function partitionUnique(
  { rows: size = Infinity, by, keep }: SpecOf<'partitionUnique'>,
  parts: OperatorParts,
): ReferenceOperator {
  const keyOf = keysOf(parts, by);
  const held = new Map<string, Row>();
  const flush = async (): Promise<void> => {
    const rows = [...held.values()];
    held.clear();
    await parts.emit('out', rows);
  };
  return {
    async take(rows) {
      for (const row of rows) {
        const key = keyOf(row);
        if (keep === 'last') held.delete(key);
        if (!held.has(key)) held.set(key, row);
        if (held.size === size) await flush();
      }
    },
    async end() {
      if (held.size > 0) await flush();
    },
  };
}
