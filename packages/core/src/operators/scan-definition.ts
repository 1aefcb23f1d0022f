/** Scans: ops that take one row after the other with a state, without the loop over columns. */
import type { RecordBatch } from 'apache-arrow';
import { isTemporal, parseType } from '../schema/parse-type.ts';
import type { Fields, Shape } from '../schema/types.ts';
import { defineOp, type OpDefinition, type OpInstance } from './op-definition.ts';
import type { OptionsOutput, OptionsSpec } from './op-options.ts';

type NumberType = 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32' | 'float32' | 'float64' | 'date32';

/** A value as a scan sees it: times as whole numbers in the unit of their type, null where there is none. */
type ScanValue<T> = T extends NumberType | `time32${string}`
  ? number | null
  : T extends 'int64' | 'uint64' | 'date64' | `timestamp${string}` | `duration${string}` | `time64${string}`
    ? bigint | null
    : T extends 'utf8' | 'dictionary<utf8>'
      ? string | null
      : T extends 'bool'
        ? boolean | null
        : unknown;

/** A row as a scan sees it. */
export type ScanRow<S> = { readonly [K in keyof S]: ScanValue<S[K]> };

type Given<T> = ScanValue<T> extends infer V ? (bigint extends V ? V | number : V) : never;

/** What `defineScan` takes. */
export interface ScanConfig<I extends Shape, O extends Shape | 'same', A extends Shape, D extends OptionsSpec, State> {
  name?: string;
  /** Columns that a row has. */
  input: I;
  /** `'same'`: all columns of the stream, and those of `adds`. */
  output: O;
  adds?: A;
  options?: D;
  init(options: OptionsOutput<D>): State;
  /** Takes a row. Gives the state for the next one, and what comes out: its columns, with `'same'` those of `adds`. */
  step(
    state: State,
    row: ScanRow<I>,
    options: OptionsOutput<D>,
  ): readonly [State, { readonly [K in keyof (O extends Shape ? O : A)]: Given<(O extends Shape ? O : A)[K]> }];
}

/**
 * Defines a scan, in a module of its own like any op: every row gives one row, from it and what was before. The state is plain data.
 *
 * @param url `import.meta.url` of that module.
 * @throws ERR_OPTIONS when the definition itself is wrong
 * @example
 * ```ts
 * export const runningTotal = defineScan(import.meta.url, {
 *   input: { qty: 'int32' }, output: 'same', adds: { total: 'int64' },
 *   init: () => 0, step: (total, { qty }) => [total + (qty ?? 0), { total: total + (qty ?? 0) }],
 * });
 * ```
 */
export function defineScan<
  State,
  const I extends Shape,
  const O extends Shape | 'same' = 'same',
  const A extends Shape = Record<never, never>,
  const D extends OptionsSpec = Record<never, never>,
>(url: string, config: ScanConfig<I, O, A, D, State>): OpDefinition<I, O, A, D> {
  const { init, step, ...others } = config;
  const made = Object.keys((config.output === 'same' ? config.adds : config.output) ?? {});
  const definition = defineOp<I, O, A, D>(url, {
    ...(others as object as { output: O }),
    create: (options, context) => {
      let state = init(options);
      const scan = (batch: RecordBatch): Record<string, unknown[]> => {
        const rowOf = rowReader(batch, context.input, Object.keys(config.input));
        const columns: Record<string, unknown[]> = Object.fromEntries(made.map((name) => [name, []]));
        for (let row = 0; row < batch.numRows; row++) {
          const [next, values] = step(state, rowOf(row) as ScanRow<I>, options);
          state = next;
          for (const name of made) columns[name]?.push((values as Record<string, unknown>)[name]);
        }
        return columns;
      };
      return {
        process: scan,
        snapshot: () => state,
        restore: (saved: State) => {
          state = saved;
        },
      } as OpInstance as never;
    },
  });
  return Object.assign(definition, { savesState: true as const });
}

/** Reads rows of a batch as objects. */
function rowReader(
  batch: RecordBatch,
  fields: Fields,
  names: readonly string[],
): (row: number) => Record<string, unknown> {
  const readers = names.map((name) => {
    const vector = batch.getChild(name);
    const [data] = vector?.data ?? [];
    const type = fields.find((field) => field.name === name)?.type;
    // Arrow reads times as milliseconds, with a loss.
    const isRaw = type !== undefined && isTemporal(type) && parseType(type).physical === 'fixed';
    const values = data?.values as ArrayLike<unknown> | undefined;
    const read = (row: number): unknown =>
      isRaw && data !== undefined ? (data.getValid(row) ? values?.[row] : null) : vector?.get(row);
    return { name, read };
  });
  return (row) => Object.fromEntries(readers.map(({ name, read }) => [name, read(row)]));
}
