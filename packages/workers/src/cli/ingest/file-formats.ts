/** Formats of files that `spillway ingest` reads, and what the names of such files end in. */
const ENDINGS = {
  csv: ['csv', 'txt'],
  tsv: ['tsv', 'tab'],
  ndjson: ['ndjson', 'jsonl', 'json'],
  parquet: ['parquet', 'pq'],
  arrow: ['arrow', 'arrows', 'ipc', 'feather'],
} as const;

export type FileFormat = keyof typeof ENDINGS;

export const FILE_FORMATS: readonly FileFormat[] = Object.keys(ENDINGS) as FileFormat[];

/** The format that the name of a file tells. */
export function formatOfName(path: string): FileFormat | undefined {
  const ending = /\.([a-z0-9]+)(\.(gz|zst))?$/i.exec(path)?.[1]?.toLowerCase() ?? '';
  return FILE_FORMATS.find((format) => (ENDINGS[format] as readonly string[]).includes(ending));
}

/** Formats whose values are text, so that their types have to be declared or guessed. */
export function isTextFormat(format: FileFormat): boolean {
  return format === 'csv' || format === 'tsv' || format === 'ndjson';
}
