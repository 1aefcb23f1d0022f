/** Packets being written: their slab, and their header. */
import { allocBatch, type BatchDraft, type DraftColumn } from '../../batch/alloc-batch.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { OperatorContext } from '../contract.ts';
import type { Workspace } from './arena-views.ts';
import { PARTIAL_FIELDS } from './output-fields.ts';
import { HAS_POSITION, HAS_ROWS, WORDS_AT } from './packet.ts';

export interface PacketDraft {
  batch: BatchDraft;
  base: Ptr;
  bytes: number;
}

/** What the header says beside the place of the rows. */
export interface PacketHeader {
  /** First and last value of the ordered column, as compared, where there are rows. */
  ends: Uint8Array | undefined;
  /** Number of the first row in its source. */
  row: number | undefined;
  /** Flags about keys, or about rows. */
  flags: number;
}

/** How long a packet is, for whoever puts it together from parts. */
export function writeWords(u32: Uint32Array, { base, bytes }: Pick<PacketDraft, 'base' | 'bytes'>): void {
  u32[(base + WORDS_AT) >>> 2] = bytes / 8;
}

export class PacketDrafts {
  readonly #context: OperatorContext;
  readonly #workspace: Workspace;
  readonly #isZeroed: boolean;
  readonly #encoder = new TextEncoder();

  /** `isZeroed`: what lies between sections goes into files, the same each time, and is nothing of anybody else's. */
  constructor(context: OperatorContext, workspace: Workspace, isZeroed: boolean) {
    this.#context = context;
    this.#workspace = workspace;
    this.#isZeroed = isZeroed;
  }

  allocate(bytes: number): PacketDraft {
    const batch = allocBatch(this.#context.arena, this.#context.owner, PARTIAL_FIELDS, bytes / 8, { validity: 'none' });
    const base = (batch.columns[0] as DraftColumn).values;
    if (this.#isZeroed) this.#workspace.views.u8.fill(0, base, base + bytes);
    return { batch, bytes, base };
  }

  writeHeader({ base, bytes }: PacketDraft, { ends, row, flags }: PacketHeader): void {
    const { u32, f64, u8 } = this.#workspace.views;
    u32[base >>> 2] = this.#context.lane;
    u32[(base + 4) >>> 2] = (ends === undefined ? 0 : HAS_ROWS) | (row === undefined ? 0 : HAS_POSITION) | flags;
    writeWords(u32, { base, bytes });
    f64[(base + 24) / 8] = row ?? 0;
    if (ends !== undefined) u8.set(ends, base + 8);
  }

  /** The file that the rows come from, where they come from one. */
  fileName({ file }: ReturnType<OperatorContext['position']>): Uint8Array | undefined {
    return file === undefined ? undefined : this.#encoder.encode(file);
  }
}
