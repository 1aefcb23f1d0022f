/** Splits that a registered source makes in the lane: claimed one by one, each one logical input. */
import type { Fields, OpResult, SourceInstance } from '@spillway/core';
import { PipelineError } from '@spillway/core/base';
import { cutBatch, floorBytes, OrderCheck, rowsToBatch, withInputs } from '@spillway/core/data';
import type { Arena, Batch } from '@spillway/core/internal';
import { resolveSource } from '@spillway/core/lane';
import type { SourceGate } from '../channels/source-gate.ts';
import { namedError } from '../coordinator/failure.ts';
import type { LaneInput } from './lane-loop.ts';
import type { Morsel } from './morsel.ts';
import type { SplitBounds, SplitSource } from './protocol.ts';

export interface GeneratedInputParts {
  arena: Arena;
  source: Extract<SplitSource, { type: 'generated' }>;
  fields: Fields;
  /** By which splits are claimed. */
  gate: SourceGate;
  owner: number;
  /** Told of every split when the source is ordered. */
  onSplit(bounds: SplitBounds): void;
}

type Columns = Record<string, ArrayLike<unknown>>;

const PIECE_ROWS = 65_536;

/** What the source's own code has thrown. */
function sourceFailed(name: string, where: string, cause: unknown): PipelineError {
  if (cause instanceof PipelineError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new PipelineError('ERR_SOURCE_FAILED', `source "${name}" failed ${where}: ${why}`, {
    stage: name,
    cause,
    hint: 'the cause has the stack of the source; nothing was committed',
  });
}

export class GeneratedInput implements LaneInput {
  readonly edge = -1;
  readonly #parts: GeneratedInputParts;
  readonly #instance: SourceInstance;

  /** @throws ERR_OP_IMPORT */
  static async open(parts: GeneratedInputParts): Promise<GeneratedInput> {
    const { source, options } = parts.source;
    const definition = await resolveSource(source);
    try {
      return new GeneratedInput(parts, definition.create(options));
    } catch (error) {
      throw sourceFailed(source.name, 'in create', error);
    }
  }

  private constructor(parts: GeneratedInputParts, instance: SourceInstance) {
    this.#parts = parts;
    parts.gate.setTotal(parts.source.splits);
    this.#instance = instance;
  }

  async next(): Promise<Morsel | undefined> {
    const { gate, source } = this.#parts;
    const split = gate.claim();
    await gate.pass(split);
    if (split >= source.splits) {
      await gate.end();
      return undefined;
    }
    const batches = gate.isEnough() ? [] : await this.#layOut(await this.#read(split));
    try {
      this.#verify(split, batches);
    } catch (error) {
      for (const batch of batches) batch.release();
      throw error;
    }
    return { sequence: split, batches };
  }

  done(): void {
    this.#parts.gate.countDone();
  }

  total(): number {
    return this.#parts.source.splits;
  }

  async close(): Promise<void> {
    await this.#instance.close?.();
  }

  /** What the source calls it. */
  #numberOf(split: number): number {
    return (this.#parts.source.firstSplit ?? 0) + split;
  }

  async #read(split: number): Promise<OpResult> {
    try {
      return await this.#instance.read(this.#numberOf(split));
    } catch (error) {
      throw sourceFailed(this.#parts.source.source.name, `on split ${this.#numberOf(split)}`, error);
    }
  }

  /** Pieces of bounded size, of which the last ends the split's logical input. */
  async #layOut(result: OpResult): Promise<Batch[]> {
    const { arena, owner, fields } = this.#parts;
    const parts = result === null || result === undefined ? [] : Array.isArray(result) ? result : [result];
    const batches: Batch[] = [];
    try {
      for (const part of parts) {
        if ('numRows' in part && 'schema' in part) {
          const { arrowToBatches, loadArrow } = await import('@spillway/core/arrow');
          batches.push(
            ...arrowToBatches(await loadArrow(), arena, owner, part, fields, { maxRows: PIECE_ROWS, inputs: 0 }),
          );
        } else {
          const whole = rowsToBatch(arena, owner, fields, part as Columns, 0);
          batches.push(...cutBatch(arena, owner, whole, PIECE_ROWS, floorBytes(fields, PIECE_ROWS)));
        }
      }
      if (batches.length === 0) batches.push(rowsToBatch(arena, owner, fields, [], 0));
      const last = batches.pop() as Batch;
      batches.push(withInputs(arena, owner, last, 1));
      return batches;
    } catch (error) {
      for (const batch of batches) batch.release();
      throw namedError(error, this.#parts.source.source.name);
    }
  }

  #verify(split: number, batches: readonly Batch[]): void {
    const { arena, source, fields } = this.#parts;
    const field = fields.find((candidate) => candidate.name === source.orderedOn);
    if (field === undefined) return;
    const check = new OrderCheck(arena, field.name, field.type);
    let row = 0;
    for (const batch of batches) {
      check.check(batch.column(field.name), row);
      row += batch.rows;
    }
    this.#parts.onSplit({ split, first: check.first, last: check.last });
  }
}
