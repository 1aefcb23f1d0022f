/**
 * One thread's handle of a batch, and the reading and writing of descriptors. Both directions are in one file, so that
 * the layout has one place that must agree with itself.
 */
import assert from 'node:assert';
import type { Arena, Ptr } from '../memory/contract.ts';
import { fieldIndex } from '../schema/fields.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import type { Batch, Column } from './contract.ts';
import { childType, DESCRIPTOR_MAGIC, descriptorBytes, Header, Record, recordsOf } from './layout.ts';
import { columnLogicalBytes } from './logical-bytes.ts';

/** What the caller of `writeDescriptor` has decided. */
export interface DescriptorContent {
  rows: number;
  inputs: number;
  columns: readonly Column[];
  /** `slabsOf` these columns. */
  slabs: ColumnSlabs;
  /** Where the descriptor goes, the room there is, and the slab that holds the place. */
  at: Ptr;
  room: number;
  block: Ptr;
}

class SharedBatch implements Batch {
  readonly rows: number;
  readonly fields: Fields;
  readonly inputs: number;
  readonly arena: Arena;
  descriptor: Ptr;
  #handles = 1;
  #columns: readonly Column[] | undefined;
  #logicalBytes = -1;

  constructor(arena: Arena, descriptor: Ptr, fields: Fields) {
    const at = descriptor >>> 2;
    if (arena.i32[at + Header.magic] !== DESCRIPTOR_MAGIC) assert.fail(`${descriptor} is no batch descriptor`);
    if (arena.i32[at + Header.columns] !== fields.length)
      assert.fail(`a batch of ${arena.i32[at + Header.columns]} columns opened with ${fields.length} fields`);
    this.arena = arena;
    this.descriptor = descriptor;
    this.fields = fields;
    this.rows = arena.i32[at + Header.rows] as number;
    this.inputs = arena.i32[at + Header.inputs] as number;
  }

  get columns(): readonly Column[] {
    if (this.#columns === undefined) {
      assert(this.descriptor !== 0, 'the batch was released or handed on');
      this.#columns = readColumns(this.arena, this.descriptor, this.fields);
    }
    return this.#columns;
  }

  get logicalBytes(): number {
    if (this.#logicalBytes < 0)
      this.#logicalBytes = this.columns.reduce((sum, column) => sum + columnLogicalBytes(this.arena, column), 0);
    return this.#logicalBytes;
  }

  column(name: string): Column {
    return this.columns[fieldIndex(this.fields, name)] as Column;
  }

  retain(): Batch {
    assert(this.descriptor !== 0, 'the batch was released or handed on before');
    retainDescriptor(this.arena, this.descriptor);
    this.#handles++;
    return this;
  }

  release(): void {
    releaseDescriptor(this.arena, this.handOn());
  }

  handOn(): Ptr {
    const { descriptor } = this;
    assert(descriptor !== 0, 'the batch was released or handed on before');
    if (--this.#handles === 0) {
      this.descriptor = 0;
      this.#columns = undefined;
    }
    return descriptor;
  }
}

/** Opens a batch that another thread (or this one) made, taking over one reference on its descriptor. */
export function openBatch(arena: Arena, descriptor: Ptr, fields: Fields): Batch {
  return new SharedBatch(arena, descriptor, fields);
}

/** Ends this handle and gives its reference to the caller, who passes the descriptor on. */
export function handOn(batch: Batch): Ptr {
  return (batch as SharedBatch).handOn();
}

/** The arena that a batch lies in, as its opener sees it. */
export function arenaOf(batch: Batch): Arena {
  return (batch as SharedBatch).arena;
}

/** Adds one reference, for a handle that is yet to be opened (here or in another thread). */
export function retainDescriptor(arena: Arena, descriptor: Ptr): Ptr {
  const at = descriptor >>> 2;
  if (arena.i32[at + Header.magic] !== DESCRIPTOR_MAGIC)
    assert.fail(`${descriptor} is no batch descriptor, or was released`);
  Atomics.add(arena.i32, at + Header.references, 1);
  return descriptor;
}

/** Drops one reference; the last one gives back the slabs of the columns, then the descriptor. */
export function releaseDescriptor(arena: Arena, descriptor: Ptr): void {
  const words = arena.i32;
  const at = descriptor >>> 2;
  if (words[at + Header.magic] !== DESCRIPTOR_MAGIC)
    assert.fail(`${descriptor} is no batch descriptor, or was released`);
  const before = Atomics.sub(words, at + Header.references, 1);
  if (before <= 0) assert.fail(`the batch ${descriptor} was released twice`);
  if (before > 1) return;
  const list = at + Header.words + (words[at + Header.records] as number) * Record.words;
  const held = words[at + Header.held] as number;
  const block = (words[at + Header.block] as number) >>> 0;
  words[at + Header.magic] = 0;
  for (let index = 0; index < held; index++) arena.release((words[list + index] as number) >>> 0);
  arena.release(block);
}

function readColumns(arena: Arena, descriptor: Ptr, fields: Fields): Column[] {
  const words = arena.i32;
  const at = descriptor >>> 2;
  const lists = at + Header.words + (words[at + Header.records] as number) * Record.words;
  const cursor = { record: at + Header.words, slabs: lists + (words[at + Header.held] as number) };
  return fields.map((field) => readColumn(words, cursor, field.type));
}

function readColumn(words: Int32Array, cursor: { record: number; slabs: number }, type: TypeText): Column {
  const at = cursor.record;
  cursor.record += Record.words;
  const of = childType(type);
  const from = cursor.slabs + (words[at + Record.slabFrom] as number);
  const slabs: Ptr[] = [];
  for (let index = 0; index < (words[at + Record.slabCount] as number); index++)
    slabs.push((words[from + index] as number) >>> 0);
  return {
    type,
    length: words[at + Record.length] as number,
    nullCount: words[at + Record.nullCount] as number,
    validity: (words[at + Record.validity] as number) >>> 0,
    values: (words[at + Record.values] as number) >>> 0,
    valueBytes: (words[at + Record.valueBytes] as number) >>> 0,
    offsets: (words[at + Record.offsets] as number) >>> 0,
    child: of === undefined ? undefined : readColumn(words, cursor, of),
    slabs,
  };
}

/** Slabs of columns. */
export interface ColumnSlabs {
  /** Each once: what a descriptor holds. */
  held: Ptr[];
  /** Entries that the columns' own lists need together. */
  listed: number;
}

function addSlabs(column: Column, slabs: ColumnSlabs): void {
  for (const slab of column.slabs) if (!slabs.held.includes(slab)) slabs.held.push(slab);
  slabs.listed += column.slabs.length;
  if (column.child !== undefined) addSlabs(column.child, slabs);
}

export function slabsOf(columns: readonly Column[]): ColumnSlabs {
  const slabs: ColumnSlabs = { held: [], listed: 0 };
  for (const column of columns) addSlabs(column, slabs);
  return slabs;
}

/**
 * Writes a descriptor with one reference and opens it. Retains every slab of the columns except `block`, whose
 * reference it takes over.
 */
export function writeDescriptor(arena: Arena, fields: Fields, content: DescriptorContent): Batch {
  const { columns, slabs, at: place, block } = content;
  const words = arena.i32;
  const at = place >>> 2;
  const records = recordsOf(fields);
  if (descriptorBytes(records, slabs.held.length, slabs.listed) > content.room)
    assert.fail('the descriptor does not fit');
  words[at + Header.references] = 1;
  words[at + Header.rows] = content.rows;
  words[at + Header.inputs] = content.inputs;
  words[at + Header.columns] = fields.length;
  words[at + Header.records] = records;
  words[at + Header.listed] = slabs.listed;
  words[at + Header.block] = block;
  const list = at + Header.words + records * Record.words;
  let held = 0;
  for (const slab of slabs.held) {
    if (slab === block) continue;
    arena.retain(slab);
    words[list + held++] = slab;
  }
  words[at + Header.held] = held;
  const cursor = { record: at + Header.words, lists: list + held, slab: 0 };
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index] as Column;
    const field = fields[index];
    if (field === undefined || column.type !== field.type || column.length !== content.rows)
      assert.fail(`column ${index} is ${column.length} × ${column.type}, not ${content.rows} × ${field?.type}`);
    writeColumn(words, cursor, column);
  }
  words[at + Header.magic] = DESCRIPTOR_MAGIC;
  return new SharedBatch(arena, place, fields);
}

/** A batch of columns of fixed width, without nulls, that all lie in one slab behind the descriptor. */
export interface WholeContent {
  rows: number;
  inputs: number;
  /** The slab, which the descriptor begins; its reference is taken over. */
  block: Ptr;
  /** Where the values of each column are. */
  places: readonly Ptr[];
}

/** As `writeDescriptor`, for what most small batches are. */
export function writeWholeDescriptor(arena: Arena, fields: Fields, content: WholeContent): Batch {
  const { rows, inputs, block, places } = content;
  const words = arena.i32;
  const at = block >>> 2;
  const count = fields.length;
  words[at + Header.references] = 1;
  words[at + Header.rows] = rows;
  words[at + Header.inputs] = inputs;
  words[at + Header.columns] = count;
  words[at + Header.records] = count;
  words[at + Header.held] = 0;
  words[at + Header.listed] = count;
  words[at + Header.block] = block;
  const slabs = at + Header.words + count * Record.words;
  for (let index = 0; index < count; index++) {
    const record = at + Header.words + index * Record.words;
    words[record + Record.length] = rows;
    words[record + Record.nullCount] = 0;
    words[record + Record.validity] = 0;
    words[record + Record.values] = places[index] as Ptr;
    words[record + Record.valueBytes] = rows * parseType((fields[index] as Fields[number]).type).byteWidth;
    words[record + Record.offsets] = 0;
    words[record + Record.slabFrom] = index;
    words[record + Record.slabCount] = 1;
    words[slabs + index] = block;
  }
  words[at + Header.magic] = DESCRIPTOR_MAGIC;
  return new SharedBatch(arena, block, fields);
}

function writeColumn(words: Int32Array, cursor: { record: number; lists: number; slab: number }, column: Column): void {
  const at = cursor.record;
  cursor.record += Record.words;
  words[at + Record.length] = column.length;
  words[at + Record.nullCount] = column.nullCount;
  words[at + Record.validity] = column.validity;
  words[at + Record.values] = column.values;
  words[at + Record.valueBytes] = column.valueBytes;
  words[at + Record.offsets] = column.offsets;
  words[at + Record.slabFrom] = cursor.slab;
  words[at + Record.slabCount] = column.slabs.length;
  for (const slab of column.slabs) words[cursor.lists + cursor.slab++] = slab;
  if (childType(column.type) !== undefined) {
    if (column.child === undefined) assert.fail(`a column of ${column.type} has no child`);
    writeColumn(words, cursor, column.child);
  }
}
