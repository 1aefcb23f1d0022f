/** Steps that make one stream of several. */
import { PipelineError } from '../../../errors.ts';
import type { OperatorParts, ReferenceOperator } from '../contract.ts';
import type { Row, Value } from '../values.ts';
import { inputOf, type SpecOf } from './step-parts.ts';

/** A row of an input with its columns in the order of the first. */
function orderOf({ node }: OperatorParts, input: number): (row: Row) => Row {
  const [first = []] = node.inputFields;
  const own = node.inputFields[input] ?? [];
  const places = first.map(({ name }) => own.findIndex((field) => field.name === name));
  return (row) => places.map((place) => row[place] as Value);
}

export function union(parts: OperatorParts): ReferenceOperator {
  return { take: (rows, input) => parts.emit('out', rows.map(orderOf(parts, input))), end: () => Promise.resolve() };
}

/** Emits logical batches of 65,536 rows, and one with the rest. */
export function mergeOrdered({ on, names }: SpecOf<'mergeOrdered'>, parts: OperatorParts): ReferenceOperator {
  const index = inputOf(parts).findIndex((field) => field.name === on);
  const all = names.map((): Row[] => []);
  const timeOf = (row: Row | undefined): bigint => row?.[index] as bigint;
  return {
    take(rows, input) {
      for (const row of rows.map(orderOf(parts, input))) {
        const before = all[input]?.at(-1);
        if (row[index] === null || (before !== undefined && timeOf(row) < timeOf(before)))
          throw new PipelineError('ERR_INPUT_UNORDERED', `"${on}" of "${names[input]}" goes back`, { column: on });
        all[input]?.push(row);
      }
      return Promise.resolve();
    },
    async end() {
      const merged = all
        .flat()
        .sort((left, right) => (timeOf(left) < timeOf(right) ? -1 : timeOf(left) > timeOf(right) ? 1 : 0));
      for (let from = 0; from < merged.length; from += 65_536)
        await parts.emit('out', merged.slice(from, from + 65_536));
    },
  };
}

/** Every logical input of the first side gives one, as far as the others go. */
export function zip({ emit, node }: OperatorParts): ReferenceOperator {
  const inputs: (readonly Row[])[][] = node.inputFields.map(() => []);
  return {
    take(rows, input) {
      inputs[input]?.push(rows);
      return Promise.resolve();
    },
    async end() {
      const [first = [], ...others] = inputs;
      const rest = others.map((batches) => batches.flat());
      let at = 0;
      for (const rows of first) {
        const left = Math.min(rows.length, ...rest.map((all) => all.length - at));
        const isOver = left < rows.length;
        if (left === 0 && isOver) break;
        await emit(
          'out',
          rows.slice(0, left).map((row, index) => [row, ...rest.map((all) => all[at + index] ?? [])].flat()),
        );
        at += left;
        if (isOver) break;
      }
    },
  };
}

export function combineLatest(
  { isLossless }: SpecOf<'combineLatest'>,
  { emit, node }: OperatorParts,
): ReferenceOperator {
  const latest: (Row | undefined)[] = node.inputFields.map(() => undefined);
  const waiting: (readonly Row[])[] = [];
  const beside = (rows: readonly Row[], input: number): Row[] =>
    rows.map((row) => latest.map((other, index) => (index === input ? row : (other as Row))).flat());
  const hasAll = (input: number): boolean => latest.every((row, index) => index === input || row !== undefined);
  return {
    async take(rows, input) {
      if (isLossless && input === 0) waiting.push(rows);
      else latest[input] = rows.at(-1) ?? latest[input];
      if (isLossless && hasAll(0)) for (const held of waiting.splice(0)) await emit('out', beside(held, 0));
      if (!isLossless && hasAll(input)) await emit('out', beside(rows, input));
    },
    end: () => Promise.resolve(),
  };
}

export function collectUntilFlush({ emit }: OperatorParts): ReferenceOperator {
  let held: Row[] = [];
  const flush = async (): Promise<void> => {
    const rows = held;
    held = [];
    if (rows.length > 0) await emit('out', rows);
  };
  return {
    async take(rows, input) {
      if (input === 0) held.push(...rows);
      else if (rows.length > 0) await flush();
    },
    end: flush,
  };
}
