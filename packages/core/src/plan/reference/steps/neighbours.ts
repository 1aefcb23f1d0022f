/** Steps that look at rows beside a row: all rows are kept. */
import { PipelineError } from '../../../errors.ts';
import type { Fields } from '../../../schema/types.ts';
import { latenessSteps } from '../../steps/reorder.ts';
import { periodSteps } from '../../steps/rolling.ts';
import { computationOf } from '../aggregate-functions.ts';
import type { OperatorParts, ReferenceOperator } from '../contract.ts';
import { interpret } from '../interpret.ts';
import type { Row } from '../values.ts';
import { inputOf, keysOf, type SpecOf } from './step-parts.ts';

/** Emits each window as one logical batch. */
export function slidingWindow(spec: SpecOf<'slidingWindow'>, { emit }: OperatorParts): ReferenceOperator {
  const all: Row[] = [];
  let end = spec.partial ? spec.every : spec.rows;
  let number = 0n;
  const window = (): Promise<void> => {
    const rows = all.slice(Math.max(0, end - spec.rows), end);
    const numbered = spec.number === undefined ? rows : rows.map((row) => [...row, number]);
    end += spec.every;
    number += 1n;
    return emit('out', numbered);
  };
  return {
    async take(rows) {
      for (const row of rows) all.push(row);
      while (end <= all.length) await window();
    },
    async end() {
      if (spec.partial && all.length > end - spec.every) await window();
    },
  };
}

/** Keeps all rows; a row goes on when the one that it is compared with is there. */
export function shift(spec: SpecOf<'shift'>, parts: OperatorParts): ReferenceOperator {
  const { emit, node } = parts;
  const input = inputOf(parts);
  const keyOf = spec.by.length === 0 ? () => '' : keysOf(parts, spec.by);
  const groups = new Map<string, Row[]>();
  const all: { row: Row; group: Row[]; place: number }[] = [];
  let next = 0;
  const wide: Fields = [...input, ...(node.outputFields['out'] as Fields).slice(input.length)].map((field, index) => {
    const column = spec.columns[index - input.length]?.column;
    return column === undefined
      ? field
      : { ...field, type: input.find(({ name }) => name === column)?.type ?? field.type };
  });
  const shifted = ({ row, group, place }: (typeof all)[number]): Row => {
    const other = group[place - spec.rows];
    const values = spec.columns.map(({ column }) => other?.[input.findIndex(({ name }) => name === column)] ?? null);
    if (!spec.isDifference) return [...row, ...values];
    const differences = spec.columns.map(({ column, as }) =>
      interpret(
        { kind: 'binary', fn: 'sub', left: { kind: 'col', name: column }, right: { kind: 'col', name: as } },
        [...row, ...values],
        wide,
      ),
    );
    return [...row, ...differences];
  };
  const takeUpTo = (end: number): Row[] => {
    const from = Math.min(next, end);
    next = end;
    return all.slice(from, end).map(shifted);
  };
  return {
    async take(rows) {
      for (const row of rows) {
        const key = keyOf(row);
        const group = groups.get(key) ?? [];
        groups.set(key, group);
        all.push({ row, group, place: group.push(row) - 1 });
      }
      const waiting = all.findIndex(({ group, place }, at) => at >= next && place - spec.rows >= group.length);
      await emit('out', takeUpTo(waiting < 0 ? all.length : waiting));
    },
    async end() {
      if (next < all.length) await emit('out', takeUpTo(all.length));
    },
  };
}

/** Each logical input gives the rows that none to come may precede; late ones go to `late`, or nowhere. */
export function reorder(spec: SpecOf<'reorder'>, parts: OperatorParts): ReferenceOperator {
  const { emit } = parts;
  const input = inputOf(parts);
  const index = input.findIndex((field) => field.name === spec.on);
  const lateness = latenessSteps(spec, input);
  const timeOf = (row: Row): bigint => row[index] as bigint;
  let waiting: Row[] = [];
  let latest: bigint | undefined;
  const release = (bound: bigint | undefined): Row[] => {
    const isOut = (row: Row): boolean => bound === undefined || timeOf(row) <= bound;
    const out = waiting.filter(isOut).sort((a, b) => (timeOf(a) < timeOf(b) ? -1 : timeOf(a) > timeOf(b) ? 1 : 0));
    waiting = waiting.filter((row) => !isOut(row));
    return out;
  };
  return {
    async take(rows) {
      const late: Row[] = [];
      for (const row of rows) {
        const isLate = row[index] === null || (latest !== undefined && timeOf(row) < latest - lateness);
        if (isLate && (spec.lateRows === 'error' || row[index] === null))
          throw new PipelineError('ERR_INPUT_UNORDERED', `"${spec.on}" is ${String(row[index])}, too late`, {
            column: spec.on,
          });
        (isLate ? late : waiting).push(row);
        if (!isLate && (latest === undefined || timeOf(row) > latest)) latest = timeOf(row);
      }
      if (spec.lateRows === 'side') await emit('late', late);
      await emit('out', latest === undefined ? [] : release(latest - lateness));
    },
    async end() {
      if (waiting.length > 0) await emit('out', release(undefined));
    },
  };
}

/** Every row with the aggregates of its window, all of it looked at again. */
export function rolling(spec: SpecOf<'rolling'>, parts: OperatorParts): ReferenceOperator {
  const { emit } = parts;
  const input = inputOf(parts);
  const on = input.findIndex((field) => field.name === spec.on);
  const period = periodSteps(spec, input);
  const keyOf = spec.by.length === 0 ? () => '' : keysOf(parts, spec.by);
  const groups = new Map<string, Row[]>();
  const computation = computationOf(spec.columns, input);
  let last: bigint | undefined;
  return {
    async take(rows) {
      const { compute } = await computation;
      const result = rows.map((row) => {
        const time = row[on] as bigint | null | undefined;
        if (period !== undefined && (time === null || (last !== undefined && (time as bigint) < last)))
          throw new PipelineError('ERR_INPUT_UNORDERED', `"${spec.on}" goes back to ${String(time)}`, {
            column: spec.on ?? '',
          });
        last = time ?? last;
        const key = keyOf(row);
        const group = [...(groups.get(key) ?? []), row];
        groups.set(key, group);
        const inPeriod =
          period === undefined ? group : group.filter((other) => (other[on] as bigint) > (time as bigint) - period);
        const window = spec.rows === undefined ? inPeriod : inPeriod.slice(-spec.rows);
        const values = compute(window);
        return [...row, ...(window.length < spec.minRows ? values.map(() => null) : values)];
      });
      await emit('out', result);
    },
    end: () => Promise.resolve(),
  };
}
