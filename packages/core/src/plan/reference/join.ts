/** Joins, one left row at a time: all right rows are there, and the ones that fit are looked for. */
import { PipelineError } from '../../errors.ts';
import { type JoinTimes, joinTimes } from '../../operators/join/join-times.ts';
import type { Fields } from '../../schema/types.ts';
import type { JoinSide, JoinSpec } from '../logical.ts';
import type { Emit, ReferenceOperator } from './contract.ts';
import type { Row, Value } from './values.ts';

/** A row, when it is, and what it equals. */
interface Placed {
  row: Row;
  time: bigint;
  /** Undefined when a key is null: it equals nothing. */
  key: string | undefined;
}

/** Every logical input of the left side gives one, when both sides have ended; a `full` join may give one more. */
export function joinStream(spec: JoinSpec, inputs: readonly Fields[], emit: Emit): ReferenceOperator {
  const times = joinTimes(spec, inputs);
  const [left, right] = spec.sides.map(
    (side, index) => new Side(side, inputs[index] as Fields, times.scales[index] as bigint),
  ) as [Side, Side];
  const lefts: Placed[][] = [];
  const rights: Placed[] = [];
  const shape = new OutputRows(spec, inputs, times);
  return {
    take(rows, input) {
      if (input === 0) lefts.push(left.inOrder(rows));
      else rights.push(...right.inOrder(rows));
      return Promise.resolve();
    },
    async end() {
      const byKey = new Map<string, Placed[]>();
      for (const row of rights) {
        if (row.key === undefined) continue;
        const group = byKey.get(row.key);
        if (group === undefined) byKey.set(row.key, [row]);
        else group.push(row);
      }
      const matched = new Set<Placed>();
      let next = 0;
      const rightOnly = (before: bigint | undefined): Row[] => {
        const rows: Row[] = [];
        for (; next < rights.length; next++) {
          const candidate = rights[next] as Placed;
          if (before !== undefined && candidate.time >= before) break;
          if (!matched.has(candidate)) rows.push(shape.rightOnly(candidate));
        }
        return rows;
      };
      for (const rows of lefts) {
        const joined = rows.flatMap((row) => {
          const first = spec.strategy === 'full' ? rightOnly(row.time) : [];
          const candidates = (row.key === undefined ? undefined : byKey.get(row.key)) ?? [];
          const matches = matchesOf(spec, times, row, candidates);
          for (const match of matches) matched.add(match);
          return [...first, ...shape.of(row, matches)];
        });
        await emit('out', joined);
      }
      const rest = spec.strategy === 'full' ? rightOnly(undefined) : [];
      if (rest.length > 0) await emit('out', rest);
    },
  };
}

/** Of the right rows of its key, in order, those that a left row is joined with. */
function matchesOf(spec: JoinSpec, times: JoinTimes, { time }: Placed, candidates: readonly Placed[]): Placed[] {
  if (spec.strategy === 'interval')
    return candidates.filter((other) => other.time >= time + times.from && other.time <= time + times.to);
  if (spec.strategy !== 'asof') return candidates.filter((other) => other.time === time);
  const { tolerance } = times;
  const distance = (other: Placed): bigint => (other.time > time ? other.time - time : time - other.time);
  const near = candidates.filter(
    (other) =>
      (tolerance === undefined || distance(other) <= tolerance) && !(spec.strict === true && other.time === time),
  );
  const before = near.filter((other) => other.time <= time).slice(-1);
  const after = near.filter((other) => other.time >= time).slice(0, 1);
  if (spec.direction === 'forward') return after;
  if (spec.direction !== 'nearest') return before;
  const [one] = before;
  const [other] = after;
  return one === undefined || (other !== undefined && distance(other) < distance(one)) ? after : before;
}

/** Rows of the output. */
class OutputRows {
  readonly #spec: JoinSpec;
  readonly #added: readonly number[];
  /** By left column: the right column that it equals, -1 for none. */
  readonly #compared: readonly number[];
  readonly #leftOn: number;
  readonly #scale: bigint;

  constructor(spec: JoinSpec, [left, right]: readonly Fields[], { scales }: JoinTimes) {
    const rightIndex = (name: string | undefined): number => (right ?? []).findIndex((field) => field.name === name);
    const [leftSide, rightSide] = spec.sides as [JoinSide, JoinSide];
    this.#spec = spec;
    this.#added = (spec.rightColumns ?? []).map(({ column }) => rightIndex(column)).filter((index) => index >= 0);
    this.#compared = (left ?? []).map(({ name }) =>
      name === leftSide.on ? rightIndex(rightSide.on) : rightIndex(rightSide.by[leftSide.by.indexOf(name)]),
    );
    this.#leftOn = (left ?? []).findIndex(({ name }) => name === leftSide.on);
    this.#scale = scales[1];
  }

  of({ row }: Placed, matches: readonly Placed[]): Row[] {
    const { strategy } = this.#spec;
    if (strategy === 'semi') return matches.length > 0 ? [row] : [];
    if (strategy === 'anti') return matches.length > 0 ? [] : [row];
    if (matches.length > 0)
      return matches.map((match) => [...row, ...this.#added.map((index) => match.row[index] as Value)]);
    return strategy === 'inner' || strategy === 'interval' ? [] : [[...row, ...this.#added.map(() => null)]];
  }

  rightOnly({ row }: Placed): Row {
    const left = this.#compared.map((index, position): Value => {
      if (index < 0) return null;
      const value = row[index] as Value;
      return position === this.#leftOn ? scaled(value, this.#scale) : value;
    });
    return [...left, ...this.#added.map((index) => row[index] as Value)];
  }
}

function scaled(value: Value, scale: bigint): Value {
  if (scale === 1n) return value;
  return BigInt(value as bigint | number) * scale;
}

/** One side's compared columns. */
class Side {
  readonly #side: JoinSide;
  readonly #on: number;
  readonly #by: readonly number[];
  readonly #scale: bigint;
  #last: bigint | undefined;

  constructor(side: JoinSide, fields: Fields, scale: bigint) {
    const indexOf = (name: string): number => fields.findIndex((field) => field.name === name);
    this.#side = side;
    this.#on = indexOf(side.on);
    this.#by = side.by.map(indexOf);
    this.#scale = scale;
  }

  #keyOf(row: Row): string | undefined {
    const keys = this.#by.map((index) => row[index] as Value);
    return keys.includes(null) ? undefined : JSON.stringify(keys.map(String));
  }

  /** @throws ERR_INPUT_UNORDERED */
  inOrder(rows: readonly Row[]): Placed[] {
    return rows.map((row) => {
      const value = row[this.#on] as bigint | number | null;
      const time = value === null ? null : BigInt(value) * this.#scale;
      if (time === null || (this.#last !== undefined && time < this.#last)) {
        const { name, on } = this.#side;
        throw new PipelineError(
          'ERR_INPUT_UNORDERED',
          `"${on}" of "${name}" is ${String(value)} after ${String(this.#last)}`,
          { column: on, value: String(value) },
        );
      }
      this.#last = time;
      return { row, time, key: this.#keyOf(row) };
    });
  }
}
