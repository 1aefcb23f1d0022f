/**
 * One batch as it lies on disk: the messages of an Arrow IPC stream, each head padded so that its body begins at a multiple of
 * 64 bytes. The buffers are views of the arena; only heads and padding are made on the heap. Because a section is read to a
 * 64-byte aligned place in one go, buffers lie as aligned in memory as they did in the file, and become columns as they are.
 */
import type { Batch, Column } from '../batch/contract.ts';
import { childType } from '../batch/layout.ts';
import { type IpcColumn, ipcColumns } from '../formats/ipc-columns.ts';
import { batchMessages, type IpcMessage, schemaMessage } from '../formats/ipc-stream.ts';
import type { Arena, Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';

const ALIGNMENT = 64;
const PADDING = new Uint8Array(ALIGNMENT);

/** Bytes to be written, one view after the other. */
export interface Section {
  views: Uint8Array[];
  bytes: number;
}

export interface BatchSection extends Section {
  /** Where the buffers are: see `columnsAt`. */
  layout: string;
}

/** Of each column, parents first. Places in bytes from the start of the section, -1 for buffers that are not there. */
type Layout = number[];

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

function addLayout(layout: Layout, column: IpcColumn, ranges: Ranges): void {
  const isList = parseType(column.type).physical === 'list';
  const validity = ranges.take();
  const offsets = column.offsets === undefined ? undefined : ranges.take();
  const values = isList ? undefined : ranges.take();
  const validityAt = column.validity === undefined ? -1 : validity.at;
  layout.push(column.rows, column.nullCount, validityAt, offsets?.at ?? -1, values?.at ?? -1, values?.bytes ?? 0);
  if (isList && column.child !== undefined) addLayout(layout, column.child, ranges);
}

/** The section of a batch; its views are valid while the batch is held. */
export function batchSection(arena: Arena, batch: Batch): BatchSection {
  const section: Section = { views: [], bytes: 0 };
  const columns = ipcColumns(arena, batch, 0, batch.rows);
  const messages = batchMessages(columns, batch.rows);
  const places = messages.map((message) => new Ranges(message.body.ranges, addMessage(section, message)));
  const [batchRanges] = places.splice(-1) as [Ranges];
  const layout: Layout = [];
  for (const column of columns) {
    addLayout(layout, column, batchRanges);
    // Dictionaries are messages of their own, in the order of their columns.
    if (column.type === 'dictionary<utf8>' && column.child !== undefined)
      addLayout(layout, column.child, places.shift() as Ranges);
  }
  return { ...section, layout: layout.join() };
}

/** The columns over a section that was read to `base` in `slab`. */
export function columnsAt(fields: Fields, layout: string, base: Ptr, slab: Ptr): Column[] {
  const numbers = layout.split(',').map(Number);
  let next = 0;
  const take = (): number => numbers[next++] as number;
  const pointer = (): Ptr => {
    const at = take();
    return at < 0 ? 0 : base + at;
  };
  const column = (type: TypeText): Column => {
    const own = {
      type,
      length: take(),
      nullCount: take(),
      validity: pointer(),
      offsets: pointer(),
      values: pointer(),
      valueBytes: take(),
      slabs: [slab],
    };
    const of = childType(type);
    return { ...own, child: of === undefined ? undefined : column(of) };
  };
  return fields.map(({ type }) => column(type));
}
