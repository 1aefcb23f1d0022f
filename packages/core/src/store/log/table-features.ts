/** Refusing tables that ask readers or writers for something that is not done here. */
import type { Snapshot } from './delta-actions.ts';
import { unsupported } from './log-replay.ts';

const READER_FEATURES: ReadonlySet<string> = new Set(['timestampNtz']);
const WRITER_FEATURES: ReadonlySet<string> = new Set(['timestampNtz', 'appendOnly', 'invariants']);

/** @throws ERR_STORE_UNSUPPORTED when the table asks readers for something we do not do */
export function checkReadable(table: string, { protocol, metaData }: Pick<Snapshot, 'protocol' | 'metaData'>): void {
  const unknown = (protocol.readerFeatures ?? []).filter((feature) => !READER_FEATURES.has(feature));
  const hint = 'another program changed the table: read it with that program';
  if (protocol.minReaderVersion > 3 || unknown.length > 0) {
    throw unsupported(
      table,
      `it needs ${unknown.join(', ') || `a reader of version ${protocol.minReaderVersion}`}`,
      hint,
    );
  }
  const mapping = metaData.configuration?.['delta.columnMapping.mode'] ?? 'none';
  if (mapping !== 'none') throw unsupported(table, `it maps columns by ${mapping}`, hint);
  if ((metaData.partitionColumns ?? []).length > 0) throw unsupported(table, 'it is partitioned', hint);
  if (metaData.format?.provider !== undefined && metaData.format.provider !== 'parquet')
    throw unsupported(table, `its files are ${metaData.format.provider}`, hint);
}

/** @throws ERR_STORE_UNSUPPORTED when the table asks writers for something we do not do */
export function checkWritable(table: string, { protocol, metaData }: Snapshot): void {
  const unknown = (protocol.writerFeatures ?? []).filter((feature) => !WRITER_FEATURES.has(feature));
  const isKnown = protocol.minWriterVersion <= 2 || protocol.minWriterVersion === 7;
  const hint = 'another program changed the table: write it with that program, or write under another key';
  if (!isKnown || unknown.length > 0) {
    throw unsupported(
      table,
      `writing it needs ${unknown.join(', ') || `a writer of version ${protocol.minWriterVersion}`}`,
      hint,
    );
  }
  if (metaData.schemaString.includes('"delta.invariants"'))
    throw unsupported(table, 'its columns have invariants, which are not checked', hint);
  const change = metaData.configuration?.['delta.enableChangeDataFeed'];
  if (change === 'true') throw unsupported(table, 'it keeps a feed of changes, which is not written', hint);
}

/** @throws ERR_STORE_UNSUPPORTED when files may not be removed */
export function checkRemovable(table: string, { metaData }: Snapshot): void {
  if (metaData.configuration?.['delta.appendOnly'] !== 'true') return;
  throw unsupported(table, 'it only takes appends', "use mode 'append', or write under another key");
}
