/**
 * Record batches in, bytes of a Parquet file out, through the library's streaming writer: what is held is the encoded
 * pages of the row group being written and the batch at hand, never a table.
 */
import type { WriterProperties } from 'parquet-wasm';

import { callLibrary, type DecodedBatch, type ParquetLibrary, parquetLibrary } from './parquet-library.ts';

export interface EncodingOptions {
  compression: 'none' | 'snappy' | 'zstd';
  rowGroupRows: number;
  rowGroupBytes: number | undefined;
  /** Columns of integers: delta encoding where a dictionary does not pay. */
  deltaColumns: readonly string[];
  /** Columns for which no dictionary is tried. */
  plainColumns: readonly string[];
  metadata: Readonly<Record<string, string>>;
}

const CREATED_BY = 'spillway version 0.1.0';

export class EncodedStream {
  readonly #library: ParquetLibrary;
  readonly #feed: ReadableStream<DecodedBatch>;
  readonly #finished: Promise<void>;
  #controller: ReadableStreamDefaultController<DecodedBatch> | undefined;
  /** Settles when the library asks for the next batch, which is when it is done with the one before. */
  #demand: Signal = newSignal();
  #failure: { error: unknown } | undefined;

  /** @param write takes the next bytes of the file, and is awaited */
  constructor(options: EncodingOptions, write: (bytes: Uint8Array) => Promise<void>) {
    this.#library = parquetLibrary();
    this.#feed = new ReadableStream(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => this.#demand.resolve(),
      },
      { highWaterMark: 0 },
    );
    const leave = this.#library.enter('write');
    this.#finished = this.#run(options, write)
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#demand.resolve();
      })
      .finally(leave);
  }

  /** Encodes one IPC stream of one batch. Resolves when the batch before it is encoded. */
  async push(ipc: Uint8Array): Promise<void> {
    await this.#demand.promise;
    this.#throwFailure();
    this.#demand = newSignal();
    await this.#library.check('write');
    const batch = callLibrary(this.#library, () => {
      const table = this.#library.api.Table.fromIPCStream(ipc);
      const first = table.recordBatch(0);
      table.free();
      return first;
    });
    if (batch !== undefined) this.#controller?.enqueue(batch);
  }

  /** Writes what is left and the footer. At least one batch was pushed. */
  async end(): Promise<void> {
    await this.#demand.promise;
    if (this.#failure === undefined) this.#controller?.close();
    await this.#finished;
    this.#throwFailure();
  }

  /** Stops; what was written is not a file. */
  async abort(): Promise<void> {
    if (this.#failure === undefined) {
      this.#failure = { error: new Error('stopped') };
      // Closing lets the library finish and free what it holds; nothing of it is written any more.
      await this.#demand.promise;
      this.#controller?.close();
    }
    await this.#finished;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #run(options: EncodingOptions, write: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const { api } = this.#library;
    const output: ReadableStream<Uint8Array> = await this.#library.guard(
      api.transformParquetStream(this.#feed, writerProperties(api, options)),
      'write',
    );
    const reader = output.getReader();
    for (;;) {
      const { done, value } = await this.#library.guard(reader.read(), 'write');
      if (done) return;
      if (this.#failure === undefined) await write(value);
      giveBack(value);
    }
  }
}

function writerProperties(api: ParquetLibrary['api'], options: EncodingOptions): WriterProperties {
  const codec = { none: api.Compression.UNCOMPRESSED, snappy: api.Compression.SNAPPY, zstd: api.Compression.ZSTD }[
    options.compression
  ];
  let builder = new api.WriterPropertiesBuilder()
    .setCompression(codec)
    .setMaxRowGroupSize(options.rowGroupRows)
    .setCreatedBy(CREATED_BY);
  if (options.rowGroupBytes !== undefined) builder = builder.setMaxRowGroupBytes(options.rowGroupBytes);
  if (Object.keys(options.metadata).length > 0)
    builder = builder.setKeyValueMetadata(new Map(Object.entries(options.metadata)));
  for (const column of options.deltaColumns)
    builder = builder.setColumnEncoding(column, api.Encoding.DELTA_BINARY_PACKED);
  for (const column of options.plainColumns) builder = builder.setColumnDictionaryEnabled(column, false);
  return builder.build();
}

/**
 * Gives back the memory of a written chunk at once: posting detaches it, closing the receiving port drops the message. The
 * collector would keep tens of megabytes of chunks, which are no pressure in its eyes.
 */
function giveBack(chunk: Uint8Array): void {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(null, [chunk.buffer as ArrayBuffer]);
  port1.close();
  port2.close();
}

interface Signal {
  promise: Promise<void>;
  resolve(): void;
}

function newSignal(): Signal {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
