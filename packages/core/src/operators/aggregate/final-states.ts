/** The work of the final half: merges packets in order, closes bins, rolls them up, and makes output of what is closed. */
import type { Batch } from '../../batch/contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { Fields } from '../../schema/types.ts';
import type { OperatorContext, Output } from '../contract.ts';
import { Workspace } from './arena-views.ts';
import { KeyIndex } from './key-index.ts';
import { KeyOrder } from './key-order.ts';
import { Level } from './level.ts';
import { OutputWriter } from './output-batch.ts';
import { PacketReader } from './packet-reader.ts';
import { PIECE_ROWS } from './piece-rows.ts';
import { RowBytes } from './row-bytes.ts';
import type { StatePlan } from './state-plan.ts';

/** A level, where its rows go, and how much of what is closed has been counted. */
interface Port {
  level: Level;
  writer: OutputWriter;
  bytes: RowBytes;
  output: Output;
  counted: number;
}

export class FinalStates {
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #index: KeyIndex | undefined;
  readonly #order: KeyOrder | undefined;
  readonly #reader: PacketReader;
  readonly #roots: Level[];
  /** In the order of the specification. */
  readonly #ports: Port[];

  constructor(plan: StatePlan, inputFields: Fields, context: OperatorContext) {
    const { kernels } = context;
    const workspace = new Workspace(context.arena, context.owner);
    const index = plan.keys.length > 0 ? new KeyIndex(plan.keys, kernels, workspace) : undefined;
    const scratch = workspace.buffer();
    this.#context = context;
    this.#workspace = workspace;
    this.#index = index;
    this.#order = index === undefined ? undefined : new KeyOrder(index, workspace);
    this.#reader = new PacketReader(plan, context.name, index, kernels, workspace);
    this.#roots = plan.roots.map((root) => new Level(root, index !== undefined, kernels, workspace, scratch));
    const levels = this.#roots.flatMap((root) => root.family());
    this.#ports = plan.levels.map((own): Port => {
      const level = levels.find((candidate) => candidate.plan === own) as Level;
      const { name } = own.aggregation;
      const fields = context.outputFields[name] as Fields;
      const writer = new OutputWriter(plan, level, fields, inputFields, index, kernels, workspace);
      const bytes = new RowBytes(level, fields, inputFields, index, workspace.views);
      return { level, writer, bytes, output: context.outputs[name] as Output, counted: 0 };
    });
  }

  /** Merges one batch of states. The batch stays the caller's. */
  merge(states: Batch): void {
    this.#reader.read(states.columns[0]?.values as Ptr, this.#roots);
  }

  /** Merges the closed bins of every level into the levels above. */
  roll(): void {
    for (const root of this.#roots) root.roll(this.#keys);
  }

  /** No packet follows: everything is closed. */
  finish(): void {
    for (const root of this.#roots) root.finishFamily(this.#keys);
  }

  /** Closed rows of the level that has most. */
  mostClosedRows(): number {
    let most = 0;
    for (const { level } of this.#ports) most = Math.max(most, level.closed);
    return most;
  }

  /** Rows and logical bytes closed since the last call; what is emitted does not count as taken back. */
  countClosed(): { rows: number; bytes: number } {
    let rows = 0;
    let bytes = 0;
    for (const port of this.#ports) {
      const { level } = port;
      rows += level.closed - port.counted;
      bytes += port.bytes.of(port.counted, level.closed);
      port.counted = level.closed;
    }
    return { rows, bytes };
  }

  /** Rows of open bins and of closed ones that wait. */
  heldRows(): number {
    return this.#ports.reduce((sum, { level }) => sum + level.table.size, 0);
  }

  /** Bytes of states, keys and scratch. */
  heldBytes(): number {
    return this.#workspace.bytes();
  }

  /**
   * Output batches of closed bins, in order, of the levels that have at least `least` closed rows; each level's rows are one
   * logical batch. The rows are forgotten when the next batch is asked for after a level's last.
   */
  *emit(least: number): Generator<{ output: Output; batch: Batch }> {
    for (const port of this.#ports) {
      const { level } = port;
      const rows = level.closed;
      if (rows === 0 || rows < least) continue;
      const slots = this.#sorted(level);
      port.writer.begin(rows);
      for (let from = 0; from < rows; from += PIECE_ROWS) {
        const count = Math.min(PIECE_ROWS, rows - from);
        yield { output: port.output, batch: port.writer.write(slots + 4 * from, count, from + count === rows ? 1 : 0) };
      }
      level.dropClosed();
      port.counted = 0;
    }
  }

  close(): void {
    this.#workspace.close();
  }

  get #keys(): number {
    return this.#index?.size ?? 0;
  }

  #sorted(level: Level): Ptr {
    if (this.#order !== undefined) return this.#order.sort(level.table, level.closed);
    const slots = this.#workspace.scratch(4 * level.closed);
    this.#context.kernels.iota(0, level.closed, slots);
    return slots;
  }
}
