/** Joins, one left row at a time: all right rows are there, and the ones that fit are looked for. */
import { PipelineError } from '../../errors.ts';
import type { Fields } from '../../schema/types.ts';
import { type JoinSpec, toleranceSteps } from '../join-fields.ts';
import type { JoinSide } from '../logical.ts';
import type { Emit, ReferenceOperator } from './operators.ts';
import type { Row, Value } from './values.ts';

/** Every logical input of the left side gives one, when both sides have ended. */
export function joinStream(spec: JoinSpec, inputs: readonly Fields[], emit: Emit): ReferenceOperator {
  const [left, right] = spec.sides.map((side, index) => new Side(side, inputs[index] as Fields)) as [Side, Side];
  const lefts: (readonly Row[])[] = [];
  const rights = new Map<string, Row[]>();
  const tolerance = toleranceSteps(spec, inputs[0] as Fields);
  const added = (spec.rightColumns ?? []).flatMap(({ column }) => {
    const index = (inputs[1] as Fields).findIndex((field) => field.name === column);
    return index < 0 ? [] : [index];
  });
  const beside = (row: Row, match: Row | undefined): Row => [
    ...row,
    ...added.map((index) => (match === undefined ? null : (match[index] as Value))),
  ];
  const matchesOf = (row: Row): Row[] => {
    const key = left.keyOf(row);
    const time = left.timeOf(row);
    const candidates = (key === undefined ? undefined : rights.get(key)) ?? [];
    if (spec.strategy === 'inner') return candidates.filter((candidate) => right.timeOf(candidate) === time);
    return candidates.filter((candidate) => right.timeOf(candidate) <= time).slice(-1);
  };
  return {
    take(rows, input) {
      if (input === 0) lefts.push(left.inOrder(rows));
      else {
        for (const row of right.inOrder(rows)) {
          const key = right.keyOf(row);
          if (key === undefined) continue;
          const group = rights.get(key);
          if (group === undefined) rights.set(key, [row]);
          else group.push(row);
        }
      }
      return Promise.resolve();
    },
    async end() {
      for (const rows of lefts) {
        const joined = rows.flatMap((row) => {
          const matches = matchesOf(row);
          if (spec.strategy === 'inner') return matches.map((match) => beside(row, match));
          const isNear =
            tolerance === undefined || matches.every((match) => left.timeOf(row) - right.timeOf(match) <= tolerance);
          return [beside(row, isNear ? matches[0] : undefined)];
        });
        await emit('out', joined);
      }
    },
  };
}

/** One side's compared columns. */
class Side {
  readonly #side: JoinSide;
  readonly #on: number;
  readonly #by: readonly number[];
  #last: bigint | undefined;

  constructor(side: JoinSide, fields: Fields) {
    const indexOf = (name: string): number => fields.findIndex((field) => field.name === name);
    this.#side = side;
    this.#on = indexOf(side.on);
    this.#by = side.by.map(indexOf);
  }

  timeOf(row: Row): bigint {
    return row[this.#on] as bigint;
  }

  /** Undefined when a key is null: it equals nothing. */
  keyOf(row: Row): string | undefined {
    const keys = this.#by.map((index) => row[index] as Value);
    return keys.includes(null) ? undefined : JSON.stringify(keys.map(String));
  }

  /** @throws ERR_INPUT_UNORDERED */
  inOrder(rows: readonly Row[]): readonly Row[] {
    for (const row of rows) {
      const value = row[this.#on] as bigint | null;
      if (value === null || (this.#last !== undefined && value < this.#last)) {
        const { name, on } = this.#side;
        throw new PipelineError(
          'ERR_INPUT_UNORDERED',
          `"${on}" of "${name}" is ${String(value)} after ${String(this.#last)}`,
          {
            column: on,
            value: String(value),
          },
        );
      }
      this.#last = value;
    }
    return rows;
  }
}
