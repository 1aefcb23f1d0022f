/**
 * The part of a write that touches rows: finds which stored row groups the staged rows overlap, merges these with them and
 * writes the result as new files. It runs on whatever thread decodes and encodes; its task and result are plain data.
 */
import type { Batch } from '../../batch/contract.ts';
import { instantiateKernels } from '../../kernels/compiled-kernels.ts';
import type { Arena } from '../../memory/contract.ts';
import { fieldIndex } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';
import type { DatasetFile, StagedFile } from '../files/dataset-file.ts';
import { fileBatches } from '../files/file-batches.ts';
import { RowGroupFiles } from '../files/row-group-files.ts';
import { type Periods, periodsOf, type RowGroupTarget } from '../files/row-group-target.ts';
import { chainsOf } from './cut-files.ts';
import { KeepLast } from './keep-last.ts';
import { type MergeRegion, planMerge } from './merge-plan.ts';
import { mergeRows } from './merge-rows.ts';
import { StagedPositions, StagedReader } from './staged-rows.ts';

/** What to merge. Plain data. */
export interface MergeTask {
  fields: Fields;
  orderedOn: string;
  /** Columns that tell equal rows; undefined: all rows stay. */
  duplicatesOn: readonly string[] | undefined;
  target: RowGroupTarget;
  maxOffTarget: number | undefined;
  /** Whether or not new rows fall among them: the columns have changed. */
  rewritesAll: boolean;
  /** Stored row groups, in order. */
  groups: readonly DatasetFile[];
  /** New rows, in order, without duplicates among themselves. */
  staged: readonly StagedFile[];
  /** Where merged files are written, and how their names begin. */
  folder: string;
  prefix: string;
  /** Logical bytes of a row group at most. */
  memoryLimitBytes?: number;
}

/** Stored groups that are replaced, and by what. Plain data. */
export interface MergedRegion {
  firstGroup: number;
  endGroup: number;
  /** Staged files as they are, by position, or files that were written. */
  files: (number | StagedFile)[];
  /** Stored rows that are written anew. */
  rowsRewritten: number;
}

/** Rows of the batches that are merged: two of them, a copy of both, and the merged batch are in memory at a time. */
const BATCH_ROWS = 32_768;

function boundsOf(task: MergeTask): (string | number | bigint)[] {
  return task.groups.flatMap((group) => [group.min, group.max]);
}

function regionsOf(task: MergeTask, positions: StagedPositions): MergeRegion[] {
  const { duplicatesOn, maxOffTarget, rewritesAll, groups } = task;
  if (rewritesAll) return [{ firstGroup: 0, endGroup: groups.length, firstRow: 0, endRow: positions.rows }];
  return planMerge(task.groups, positions, {
    target: targetOf(task),
    dropDuplicates: duplicatesOn !== undefined,
    maxOffTarget,
  });
}

function targetOf({ fields, orderedOn, target }: MergeTask): number | Periods {
  const type = fields[fieldIndex(fields, orderedOn)]?.type ?? 'int64';
  return typeof target === 'number' ? target : (periodsOf(target, type) ?? 1);
}

/** Whole staged files of a region that nothing stored is in between of, as `chainsOf` puts them together. */
function chainsOfRegion(region: MergeRegion, positions: StagedPositions, task: MergeTask): number[][] | undefined {
  const { firstGroup, endGroup, firstRow, endRow } = region;
  if (firstGroup !== endGroup) return undefined;
  const files = positions.wholeFiles(firstRow, endRow);
  const staged = files?.map((file) => task.staged[file] as StagedFile);
  const chains = staged && chainsOf(staged, targetOf(task));
  return chains?.map((chain) => chain.map((at) => files?.[at] as number));
}

/** Staged files that can stay as they are. */
function asTheyAre(region: MergeRegion, positions: StagedPositions, task: MergeTask): MergedRegion | undefined {
  const { firstGroup, endGroup } = region;
  const chains = chainsOfRegion(region, positions, task);
  if (chains === undefined || chains.some((chain) => chain.length > 1)) return undefined;
  return { firstGroup, endGroup, files: chains.flat(), rowsRewritten: 0 };
}

/**
 * The outcome of a merge that has to read no rows, as appending does; undefined when it has to.
 * @throws ERR_OPTIONS for a target that the ordered column cannot have
 */
export function mergeWithoutRows(task: MergeTask): MergedRegion[] | undefined {
  const positions = new StagedPositions(task.staged);
  if (positions.unknown(boundsOf(task)).size > 0) return undefined;
  const regions = regionsOf(task, positions).map((region) => asTheyAre(region, positions, task));
  return regions.every((region) => region !== undefined) ? regions : undefined;
}

/** Regions of one task, one after the other. */
class RegionMerger {
  readonly #arena: Arena;
  readonly #owner: number;
  readonly #task: MergeTask;
  readonly #source: { arena: Arena; owner: number; fields: Fields; columns: string[]; batchRows: number };
  readonly reader: StagedReader;

  constructor(arena: Arena, owner: number, task: MergeTask) {
    this.#arena = arena;
    this.#owner = owner;
    this.#task = task;
    const columns = task.fields.map((field) => field.name);
    this.#source = { arena, owner, fields: task.fields, columns, batchRows: BATCH_ROWS };
    this.reader = new StagedReader(this.#source, task.staged);
  }

  async *#stored(region: MergeRegion): AsyncGenerator<Batch, void, undefined> {
    for (const group of this.#task.groups.slice(region.firstGroup, region.endGroup))
      yield* fileBatches(this.#source, group);
  }

  async merge(region: MergeRegion, index: number | string): Promise<MergedRegion> {
    const { fields, orderedOn, duplicatesOn, target, folder, prefix, memoryLimitBytes, groups } = this.#task;
    const [arena, owner, kernels] = [this.#arena, this.#owner, instantiateKernels(this.#arena)];
    const out = new RowGroupFiles({
      arena,
      fields,
      orderedOn,
      target,
      folder,
      prefix: `${prefix}-${index}-`,
      ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
    });
    const write = async (batch: Batch): Promise<void> => {
      try {
        await out.push(batch);
      } finally {
        batch.release();
      }
    };
    const keeper =
      duplicatesOn && new KeepLast({ arena, kernels, owner, fields, orderedOn, duplicatesOn, emit: write });
    const merged = mergeRows(
      { arena, kernels, owner, fields, orderedOn },
      this.#stored(region),
      this.reader.rows(region.firstRow, region.endRow),
    );
    try {
      for await (const batch of merged) await (keeper === undefined ? write(batch) : keeper.push(batch));
      await keeper?.end();
      const { firstGroup, endGroup } = region;
      const rowsRewritten = groups.slice(firstGroup, endGroup).reduce((sum, group) => sum + group.rows, 0);
      return { firstGroup, endGroup, files: await out.end(), rowsRewritten };
    } catch (error) {
      keeper?.abort();
      await out.abort();
      throw error;
    }
  }
}

async function mergeRegion(
  merger: RegionMerger,
  positions: StagedPositions,
  { task, region, index }: { task: MergeTask; region: MergeRegion; index: number },
): Promise<MergedRegion> {
  const chains = chainsOfRegion(region, positions, task);
  if (chains === undefined) return merger.merge(region, index);
  const { firstGroup, endGroup } = region;
  const files: MergedRegion['files'] = [];
  for (const [at, chain] of chains.entries()) {
    if (chain.length === 1) files.push(...chain);
    else files.push(...(await merger.merge({ ...region, ...positions.rowsOf(chain) }, `${index}-${at}`)).files);
  }
  return { firstGroup, endGroup, files, rowsRewritten: 0 };
}

/**
 * Merges staged rows with the stored row groups that they overlap.
 *
 * Memory: a decoded stored row group and a staged one in the decoder, an encoded one, and four batches of 32,768 rows; with
 * `duplicatesOn` also the rows of one ordered value.
 * @throws ERR_STORE_CORRUPT, ERR_FILE_NOT_FOUND, ERR_MEMORY_EXHAUSTED, ERR_IO. What was written lies in the task's folder.
 */
export async function mergeStaged(arena: Arena, owner: number, task: MergeTask): Promise<MergedRegion[]> {
  const positions = new StagedPositions(task.staged);
  const { fields, orderedOn } = task;
  await positions.find({ arena, owner, fields, batchRows: 2 * BATCH_ROWS }, orderedOn, boundsOf(task));
  const merger = new RegionMerger(arena, owner, task);
  const merged: MergedRegion[] = [];
  try {
    for (const [index, region] of regionsOf(task, positions).entries())
      merged.push(await mergeRegion(merger, positions, { task, region, index }));
  } finally {
    await merger.reader.close();
  }
  return merged;
}
