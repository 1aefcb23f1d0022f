/** `spillway export`: rows of a dataset into files, by a job. */
import { dirname, resolve } from 'node:path';
import { createPipeline, readStore, type Sink } from '@spillway/core';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { FILE_FORMATS, type FileFormat, formatOfName } from '../ingest/file-formats.ts';
import { amount } from '../output/text-table.ts';
import { followJob, type JobOptions, summaryText } from '../run/follow-job.ts';
import { printPlan } from '../run/run-module.ts';
import type { PartsText } from '../values.ts';
import { type RowsOptions, rowsOf } from './which-rows.ts';

export interface ExportOptions extends JobOptions, RowsOptions {
  format?: FileFormat;
  compression?: 'none' | 'gzip' | 'snappy' | 'zstd';
  header: boolean;
  limit?: number;
  parts?: PartsText;
  partitionBy?: string[];
  maxOpenFiles?: number;
  dryRun?: boolean;
}

interface Target {
  store: string;
  key: Readonly<Record<string, string>>;
  file: string;
}

/** By format. */
const CODECS: Readonly<Record<FileFormat, readonly string[]>> = {
  csv: ['none', 'gzip'],
  tsv: ['none', 'gzip'],
  ndjson: ['none', 'gzip'],
  parquet: ['none', 'snappy', 'zstd'],
  arrow: ['none'],
};

/** @throws UsageError */
function formatOf(file: string, { format, compression, header, partitionBy, maxOpenFiles }: ExportOptions): FileFormat {
  const known = format ?? formatOfName(file);
  if (known === undefined)
    throw new UsageError(`the name of ${file} does not tell its format: give --format ${FILE_FORMATS.join(', ')}`);
  if (/\.zst$/i.test(file) && known !== 'parquet')
    throw new UsageError(`text is written plain or in gzip, not in Zstandard: end the name with .gz, or write Parquet`);
  if (compression !== undefined && !CODECS[known].includes(compression))
    throw new UsageError(`--compression ${compression} is not for ${known}, which has ${CODECS[known].join(', ')}`);
  if (!header && known !== 'csv' && known !== 'tsv') throw new UsageError(`--no-header is for CSV; this is ${known}`);
  if (maxOpenFiles !== undefined && partitionBy === undefined)
    throw new UsageError('--max-open-files is for --partition-by');
  return known;
}

/** @throws UsageError, and what opening the dataset throws */
async function sinkOf({ store, key, file }: Target, options: ExportOptions, { cwd }: Context): Promise<Sink> {
  const format = formatOf(file, options);
  const { dataset, range } = await rowsOf(store, key, options, cwd);
  const { memoryLimit, limit, parts, partitionBy, maxOpenFiles, compression, header } = options;
  const pipeline = createPipeline(memoryLimit === undefined ? {} : { memoryLimit });
  const source = pipeline.source(readStore(dataset, { ...range, name: 'dataset' }));
  const rows = limit === undefined ? source : source.limit(limit);
  const common = {
    name: 'files',
    ...(parts !== undefined && { parts: 'every' in parts ? { ...parts, on: dataset.orderedOn } : parts }),
    ...(partitionBy !== undefined && { partitionBy }),
    ...(maxOpenFiles !== undefined && { maxOpenFiles }),
  };
  const codec = compression === undefined ? {} : { compression: compression as never };
  const path = resolve(cwd, file);
  switch (format) {
    case 'parquet':
      return rows.toParquet(path, { ...common, ...codec });
    case 'arrow':
      return rows.toArrow(path, common);
    case 'ndjson':
      return rows.toNdjson(path, { ...common, ...codec });
    case 'csv':
    case 'tsv':
      return rows.toCsv(path, { ...common, ...codec, header, delimiter: format === 'tsv' ? '\t' : ',' });
  }
}

/** @throws UsageError, and what reading and writing throw */
export async function exportRows(target: Target, options: ExportOptions, context: Context): Promise<void> {
  const sinks = [await sinkOf(target, options, context)];
  if (options.dryRun === true) return printPlan(sinks, options, context);
  const { summary, endWatching } = await followJob(sinks, options, context);
  const isOne = options.parts === undefined && options.partitionBy === undefined;
  const file = resolve(context.cwd, target.file);
  const path = isOne ? file : dirname(file);
  if (options.quiet !== true)
    context.note(`${summaryText(summary, context)}\n${amount(summary.rowsOut, 'row')} in ${path}`);
  if (options.json === true) await context.results.line(JSON.stringify({ ...summary, path }));
  await endWatching();
}
