/** Which columns of files go into a dataset, in which order and as what, and what else a look at the files tells. */
import { availableParallelism } from 'node:os';
import {
  createPipeline,
  type Dataset,
  explain,
  type Fields,
  PipelineError,
  type Shape,
  type Sink,
} from '@spillway/core';
import { fieldsFromShape, nameHint } from '@spillway/core/words';
import type { JobOptions } from '../run/follow-job.ts';
import { isTextFormat } from './file-formats.ts';
import { type FileOptions, formatOf, sourceOf } from './read-files.ts';

/** What a look at files told. */
export interface Files {
  fields: Fields;
  paths: string[];
  bytes: number;
}

/** Looks at the files of a plan, before anything is read. */
export async function lookAt(sinks: readonly Sink[], options: JobOptions): Promise<Files> {
  const { memoryLimit, workers = availableParallelism() } = options;
  const { logical } = await explain(sinks, {
    workers,
    ...(memoryLimit !== undefined && { memoryLimitBytes: memoryLimit }),
  });
  const node = logical.nodes.find(({ spec }) => spec.kind === 'source');
  const source = node?.spec.kind === 'source' ? node.spec.source : undefined;
  const sizes =
    source?.type === 'text' || source?.type === 'arrow'
      ? source.files.map(({ bytes }) => bytes)
      : (node?.files ?? []).map(({ fileBytes }) => fileBytes);
  return {
    fields: node?.outputFields['out'] ?? [],
    paths: source !== undefined && 'paths' in source ? source.paths : [],
    bytes: sizes.reduce((sum, bytes) => sum + bytes, 0),
  };
}

/** Columns of the first file: all of a text, those asked for of what says its columns itself. */
async function columnsOf([first = '']: readonly string[], options: FileOptions, isText: boolean): Promise<Fields> {
  if (options.schema !== undefined) return fieldsFromShape(options.schema);
  const { columns: _, ...all } = options;
  const rows = createPipeline().source(sourceOf([first], isText ? all : options, undefined));
  return (await lookAt([rows.collect()], {})).fields;
}

function checkNames(names: readonly string[], fields: Fields): void {
  const known = fields.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new PipelineError('ERR_COLUMN_UNKNOWN', `the files have no column "${unknown}"`, {
    column: unknown,
    hint: nameHint(unknown, known),
  });
}

/** What a column of the files is called in the dataset. */
export function storedName(column: string, { rename = {} }: FileOptions): string {
  return Object.hasOwn(rename, column) ? (rename[column] as string) : column;
}

function shapeOf(fields: Fields): Shape {
  return Object.fromEntries(fields.map(({ name, type, nullable }) => [name, { type, nullable }])) as never;
}

/**
 * Options that say every column: in the order of the dataset, further ones behind; of text also the types, as the dataset has them, else as a sample
 * suggests. So the plan is the same whichever files it is made of.
 * @throws ERR_COLUMN_UNKNOWN, and what looking at the first file throws
 */
export async function withColumns<O extends FileOptions>(
  paths: readonly string[],
  options: O,
  dataset: Dataset | undefined,
): Promise<O & { columns: string[] }> {
  const isText = isTextFormat(formatOf(paths, options.format));
  const all = await columnsOf(paths, options, isText);
  const chosen = options.columns ?? all.map(({ name }) => name);
  checkNames([...chosen, ...Object.keys(options.rename ?? {})], all);
  const stored = dataset?.fields ?? [];
  const first = stored.flatMap(({ name }) => chosen.filter((column) => storedName(column, options) === name));
  const columns = [...first, ...chosen.filter((name) => !first.includes(name))];
  if (!isText || options.schema !== undefined) return { ...options, columns };
  const typed = all
    .filter(({ name }) => !options.header || chosen.includes(name))
    .map((field) => {
      const known = stored.find(({ name }) => name === storedName(field.name, options));
      return known === undefined ? field : { ...known, name: field.name };
    });
  return { ...options, columns, schema: shapeOf(typed) };
}
