/** One spill file: batches written straight from shared memory, and read straight back. */
import assert from 'node:assert';
import { crc32 } from 'node:zlib';
import type { Batch } from '../batch/contract.ts';
import { descriptorBytes, recordsOf } from '../batch/layout.ts';
import { slabsOf, writeDescriptor } from '../batch/shared-batch.ts';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
import type {
  SpillAccount,
  SpillAlert,
  SpillDisk,
  SpilledBytes,
  SpilledFile,
  SpillFile,
  SpillPosition,
} from './contract.ts';
import { batchSection, columnsAt, type Section, schemaSection } from './section.ts';
import { abortedError, corruptError, diskError, isPassing, limitError, reasonOf } from './spill-error.ts';

/** Waits before trying a full disk again. Meanwhile the lane takes no input, which holds everything before it back. */
const RETRY_AFTER_MS = [50, 100, 200, 400, 800, 1600];

/** What the files of one lane have in common. */
export interface SpillFileParts {
  disk: SpillDisk;
  account: SpillAccount;
  limitBytes: number;
  /** Name of the operator, for refusals. */
  stage: string;
  signal: AbortSignal;
  onAlert(alert: SpillAlert): void;
  /** Told of all bytes written. */
  onWritten(bytes: number): void;
  onDeleted(file: SpillFile): void;
  sleep(ms: number): Promise<void>;
}

/** Arrow's IPC stream format, uncompressed: https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format */
export class ArrowSpillFile implements SpillFile {
  readonly path: string;
  readonly fields: Fields;
  bytes = 0;
  readonly #arena: Arena;
  readonly #parts: SpillFileParts;
  #fd: number | undefined;
  #isDeleted = false;
  /** Bytes of it that somebody else takes off the account, and removes: see `Spill.keep`. */
  #keptBytes: number | undefined;
  /** Of the batch before. */
  #layout = '';

  constructor(path: string, arena: Arena, fields: Fields, parts: SpillFileParts) {
    this.path = path;
    this.fields = fields;
    this.#arena = arena;
    this.#parts = parts;
  }

  /** A kept file of another thread; what was appended to it since it was kept is written over. */
  static reopen(kept: SpilledFile, arena: Arena, fields: Fields, parts: SpillFileParts): ArrowSpillFile {
    const file = new ArrowSpillFile(kept.path, arena, fields, parts);
    file.bytes = kept.bytes;
    file.#keptBytes = kept.bytes;
    try {
      if (kept.bytes > 0) file.#fd = parts.disk.reopen(kept.path);
    } catch (error) {
      throw diskError('opening', kept.path, error, parts.stage);
    }
    return file;
  }

  keep(): SpilledFile {
    assert(!this.#isDeleted, 'the spill file was deleted');
    this.#keptBytes = this.bytes;
    return { path: this.path, bytes: this.bytes };
  }

  async append(batch: Batch): Promise<SpillPosition> {
    assert(!this.#isDeleted, 'the spill file was deleted');
    if (this.bytes === 0) await this.#write(schemaSection(this.fields));
    const section = batchSection(this.#arena, batch);
    const position: SpillPosition = {
      offset: this.bytes,
      bytes: section.bytes,
      checksum: section.views.reduce((sum, view) => crc32(view, sum), 0),
      rows: batch.rows,
      inputs: batch.inputs,
      // Blocks of one size lie alike: they share the text.
      layout: section.layout === this.#layout ? this.#layout : section.layout,
    };
    this.#layout = position.layout;
    await this.#write(section);
    return position;
  }

  async appendBytes(view: Uint8Array): Promise<SpilledBytes> {
    assert(!this.#isDeleted, 'the spill file was deleted');
    const saved = { offset: this.bytes, bytes: view.length, checksum: crc32(view) };
    await this.#write({ views: view.length === 0 ? [] : [view], bytes: view.length });
    return saved;
  }

  readBytes(saved: SpilledBytes, into: Uint8Array): void {
    assert(!this.#isDeleted, 'the spill file was deleted');
    assert(into.length === saved.bytes, `${saved.bytes} bytes into a view of ${into.length}`);
    this.#fill(into, saved);
  }

  /** The whole section behind what is there, or nothing: what a failed attempt wrote is written over. */
  async #write(section: Section): Promise<void> {
    const { account, limitBytes, stage, onWritten } = this.#parts;
    const usedBytes = account.add(section.bytes);
    try {
      if (usedBytes > limitBytes) throw limitError(usedBytes - section.bytes, limitBytes, section.bytes, stage);
      await this.#tryWriting(() => this.#writeOnce(section));
    } catch (error) {
      account.add(-section.bytes);
      throw error;
    }
    this.bytes += section.bytes;
    onWritten(section.bytes);
  }

  async #tryWriting(write: () => void): Promise<void> {
    const { stage, signal, onAlert, sleep } = this.#parts;
    for (const waitMs of [...RETRY_AFTER_MS, undefined]) {
      try {
        return write();
      } catch (error) {
        if (waitMs === undefined || !isPassing(error)) throw diskError('writing', this.path, error, stage);
        if (waitMs === RETRY_AFTER_MS[0])
          onAlert({
            file: this.path,
            message: `${stage} waits: ${reasonOf(error)}, and ${this.path} has to be written`,
          });
      }
      await sleep(waitMs);
      if (signal.aborted) throw abortedError(stage);
    }
  }

  #writeOnce(section: Section): void {
    const { disk } = this.#parts;
    const fd = (this.#fd ??= disk.open(this.path));
    let views: readonly Uint8Array[] = section.views;
    let at = this.bytes;
    while (views.length > 0) {
      const written = disk.write(fd, views, at);
      at += written;
      views = withoutFirst(views, written);
    }
  }

  read(position: SpillPosition, arena: Arena, owner: number): Batch {
    assert(!this.#isDeleted, 'the spill file was deleted');
    const { fields } = this;
    const records = recordsOf(fields);
    // One slab holds the descriptor and all buffers. Columns name that slab, and no other.
    const room = Math.ceil(descriptorBytes(records, 1, records) / 64) * 64;
    const slab = arena.alloc(room + position.bytes, owner);
    try {
      this.#fill(arena.bytesAt(slab + room, position.bytes), position);
      const columns = columnsAt(fields, position.layout, slab + room, slab);
      const { rows, inputs } = position;
      return writeDescriptor(arena, fields, {
        rows,
        inputs,
        columns,
        slabs: slabsOf(columns),
        at: slab,
        room,
        block: slab,
      });
    } catch (error) {
      arena.release(slab);
      throw error;
    }
  }

  #fill(view: Uint8Array, { offset, bytes, checksum }: SpilledBytes): void {
    const { disk, stage } = this.#parts;
    let done = 0;
    while (done < bytes) {
      let read: number;
      try {
        read = disk.read(this.#fd as number, view.subarray(done), offset + done);
      } catch (error) {
        throw diskError('reading', this.path, error, stage);
      }
      if (read === 0) throw corruptError(this.path, offset, `it ends ${bytes - done} bytes early`, stage);
      done += read;
    }
    const found = crc32(view);
    if (found !== checksum)
      throw corruptError(
        this.path,
        offset,
        `its checksum is ${found.toString(16)}, not ${checksum.toString(16)}`,
        stage,
      );
  }

  delete(): void {
    if (this.#isDeleted) return;
    this.#isDeleted = true;
    const { disk, account, onDeleted } = this.#parts;
    account.add((this.#keptBytes ?? 0) - this.bytes);
    onDeleted(this);
    if (this.#fd === undefined) return;
    try {
      disk.close(this.#fd);
    } finally {
      if (this.#keptBytes === undefined) disk.remove(this.path);
    }
  }
}

/** What is left of the views when the first `bytes` are gone. */
function withoutFirst(views: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let left = bytes;
  let index = 0;
  while (index < views.length && left >= (views[index] as Uint8Array).length)
    left -= (views[index++] as Uint8Array).length;
  const rest = views.slice(index);
  if (left > 0) rest[0] = (rest[0] as Uint8Array).subarray(left);
  return rest;
}
