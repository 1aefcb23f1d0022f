import { allocBatch, type BatchDraft, type DraftColumn } from '../../batch/alloc-batch.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { TAKE_NOTHING } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { Fields } from '../../schema/types.ts';
import type { OperatorContext } from '../contract.ts';

/** Rows [first, first + rows) of all places, in memory. */
interface RowsInMemory {
  first: number;
  rows: number;
  columns: readonly Column[];
}

/** Rows as the join holds them: in memory, or not. */
interface HeldRun {
  first: number;
  rows: number;
  held: { columns: readonly Column[] } | undefined;
}

/** So many runs at most are gone through for places that may lie in any of them. */
const LATEST = 4;
const WIDTHS = [1, 2, 4, 8];

/**
 * The last few of many runs, latest first, with the columns at `positions`. Undefined where the first of the places, which mostly ascend, lies before them,
 * or a column is not in memory or no plain one: values of 1 to 8 bytes without nulls.
 */
export function latestRuns(
  runs: readonly HeldRun[],
  positions: readonly number[],
  words: Uint32Array,
  places: Ptr,
  count: number,
): RowsInMemory[] | undefined {
  const latest = runs.slice(-LATEST);
  const place = words.subarray(places >>> 2, (places >>> 2) + count).find((at) => at !== TAKE_NOTHING);
  const [oldest] = latest;
  if (positions.length === 0 || place === undefined || oldest === undefined || place < oldest.first) return undefined;
  const wanted: RowsInMemory[] = [];
  for (const { first, rows, held } of latest.reverse()) {
    const columns = positions.flatMap((position) => held?.columns[position] ?? []);
    if (columns.length < positions.length || !columns.every(isPlain)) return undefined;
    wanted.push({ first, rows, columns });
  }
  return wanted;
}

function isPlain({ type, nullCount, child }: Column): boolean {
  const { physical, byteWidth } = parseType(type);
  return physical === 'fixed' && WIDTHS.includes(byteWidth) && nullCount === 0 && child === undefined;
}

/**
 * The values at places (u32) that lie in a few runs of rows: each is copied right to its row, without a list of rows for each run. Undefined where a
 * place lies elsewhere.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function takePlaces(
  { arena, owner, kernels }: OperatorContext,
  runs: readonly RowsInMemory[],
  fields: Fields,
  places: Ptr,
  count: number,
): Batch | undefined {
  const draft = allocBatch(arena, owner, fields, count, { validity: fields.map(() => true) });
  const { validity } = draft.columns[0] as DraftColumn;
  let wanted: number | undefined;
  let taken = 0;
  for (const { first, rows, columns } of runs) {
    const counts = draft.columns.map(({ type, values }, index) =>
      kernels.takePlaces(
        ...([parseType(type).byteWidth, (columns[index] as Column).values, places, count] as const),
        ...([first, first + rows, values] as const),
      ),
    );
    taken += counts[0] as number;
    if (taken === count) return draft.finish(count, 0);
    wanted ??= kernels.takeBits(0, places, count, validity);
    if (taken === wanted) return withNulls(draft, count, count - taken, arena.u8);
  }
  draft.discard();
  return undefined;
}

/** Each column has the nulls of the first. */
function withNulls(draft: BatchDraft, count: number, nulls: number, u8: Uint8Array): Batch {
  const bits = (draft.columns[0] as DraftColumn).validity;
  for (const column of draft.columns) {
    column.nullCount = nulls;
    if (column.validity !== bits) u8.copyWithin(column.validity, bits, bits + Math.ceil(count / 8));
  }
  return draft.finish(count, 0);
}
