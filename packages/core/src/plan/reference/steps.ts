/** The smaller steps, on plain rows: all rows are kept where that is simpler, nothing is clever. */
import { PipelineError } from '../../errors.ts';
import type { Fields } from '../../schema/types.ts';
import { latenessSteps } from '../steps/reorder.ts';
import { periodSteps } from '../steps/rolling.ts';
import type { StepSpec } from '../steps/specs.ts';
import { computationOf } from './aggregate-functions.ts';
import { interpret } from './interpret.ts';
import type { OperatorParts, ReferenceOperator } from './operators.ts';
import type { Row, Value } from './values.ts';

type SpecOf<K extends StepSpec['kind']> = Extract<StepSpec, { kind: K }>;

/** Makes one of the steps that `traits.ts` lists. */
export function referenceStep(spec: StepSpec, parts: OperatorParts): ReferenceOperator {
  switch (spec.kind) {
    case 'slidingWindow':
      return slidingWindow(spec, parts);
    case 'rename':
      return rowWise((rows) => rows, parts);
    case 'flatten':
      return flatten(spec, parts);
    case 'slice':
      return slice(spec, parts);
    case 'distinct':
      return distinct(spec, parts);
    case 'partition':
      return partition(spec, parts);
    case 'partitionUnique':
      return partitionUnique(spec, parts);
    case 'shift':
      return shift(spec, parts);
    case 'reorder':
      return reorder(spec, parts);
    case 'rolling':
      return rolling(spec, parts);
    case 'delay':
    case 'rateLimit':
    case 'latest':
      // What they do is a matter of time: here nothing comes late, and nothing is too slow.
      return rowWise((rows) => rows, parts);
    case 'union':
      return union(parts);
    case 'mergeOrdered':
      return mergeOrdered(spec, parts);
    case 'zip':
      return zip(parts);
    case 'combineLatest':
      return combineLatest(spec, parts);
    case 'collectUntilFlush':
      return collectUntilFlush(parts);
    case 'makeStates':
    case 'mergeStates':
      throw new PipelineError('ERR_INTERNAL', `${parts.node.name}: half of a plan that was cut`);
    case 'dropNulls':
    case 'fillNulls':
      throw new PipelineError('ERR_INTERNAL', `${parts.node.name}: becomes expressions when the plan is resolved`);
  }
}

/** Changes the rows of each input. */
function rowWise(change: (rows: readonly Row[]) => readonly Row[], { emit }: OperatorParts): ReferenceOperator {
  return { take: (rows) => emit('out', change(rows)), end: () => Promise.resolve() };
}

function inputOf({ node }: OperatorParts): Fields {
  return node.inputFields[0] as Fields;
}

/** Rows that are equal in these columns, or in all, have equal texts. */
function keysOf(parts: OperatorParts, names: readonly string[]): (row: Row) => string {
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

/** Emits each window as one logical batch. */
function slidingWindow(spec: SpecOf<'slidingWindow'>, { emit }: OperatorParts): ReferenceOperator {
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

function flatten({ column }: SpecOf<'flatten'>, parts: OperatorParts): ReferenceOperator {
  const index = inputOf(parts).findIndex((field) => field.name === column);
  return rowWise(
    (rows) =>
      rows.flatMap((row) => ((row[index] ?? []) as readonly Value[]).map((element) => row.with(index, element))),
    parts,
  );
}

function slice({ from, to = Infinity, step }: SpecOf<'slice'>, parts: OperatorParts): ReferenceOperator {
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

function distinct({ by, max = Infinity }: SpecOf<'distinct'>, parts: OperatorParts): ReferenceOperator {
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
function partition({ rows: size = Infinity, by }: SpecOf<'partition'>, parts: OperatorParts): ReferenceOperator {
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

function partitionUnique(
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

/** Keeps all rows; a row goes on when the one that it is compared with is there. */
function shift(spec: SpecOf<'shift'>, parts: OperatorParts): ReferenceOperator {
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

/** A row of an input with its columns in the order of the first. */
function orderOf({ node }: OperatorParts, input: number): (row: Row) => Row {
  const [first = []] = node.inputFields;
  const own = node.inputFields[input] ?? [];
  const places = first.map(({ name }) => own.findIndex((field) => field.name === name));
  return (row) => places.map((place) => row[place] as Value);
}

function union(parts: OperatorParts): ReferenceOperator {
  return { take: (rows, input) => parts.emit('out', rows.map(orderOf(parts, input))), end: () => Promise.resolve() };
}

/** Emits logical batches of 65,536 rows, and one with the rest. */
function mergeOrdered({ on, names }: SpecOf<'mergeOrdered'>, parts: OperatorParts): ReferenceOperator {
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
function zip({ emit, node }: OperatorParts): ReferenceOperator {
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

function combineLatest({ isLossless }: SpecOf<'combineLatest'>, { emit, node }: OperatorParts): ReferenceOperator {
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

function collectUntilFlush({ emit }: OperatorParts): ReferenceOperator {
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

/** Each logical input gives the rows that none to come may precede; late ones go to `late`, or nowhere. */
function reorder(spec: SpecOf<'reorder'>, parts: OperatorParts): ReferenceOperator {
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
function rolling(spec: SpecOf<'rolling'>, parts: OperatorParts): ReferenceOperator {
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
