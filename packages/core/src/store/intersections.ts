/**
 * Walking several datasets in step: over intervals in which none of them begins a new row group, so that of each no more
 * than one has to be in memory. The intervals are those of the Python library OUPS (`iter_intersections`).
 */
import type { Table } from 'apache-arrow';

import { batchToArrowCopy } from '../batch/batch-to-arrow.ts';
import type { Batch, Column } from '../batch/contract.ts';
import { sliceBatch } from '../batch/slice-batch.ts';
import { PipelineError } from '../errors.ts';
import { compareOrdered, type OrderedValue, orderedValue } from '../formats/ordered-value.ts';
import type { Arena } from '../memory/contract.ts';
import { createArena } from '../memory/process-arena.ts';
import { fieldsToArrow } from '../schema/arrow-schema.ts';
import { fieldIndex } from '../schema/fields.ts';
import { type ArrowModule, loadArrow } from '../schema/load-arrow.ts';
import type { Dataset, DatasetReadOptions } from './dataset.ts';
import type { DatasetFile } from './files/dataset-file.ts';
import type { DatasetKey } from './keys/key-path.ts';

/** Options of `Store.intersections`. */
export interface IntersectionOptions extends Pick<DatasetReadOptions, 'from' | 'to'> {
  /** Columns of every dataset; default all of each. */
  columns?: readonly string[];
}

/** One interval, and the rows of each dataset in it. */
export interface Intersection {
  /** Where it ends: all rows are before. Undefined for the last, when no `to` was given. */
  end: OrderedValue | undefined;
  /** In the order of the keys asked for, without those that have no rows in the whole range. */
  chunks: { key: DatasetKey; rows: Table }[];
}

/** Least values of runs of files that share no value. */
function groupStarts(files: readonly DatasetFile[]): OrderedValue[] {
  return files.flatMap((file, i) => {
    const before = files[i - 1];
    return before !== undefined && compareOrdered(before.max, file.min) === 0 ? [] : [file.min];
  });
}

/** Ends of the intervals, ascending, without the last. */
function boundaries(files: readonly (readonly DatasetFile[])[]): OrderedValue[] {
  const all = files.flatMap((each) => groupStarts(each).slice(1)).sort(compareOrdered);
  return all.filter((value, i) => i === 0 || compareOrdered(all[i - 1] as OrderedValue, value) !== 0);
}

/** The rows of one dataset, taken interval by interval. */
class IntervalReader {
  readonly dataset: Dataset;
  readonly #arena: Arena;
  readonly #arrow: ArrowModule;
  readonly #columns: readonly string[];
  readonly #ordered: number;
  readonly #batches: AsyncGenerator<Batch, void, undefined>;
  #batch: Batch | undefined;
  #row = 0;

  constructor(arrow: ArrowModule, arena: Arena, dataset: Dataset, options: IntersectionOptions) {
    this.dataset = dataset;
    this.#arena = arena;
    this.#arrow = arrow;
    this.#columns = options.columns ?? dataset.fields.map((field) => field.name);
    const { from, to } = options;
    const columns = [...new Set([...this.#columns, dataset.orderedOn])];
    this.#ordered = columns.indexOf(dataset.orderedOn);
    const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    this.#batches = dataset.batches(arena, { ...range, columns });
  }

  async take(end: OrderedValue | undefined): Promise<Table> {
    const parts: ReturnType<typeof batchToArrowCopy>[] = [];
    while (await this.#fill()) {
      const batch = this.#batch as Batch;
      const last = end === undefined ? batch.rows : this.#firstAt(batch, end);
      if (last > this.#row) {
        const piece = sliceBatch(this.#arena, 0, batch, this.#row, last - this.#row);
        parts.push(batchToArrowCopy(this.#arrow, piece));
        piece.release();
      }
      this.#row = last;
      if (last < batch.rows) break;
    }
    const fields = this.#columns.map((name) => this.dataset.fields[fieldIndex(this.dataset.fields, name)] as never);
    const all = new this.#arrow.Table(parts.length === 0 ? [] : parts);
    return parts.length === 0
      ? new this.#arrow.Table(fieldsToArrow(this.#arrow, fields))
      : all.select([...this.#columns]);
  }

  #firstAt(batch: Batch, bound: OrderedValue): number {
    const column = batch.columns[this.#ordered] as Column;
    let [low, high] = [this.#row, batch.rows];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareOrdered(orderedValue(this.#arena, column, middle), bound) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  async #fill(): Promise<boolean> {
    while (this.#batch === undefined || this.#row === this.#batch.rows) {
      this.#batch?.release();
      this.#batch = undefined;
      this.#row = 0;
      const next = await this.#batches.next();
      if (next.done === true) return false;
      this.#batch = next.value;
    }
    return true;
  }

  async close(): Promise<void> {
    this.#batch?.release();
    this.#batch = undefined;
    await this.#batches.return();
  }
}

/** @throws ERR_SCHEMA when the datasets are not ordered on columns of one type */
function checkOrders(datasets: readonly Dataset[]): void {
  const typeOf = (dataset: Dataset): string =>
    dataset.fields[fieldIndex(dataset.fields, dataset.orderedOn)]?.type ?? '';
  const [first] = datasets;
  const other = first && datasets.find((each) => typeOf(each) !== typeOf(first));
  if (first === undefined || other === undefined) return;
  throw new PipelineError(
    'ERR_SCHEMA',
    `${first} is ordered on a ${typeOf(first)}, ${other} on a ${typeOf(other)}: they cannot be walked in step`,
    { file: other.path, expected: typeOf(first), value: typeOf(other), hint: 'choose datasets that are ordered alike' },
  );
}

/** See `Store.intersections`. */
export async function* walkIntersections(
  datasets: readonly Dataset[],
  options: IntersectionOptions,
): AsyncGenerator<Intersection, void, undefined> {
  checkOrders(datasets);
  const arrow = await loadArrow();
  const arena = createArena();
  const plans = datasets.map((dataset) => ({ dataset, plan: dataset.plan(options) }));
  const present = plans.filter(({ plan }) => plan.files.length + plan.foreign.length > 0);
  const [first] = present;
  if (first === undefined) return;
  const ends = [...boundaries(present.map(({ plan }) => plan.files)), first.dataset.range(options).to];
  const readers = present.map(({ dataset }) => new IntervalReader(arrow, arena, dataset, options));
  try {
    for (const end of ends) {
      const chunks: Intersection['chunks'] = [];
      for (const reader of readers) chunks.push({ key: reader.dataset.key, rows: await reader.take(end) });
      yield { end, chunks };
    }
  } finally {
    for (const reader of readers) await reader.close();
  }
}
