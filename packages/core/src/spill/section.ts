/**
 * One batch as it lies on disk: the messages of an Arrow IPC stream, each head padded so that its body begins at a multiple of
 * 64 bytes. The buffers are views of the arena; only heads and padding are made on the heap. Because a section is read to a
 * 64-byte aligned place in one go, buffers lie as aligned in memory as they did in the file, and become columns as they are.
 */
import type { Batch, Column } from '../batch/contract.ts';
import { type IpcColumn, ipcColumns } from '../formats/ipc-columns.ts';
import { batchMessages, type IpcMessage, schemaMessage } from '../formats/ipc-stream.ts';
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields } from '../schema/types.ts';
import type { SpilledColumn } from './contract.ts';

const ALIGNMENT = 64;
const PADDING = new Uint8Array(ALIGNMENT);

/** Bytes to be written, one view after the other. */
export interface Section {
  views: Uint8Array[];
  bytes: number;
}

export interface BatchSection extends Section {
  columns: SpilledColumn[];
}

function add(section: Section, view: Uint8Array): void {
  if (view.length === 0) return;
  section.views.push(view);
  section.bytes += view.length;
}

function pad(section: Section): void {
  const rest = section.bytes % ALIGNMENT;
  if (rest > 0) add(section, PADDING.subarray(rest));
}

/** Continuation mark, length of the padded head, head, padding; then the body. Returns where the body begins. */
function addMessage(section: Section, { head, body }: IpcMessage): number {
  const headBytes = Math.ceil((8 + head.length) / ALIGNMENT) * ALIGNMENT - 8;
  const prefix = new Uint8Array(8);
  const view = new DataView(prefix.buffer);
  view.setUint32(0, 0xffff_ffff, true);
  view.setInt32(4, headBytes, true);
  add(section, prefix);
  add(section, head);
  pad(section);
  const bodyAt = section.bytes;
  for (const buffer of body?.buffers ?? []) {
    add(section, buffer);
    pad(section);
  }
  return bodyAt;
}

/** What every file begins with. */
export function schemaSection(fields: Fields): Section {
  const section: Section = { views: [], bytes: 0 };
  addMessage(section, schemaMessage(fields));
  return section;
}

/** The ranges of a body in the order in which its buffers were added: validity, offsets, values, then the children. */
class Ranges {
  readonly #ranges: readonly number[];
  readonly #bodyAt: number;
  #next = 0;

  constructor(ranges: readonly number[], bodyAt: number) {
    this.#ranges = ranges;
    this.#bodyAt = bodyAt;
  }

  take(): { at: number; bytes: number } {
    const at = this.#bodyAt + (this.#ranges[this.#next] as number);
    const bytes = this.#ranges[this.#next + 1] as number;
    this.#next += 2;
    return { at, bytes };
  }
}

function spilledColumn(column: IpcColumn, ranges: Ranges): SpilledColumn {
  const isList = parseType(column.type).physical === 'list';
  const validity = ranges.take();
  const offsets = column.offsets === undefined ? undefined : ranges.take();
  const values = isList ? undefined : ranges.take();
  return {
    type: column.type,
    rows: column.rows,
    nullCount: column.nullCount,
    validityAt: column.validity === undefined ? -1 : validity.at,
    offsetsAt: offsets?.at ?? -1,
    valuesAt: values?.at ?? -1,
    valueBytes: values?.bytes ?? 0,
    child: isList && column.child !== undefined ? spilledColumn(column.child, ranges) : undefined,
  };
}

/** The section of a batch; its views are valid while the batch is held. */
export function batchSection(arena: Arena, batch: Batch): BatchSection {
  const section: BatchSection = { views: [], bytes: 0, columns: [] };
  const columns = ipcColumns(arena, batch, 0, batch.rows);
  const messages = batchMessages(columns, batch.rows);
  const places = messages.map((message) => new Ranges(message.body.ranges, addMessage(section, message)));
  const [batchRanges] = places.splice(-1);
  section.columns = columns.map((column) => {
    const spilled = spilledColumn(column, batchRanges as Ranges);
    // Dictionaries are messages of their own, in the order of their columns.
    if (column.type === 'dictionary<utf8>' && column.child !== undefined)
      spilled.child = spilledColumn(column.child, places.shift() as Ranges);
    return spilled;
  });
  return section;
}

/** The column over a section that was read to `base` in `slab`. */
export function columnAt(spilled: SpilledColumn, base: Ptr, slab: Ptr): Column {
  const pointer = (at: number): Ptr => (at < 0 ? 0 : base + at);
  return {
    type: spilled.type,
    length: spilled.rows,
    nullCount: spilled.nullCount,
    validity: pointer(spilled.validityAt),
    values: pointer(spilled.valuesAt),
    valueBytes: spilled.valueBytes,
    offsets: pointer(spilled.offsetsAt),
    child: spilled.child === undefined ? undefined : columnAt(spilled.child, base, slab),
    slabs: [slab],
  };
}
