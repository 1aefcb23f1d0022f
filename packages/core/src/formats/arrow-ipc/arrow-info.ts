/** What an Arrow IPC file or stream holds: looked through once, message by message, without its bodies. */
import { type FileHandle, open } from 'node:fs/promises';
import { PipelineError } from '../../errors.ts';
import { fileError } from '../file-error.ts';
import { FlatReader } from '../flatbuffer-reader.ts';
import type { ArrowBatchBlock, ArrowBlock, ArrowFile } from './arrow-format.ts';
import { type ArrowSchema, readArrowSchema } from './arrow-schema-reader.ts';
import { checkColumns, readBatchHead } from './batch-head.ts';

const MAGIC = 'ARROW1';
/** A message may have so many bytes before its body. */
const MOST_HEAD_BYTES = 64 * 1024 * 1024;
const BLOCK_BYTES = 24;
const CONTINUATION = 0xffff_ffff;
const SCHEMA = 1;
const DICTIONARY = 2;
const BATCH = 3;
/** Of the format: 4 and 5. */
const VERSIONS = [3, 4];

/** Reads pieces of one file. */
class Pieces {
  readonly path: string;
  readonly bytes: number;
  readonly #file: FileHandle;

  constructor(path: string, bytes: number, file: FileHandle) {
    this.path = path;
    this.bytes = bytes;
    this.#file = file;
  }

  /** @throws ERR_FILE_TRUNCATED */
  async read(at: number, bytes: number): Promise<Buffer> {
    if (at < 0 || bytes < 0 || at + bytes > this.bytes) throw truncated(this.path, this.bytes);
    const buffer = Buffer.alloc(bytes);
    for (let done = 0; done < bytes; ) {
      const { bytesRead } = await this.#file.read(buffer, done, bytes - done, at + done);
      if (bytesRead === 0) throw truncated(this.path, at + done);
      done += bytesRead;
    }
    return buffer;
  }
}

function truncated(path: string, at: number): PipelineError {
  return new PipelineError('ERR_FILE_TRUNCATED', `${path} ends at byte ${at}, in the middle of a message`, {
    file: path,
    hint: 'copy or write the file again',
  });
}

function damaged(path: string, why: string, cause?: unknown): PipelineError {
  return new PipelineError('ERR_FILE_FORMAT', `${path} is no Arrow file that can be read: ${why}`, {
    file: path,
    cause,
    hint: 'Arrow IPC files and streams are read, of format version 4 and 5; write the file again if it is damaged',
  });
}

/**
 * Looks through a file.
 * @throws ERR_FILE_NOT_FOUND, ERR_IO, ERR_FILE_FORMAT, ERR_FILE_TRUNCATED
 */
export async function readArrowInfo(path: string): Promise<ArrowFile> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const { size } = await file.stat();
    const pieces = new Pieces(path, size, file);
    const start = await pieces.read(0, Math.min(8, size));
    return start.toString('latin1', 0, 6) === MAGIC ? await readFile(pieces) : await readStream(pieces);
  } catch (error) {
    if (error instanceof PipelineError) throw error;
    if (error instanceof RangeError) throw damaged(path, error.message, error);
    throw await fileError(path, error);
  } finally {
    await file?.close();
  }
}

/** Collects what messages tell, in their order. */
class Contents {
  readonly batches: ArrowBatchBlock[] = [];
  readonly sets: ArrowFile['dictionaries'] = [[]];
  rows = 0;
  readonly #pieces: Pieces;
  readonly #schema: ArrowSchema;
  #isUsed = false;
  /** Of all messages. */
  #bytes = 0;

  constructor(pieces: Pieces, schema: ArrowSchema) {
    this.#pieces = pieces;
    this.#schema = schema;
  }

  add(flat: FlatReader, block: ArrowBlock): void {
    const { path, bytes } = this.#pieces;
    const header = flat.table(flat.root(), 2);
    const kind = flat.i8(flat.root(), 1, 0);
    // A footer may name one message again and again.
    this.#bytes += block.bytes + block.bodyBytes;
    if (this.#bytes > bytes) throw damaged(path, 'its messages have more bytes than the file');
    if (header === 0) throw damaged(path, 'a message without a header');
    if (kind === BATCH) {
      const head = readBatchHead(flat, header, block.bodyBytes);
      const sizeOf = (buffer: number): number | undefined =>
        head.codec === undefined ? head.buffers[buffer]?.bytes : undefined;
      checkColumns(head, this.#schema.columns, sizeOf);
      this.batches.push({
        ...block,
        rows: head.rows,
        isCompressed: head.codec !== undefined,
        dictionaries: this.sets.length - 1,
      });
      this.rows += head.rows;
      this.#isUsed = true;
    } else if (kind === DICTIONARY) {
      this.#addDictionary(flat.i64(header, 0, 0), flat.i8(header, 2, 0) !== 0, block);
    } else {
      throw damaged(path, `a message of kind ${kind} between its record batches`);
    }
  }

  /** A dictionary that batches have used is not changed for these. */
  #addDictionary(id: number, isDelta: boolean, block: ArrowBlock): void {
    if (this.#isUsed) this.sets.push([...(this.sets.at(-1) ?? [])]);
    this.#isUsed = false;
    const set = this.sets.at(-1) as ArrowFile['dictionaries'][number];
    const at = set.findIndex((entry) => entry.id === id);
    const blocks = isDelta && at >= 0 ? [...(set[at]?.blocks ?? []), block] : [block];
    if (at < 0) set.push({ id, blocks });
    else set[at] = { id, blocks };
  }

  finish(): ArrowFile {
    const { path, bytes } = this.#pieces;
    const { columns, unreadable } = this.#schema;
    // Without columns nothing says that there are so many: a damaged count would be taken at its word.
    if (this.rows > 0 && columns.length + unreadable.length === 0)
      throw damaged(path, `it has ${this.rows} rows, but no columns`);
    return { path, bytes, rows: this.rows, ...this.#schema, batches: this.batches, dictionaries: this.sets };
  }
}

/** The message at a place: its flatbuffer, and where its body begins. Undefined at the end of a stream. */
async function messageAt(pieces: Pieces, at: number): Promise<{ flat: FlatReader; block: ArrowBlock } | undefined> {
  if (at >= pieces.bytes) return undefined;
  const start = await pieces.read(at, Math.min(8, pieces.bytes - at));
  if (start.length < 4) throw truncated(pieces.path, pieces.bytes);
  const first = start.readUInt32LE(0);
  if (first === CONTINUATION && start.length < 8) throw truncated(pieces.path, pieces.bytes);
  // Before version 0.15 of Arrow there was no mark.
  const prefix = first === CONTINUATION ? 8 : 4;
  const bytes = first === CONTINUATION ? start.readUInt32LE(4) : first;
  if (bytes === 0) return undefined;
  if (bytes > MOST_HEAD_BYTES)
    throw damaged(pieces.path, `it does not begin as one, or has a message of ${bytes} bytes`);
  const flat = new FlatReader(await pieces.read(at + prefix, bytes));
  const bodyAt = at + prefix + bytes;
  const version = flat.i16(flat.root(), 0, 0);
  if (!VERSIONS.includes(version)) throw damaged(pieces.path, `a message of format version ${version + 1}`);
  const bodyBytes = flat.i64(flat.root(), 3, 0);
  if (bodyBytes < 0) throw damaged(pieces.path, `a body of ${bodyBytes} bytes`);
  if (bodyAt + bodyBytes > pieces.bytes) throw truncated(pieces.path, pieces.bytes);
  return { flat, block: { at: at + prefix, bytes, bodyAt, bodyBytes } };
}

async function readStream(pieces: Pieces): Promise<ArrowFile> {
  const first = await messageAt(pieces, 0);
  if (first === undefined) throw damaged(pieces.path, 'it is empty');
  const { flat, block } = first;
  if (flat.i8(flat.root(), 1, 0) !== SCHEMA) throw damaged(pieces.path, 'it does not begin with a schema');
  const schema = readArrowSchema(flat, flat.table(flat.root(), 2));
  const contents = new Contents(pieces, schema);
  for (let at = block.bodyAt + block.bodyBytes; ; ) {
    const message = await messageAt(pieces, at);
    if (message === undefined) return contents.finish();
    contents.add(message.flat, message.block);
    at = message.block.bodyAt + message.block.bodyBytes;
  }
}

async function readFile(pieces: Pieces): Promise<ArrowFile> {
  const { path, bytes } = pieces;
  if (bytes < 24) throw truncated(path, bytes);
  const end = await pieces.read(bytes - 10, 10);
  if (end.toString('latin1', 4) !== MAGIC) throw truncated(path, bytes);
  const footerBytes = end.readInt32LE(0);
  if (footerBytes <= 0 || footerBytes > bytes - 18) throw damaged(path, `a footer of ${footerBytes} bytes`);
  const footer = new FlatReader(await pieces.read(bytes - 10 - footerBytes, footerBytes));
  const schema = readArrowSchema(footer, footer.table(footer.root(), 1));
  const contents = new Contents(pieces, schema);
  for (const id of [2, 3]) {
    for (const place of footer.structs(footer.root(), id, BLOCK_BYTES)) {
      const message = await messageAt(pieces, footer.int64At(place));
      if (message === undefined) throw damaged(path, 'its footer names a message that is not there');
      contents.add(message.flat, message.block);
    }
  }
  return contents.finish();
}
