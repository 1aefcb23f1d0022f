import type { Batch } from '../../batch/contract.ts';
import { withInputs } from '../../batch/make-batch.ts';
import { PipelineError } from '../../errors.ts';
import type { FlushReason, SortKey } from '../../plan/logical.ts';
import { formatBytes } from '../../schema/sizes.ts';
import type { Fields } from '../../schema/types.ts';
import type { Spill } from '../../spill/contract.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext, Output } from '../contract.ts';
import { PIECE_ROWS } from '../held-batches.ts';
import type { SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { InputGroup, type SavedGroup } from './input-group.ts';
import { compareKeys, type KeyPlan, keyOf, keyPlan } from './key-words.ts';
import { mergeRuns, type PieceSize } from './merge.ts';
import { bytesOf, MemoryRun, type SavedMemoryRun, type SavedRun, type SortedRun, SpilledRun } from './runs.ts';

/** Share of a sort that nobody gave one. */
const DEFAULT_SHARE_BYTES = 64 * 2 ** 20;
const LARGEST_BLOCK_BYTES = 2 * 2 ** 20;
const LARGEST_PIECE_BYTES = 8 * 2 ** 20;
/** A merge lets the thread's other work have a turn this often. */
const YIELD_EVERY_MS = 15;

/** Part of the share beyond which runs in memory go to disk at a barrier. */
const SPILL_AT_BARRIER = 1 / 4;

interface SavedSort {
  group: SavedGroup;
  /** In order, as in the sort: those on disk first. */
  spilled: SavedRun[];
  runs: SavedMemoryRun[];
  counted: HeldState;
}

/**
 * Stable sort of everything, on disk beyond its share (external merge sort).
 *
 * Input is sorted in groups of some batches, into copies that lie close together; groups that follow each other in order form
 * one run. When the runs fill the share they are merged into one on disk. At the end runs on disk are merged, in
 * several passes when there are more than the share has room to read from, and the result goes on in order: every
 * 65,536 rows are one logical input, whatever came in.
 *
 * Memory: the share, one batch in, and one piece out of at most 65,536 rows; charged to the stage. Under pressure the runs
 * in memory go to disk. On disk: everything once, and what a pass merges twice.
 */
export class Sort implements Operator {
  readonly #context: OperatorContext;
  readonly #output: Output;
  readonly #fields: Fields;
  readonly #plan: KeyPlan;
  readonly #shareBytes: number;
  readonly #group: InputGroup;
  /** In the order of their input, those on disk first. */
  #spilled: SpilledRun[] = [];
  #runs: MemoryRun[] = [];
  #inputs = 0;
  #rows = 0;
  #bytes = 0;
  #yieldAtMs = 0;

  constructor(spec: { by: readonly SortKey[]; memoryLimitBytes?: number }, context: OperatorContext) {
    this.#context = context;
    this.#output = context.outputs['out'] as Output;
    this.#fields = context.outputFields['out'] ?? context.inputFields;
    this.#plan = keyPlan(spec.by, this.#fields);
    this.#shareBytes = Math.min(spec.memoryLimitBytes ?? Infinity, context.shareBytes ?? DEFAULT_SHARE_BYTES);
    this.#group = new InputGroup(context, this.#fields, this.#plan, this.#shareBytes / 4);
  }

  push(batch: Batch): MaybePromise {
    this.#inputs += batch.inputs;
    this.#rows += batch.rows;
    this.#bytes += batch.logicalBytes;
    this.#group.add(batch);
    return this.#group.isFull ? this.#takeGroups(false) : undefined;
  }

  /** Only pressure asks for something before the end: memory, which the disk gives. */
  flush(reason: FlushReason): MaybePromise {
    if (reason !== 'pressure' || this.#context.spill === undefined || this.#runs.length === 0) return;
    return this.#spillRuns();
  }

  async end(): Promise<void> {
    await this.#takeGroups(true);
    if (this.#inputs > 0) this.#context.onFlush('end', { inputs: this.#inputs, rows: this.#rows, bytes: this.#bytes });
    const blockBytes = this.#spilled.reduce((sum, run) => sum + run.bytes, 0);
    const isTooMuch = this.#memoryBytes + blockBytes > this.#mergeBytes;
    if (blockBytes > 0 && this.#runs.length > 0 && isTooMuch) await this.#spillRuns();
    while (this.#spilled.length > this.#fanIn()) await this.#mergeSome();
    const runs = [...this.#spilled.splice(0), ...this.#runs.splice(0)];
    await this.#emit(runs);
  }

  held(): HeldState {
    return { inputs: this.#inputs, rows: this.#rows, bytes: this.#memoryBytes + this.#group.bytes };
  }

  /** Much that is in memory goes to disk first, as a run: so it is written once, and not again at every barrier. */
  async snapshot(writer: SnapshotWriter): Promise<SavedSort> {
    const isMuch = this.#memoryBytes > this.#shareBytes * SPILL_AT_BARRIER;
    if (isMuch && this.#context.spill !== undefined) await this.#spillRuns();
    const runs: SavedMemoryRun[] = [];
    for (const run of this.#runs) runs.push(await run.save(writer));
    const spilled: SavedRun[] = [];
    for (const run of this.#spilled) spilled.push(await run.save(writer));
    return {
      group: await this.#group.save(writer),
      spilled,
      runs,
      counted: { inputs: this.#inputs, rows: this.#rows, bytes: this.#bytes },
    };
  }

  restore(saved: SavedSort, reader: SnapshotReader): void {
    const { arena, owner, name } = this.#context;
    this.#inputs = saved.counted.inputs;
    this.#rows = saved.counted.rows;
    this.#bytes = saved.counted.bytes;
    this.#group.restore(saved.group, reader);
    for (const run of saved.spilled) {
      const file = reader.file(run.file, this.#fields, name);
      this.#spilled.push(SpilledRun.restore(run, { file, arena, owner, reader }));
    }
    for (const run of saved.runs) this.#runs.push(MemoryRun.restore(run, this.#fields, owner, reader));
  }

  close(): void {
    this.#group.close();
    for (const run of [...this.#runs.splice(0), ...this.#spilled.splice(0)]) run.close();
  }

  get #memoryBytes(): number {
    return this.#runs.reduce((sum, run) => sum + run.bytes, 0);
  }

  /** Sorts what has come into copies: while groups are full, or all of it. */
  async #takeGroups(all: boolean): Promise<void> {
    while (this.#group.isFull || (all && this.#group.rows > 0)) {
      if (this.#runs.length > 0 && this.#memoryBytes + this.#group.nextBytes > this.#shareBytes)
        await this.#spillRuns();
      this.#addToRuns(await this.#takeSorted());
      await this.#breathe();
    }
  }

  /** Shares are no reservations: where others hold more than was planned, what is held goes to disk early. */
  async #takeSorted(): Promise<Batch> {
    try {
      return this.#group.takeSorted();
    } catch (error) {
      const isFull = error instanceof PipelineError && error.code === 'ERR_MEMORY_EXHAUSTED';
      if (!isFull || this.#runs.length === 0 || this.#context.spill === undefined) throw error;
    }
    await this.#spillRuns();
    return this.#group.takeSorted();
  }

  /** Behind the last run where its rows come behind that run's, else a run of its own. */
  #addToRuns(batch: Batch): void {
    let run = this.#runs.at(-1);
    const before = run?.last;
    if (run === undefined || !this.#follows(run, batch)) {
      run = new MemoryRun();
      this.#runs.push(run);
    }
    run.add(batch, bytesOf(batch, before));
  }

  #follows(run: MemoryRun, batch: Batch): boolean {
    const { arena } = this.#context;
    const last = keyOf(arena, this.#plan, run.last, run.last.rows - 1);
    return compareKeys(last, keyOf(arena, this.#plan, batch, 0)) <= 0;
  }

  /** Blocks on disk: so small that a merge can read from many runs at once. */
  #blockSize(): PieceSize {
    const least = Math.min(65_536, this.#shareBytes / 8);
    const bytes = Math.max(least, Math.min(this.#shareBytes / 48, LARGEST_BLOCK_BYTES));
    return { bytes: bytes * 1.5, rows: Math.max(1, Math.min(PIECE_ROWS, Math.floor(bytes / this.#rowBytes))) };
  }

  /** What goes on: rows are a power of two, so that logical inputs end where pieces do. */
  #pieceSize(): PieceSize {
    const bytes = Math.max(Math.min(65_536, this.#shareBytes), Math.min(this.#shareBytes / 8, LARGEST_PIECE_BYTES));
    const rows = 2 ** Math.floor(Math.log2(Math.max(1, bytes / this.#rowBytes)));
    return { bytes: bytes * 1.5, rows: Math.min(PIECE_ROWS, rows) };
  }

  get #rowBytes(): number {
    return Math.max(1, this.#bytes / Math.max(1, this.#rows));
  }

  /** Runs that one merge may read from. */
  #fanIn(): number {
    const block = Math.max(1, ...this.#spilled.map((run) => run.bytes));
    return Math.max(2, Math.floor(this.#mergeBytes / block));
  }

  /** The part of the share that a merge reads from; the rest is for pieces. */
  get #mergeBytes(): number {
    return (this.#shareBytes * 3) / 4;
  }

  async #spillRuns(): Promise<void> {
    const spilled = await this.#writeRun(this.#runs.splice(0));
    this.#spilled.push(spilled);
  }

  /** Merges neighbours, the fewest that make the rest few enough, and of these the smallest. */
  async #mergeSome(): Promise<void> {
    const count = Math.min(this.#fanIn(), this.#spilled.length - this.#fanIn() + 1);
    const sizes = this.#spilled.map((run) => run.fileBytes);
    let best = 0;
    let bestBytes = Infinity;
    for (let from = 0; from + count <= sizes.length; from++) {
      const bytes = sizes.slice(from, from + count).reduce((sum, size) => sum + size, 0);
      if (bytes < bestBytes) [best, bestBytes] = [from, bytes];
    }
    const merged = this.#spilled.splice(best, count);
    this.#spilled.splice(best, 0, await this.#writeRun(merged));
  }

  /** One run on disk out of several. They are closed on every path. */
  async #writeRun(runs: readonly SortedRun[]): Promise<SpilledRun> {
    const { arena, owner, name } = this.#context;
    let file: ReturnType<Spill['createFile']>;
    try {
      file = this.#spill().createFile(arena, this.#fields, name);
    } catch (error) {
      for (const run of runs) run.close();
      throw error;
    }
    const spilled = new SpilledRun(file, arena, owner);
    try {
      for (const piece of this.#merge(runs, this.#blockSize())) {
        try {
          await spilled.add(piece);
        } finally {
          piece.release();
        }
        await this.#breathe();
      }
      return spilled;
    } catch (error) {
      spilled.close();
      throw error;
    }
  }

  #spill(): Spill {
    const { spill, name } = this.#context;
    if (spill !== undefined) return spill;
    throw new PipelineError(
      'ERR_MEMORY_EXHAUSTED',
      `${name} holds ${formatBytes(this.#memoryBytes)}, its share is ${formatBytes(this.#shareBytes)}, and there is nowhere to spill`,
      { stage: name, hint: 'raise memoryLimit, or run where a spillDirectory is given' },
    );
  }

  #merge(runs: readonly SortedRun[], size: PieceSize): Generator<Batch, void> {
    return mergeRuns(runs, { target: this.#context, fields: this.#fields, plan: this.#plan, size });
  }

  async #emit(runs: readonly SortedRun[]): Promise<void> {
    const { arena, owner } = this.#context;
    let emitted = 0;
    for (const piece of this.#merge(runs, this.#pieceSize())) {
      emitted += piece.rows;
      const isWhole = emitted % PIECE_ROWS === 0 || emitted === this.#rows;
      const pushed = this.#output.push(withInputs(arena, owner, piece, isWhole ? 1 : 0));
      if (pushed !== undefined) await pushed;
      await this.#breathe();
    }
  }

  /** Long merges never wait by themselves: without a turn of the event loop nobody could stop them. */
  async #breathe(): Promise<void> {
    const { signal, name } = this.#context;
    if (performance.now() >= this.#yieldAtMs) {
      await new Promise<void>((resolve) => void setImmediate(resolve));
      this.#yieldAtMs = performance.now() + YIELD_EVERY_MS;
    }
    if (signal.aborted) throw new PipelineError('ERR_ABORTED', `${name}: stopped`, { stage: name });
  }
}
