/**
 * The halves of an aggregate that run in different processes. What travels is one stream of words: the packets one behind the other, each with
 * its length in its header, so that files and readers may cut the stream anywhere. Every packet names its keys itself.
 */
import { allocBatch, type BatchDraft, type DraftColumn } from '../../batch/alloc-batch.ts';
import type { Batch, Column } from '../../batch/contract.ts';
import { PipelineError } from '../../errors.ts';
import type { AggregateSpec, FlushReason } from '../../plan/logical.ts';
import type { Fields } from '../../schema/types.ts';
import type { HeldState, MaybePromise, Operator, OperatorContext } from '../contract.ts';
import type { SavedBytes, SnapshotReader, SnapshotWriter } from '../snapshot-contract.ts';
import { createAggregateFinal, createAggregatePartial } from './create-aggregate.ts';
import { PARTIAL_FIELDS } from './output-fields.ts';
import { HEADER_BYTES, WORDS_AT } from './packet.ts';

/** The partial half. @throws as `createAggregatePartial` */
export function makeStates(spec: AggregateSpec, context: OperatorContext): Operator {
  return createAggregatePartial(spec, context, true);
}

interface SavedMerge {
  final: unknown;
  /** What there is of the packet that was cut. */
  packet: { have: number; words: number; bytes: SavedBytes } | undefined;
  header: number[];
}

/** The final half, behind one that puts packets together. */
export class MergeStates implements Operator {
  readonly snapshot?: (writer: SnapshotWriter) => Promise<SavedMerge>;
  readonly restore?: (saved: SavedMerge, reader: SnapshotReader) => void;
  readonly #context: OperatorContext;
  readonly #final: Operator;
  readonly #u8: Uint8Array;
  /** Of the packet at work. */
  readonly #header: Uint8Array = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #packet: BatchDraft | undefined;
  #have = 0;

  /** `fields`: of the rows that the states were made of. */
  constructor(spec: AggregateSpec, fields: Fields, context: OperatorContext) {
    this.#context = context;
    this.#u8 = new Uint8Array(context.arena.buffer);
    this.#final = createAggregateFinal(spec, { ...context, inputFields: fields });
    if (this.#final.snapshot === undefined) return;
    this.snapshot = (writer) => this.#save(writer);
    this.restore = (saved, reader) => this.#restore(saved, reader);
  }

  push(batch: Batch): MaybePromise {
    const { values } = batch.columns[0] as Column;
    let pending: MaybePromise;
    try {
      pending = this.#take(values, values + 8 * batch.rows);
    } catch (error) {
      batch.release();
      throw error;
    }
    if (pending === undefined) return batch.release();
    return pending.finally(() => batch.release());
  }

  flush(reason: FlushReason): MaybePromise {
    return this.#final.flush(reason);
  }

  /** @throws ERR_FILE_TRUNCATED when the last packet is not whole */
  end(): MaybePromise {
    if (this.#packet !== undefined || this.#headerBytes > 0)
      throw new PipelineError('ERR_FILE_TRUNCATED', `${this.#context.name}: the states end in the middle of a packet`, {
        stage: this.#context.name,
        hint: 'a file of a partition is not whole: run its task again',
      });
    return this.#final.end();
  }

  held(): HeldState | undefined {
    return this.#final.held?.();
  }

  dueAt(): number | undefined {
    return this.#final.dueAt?.();
  }

  close(): void {
    this.#packet?.discard();
    this.#packet = undefined;
    this.#final.close();
  }

  #take(from: number, to: number): MaybePromise {
    let at = from;
    while (at < to) {
      at += this.#packet === undefined ? this.#takeHeader(at, to) : this.#takeBody(at, to);
      const whole = this.#whole();
      if (whole === undefined) continue;
      const rest = at;
      const wait = this.#final.push(whole);
      if (wait !== undefined) return wait.then(() => this.#take(rest, to));
    }
    return undefined;
  }

  #takeHeader(at: number, to: number): number {
    const bytes = Math.min(to - at, HEADER_BYTES - this.#headerBytes);
    this.#header.set(this.#u8.subarray(at, at + bytes), this.#headerBytes);
    this.#headerBytes += bytes;
    if (this.#headerBytes === HEADER_BYTES) this.#begin(new DataView(this.#header.buffer).getUint32(WORDS_AT, true));
    return bytes;
  }

  #begin(words: number): void {
    const { arena, owner } = this.#context;
    this.#packet = allocBatch(arena, owner, PARTIAL_FIELDS, words, { validity: 'none' });
    this.#u8.set(this.#header, this.#base);
    this.#have = HEADER_BYTES;
    this.#headerBytes = 0;
  }

  get #base(): number {
    return ((this.#packet as BatchDraft).columns[0] as DraftColumn).values;
  }

  #takeBody(at: number, to: number): number {
    const bytes = Math.min(to - at, 8 * (this.#packet as BatchDraft).capacity - this.#have);
    this.#u8.copyWithin(this.#base + this.#have, at, at + bytes);
    this.#have += bytes;
    return bytes;
  }

  #whole(): Batch | undefined {
    const packet = this.#packet;
    if (packet === undefined || this.#have < 8 * packet.capacity) return undefined;
    this.#packet = undefined;
    return packet.finish();
  }

  async #save(writer: SnapshotWriter): Promise<SavedMerge> {
    const packet = this.#packet && {
      have: this.#have,
      words: this.#packet.capacity,
      bytes: await writer.bytes(this.#u8.subarray(this.#base, this.#base + this.#have)),
    };
    return {
      final: await this.#final.snapshot?.(writer),
      packet,
      header: [...this.#header.subarray(0, this.#headerBytes)],
    };
  }

  #restore({ final, packet, header }: SavedMerge, reader: SnapshotReader): void {
    this.#final.restore?.(final as never, reader);
    this.#header.set(header);
    this.#headerBytes = header.length;
    if (packet === undefined) return;
    const { arena, owner } = this.#context;
    this.#packet = allocBatch(arena, owner, PARTIAL_FIELDS, packet.words, { validity: 'none' });
    this.#have = packet.have;
    reader.bytes(packet.bytes, this.#u8.subarray(this.#base, this.#base + packet.have));
  }
}
