/** A source of text files in a plan: its files found, their beginnings read, its columns chosen. */
import { PipelineError } from '../errors.ts';
import { checkCsvType } from '../formats/csv/column-plan.ts';
import type { CsvFormat, JsonFormat, TextFile, TextFormat } from '../formats/csv/csv-format.ts';
import { type CsvHead, readCsvHead } from '../formats/csv/csv-head.ts';
import type { TextHead } from '../formats/csv/text-head.ts';
import { readJsonHead } from '../formats/ndjson/json-head.ts';
import { nameHint } from '../schema/nearest-name.ts';
import type { FieldSpec, Fields } from '../schema/types.ts';
import type { SourceSpec } from './logical.ts';
import type { PlanProbes } from './resolved.ts';

type TextSpec = Extract<SourceSpec, { type: 'text' }>;

/** Files whose beginnings are read at once. */
const AT_ONCE = 16;

/** What the files say, before columns are chosen. */
type Found = Pick<TextSpec, 'format' | 'files'> & { schema: Fields };

/**
 * Looks at the files, once: the spec that comes back lists them, with the columns and types to read.
 * @throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_COLUMN_UNKNOWN, ERR_SCHEMA, ERR_TYPE_UNSUPPORTED
 */
export async function resolveText(given: TextSpec, probes: PlanProbes): Promise<{ spec: TextSpec; fields: Fields }> {
  const spec = given.files.length > 0 && given.schema !== undefined ? given : await lookAtFiles(given, probes);
  const schema = spec.schema as Fields;
  const [path = ''] = spec.paths;
  const names = spec.columns ?? schema.map((field) => field.name);
  const fields = names.map((name) => fieldNamed(name, schema, path));
  for (const field of fields) checkCsvType(field);
  const files = spec.files.map((file) => withFields(file, schema, fields, spec.format));
  return { spec: { ...spec, columns: [...names], files }, fields };
}

async function lookAtFiles(spec: TextSpec, probes: PlanProbes): Promise<TextSpec> {
  const paths = await probes.expandPaths(spec.paths);
  const { format } = spec;
  const found = format.syntax === 'csv' ? await lookAtCsv(paths, format, spec) : await lookAtJson(paths, format, spec);
  if (found.schema.length === 0) {
    const [path = ''] = paths;
    throw new PipelineError('ERR_FILE_FORMAT', `${path} is empty: nothing tells its columns`, {
      file: path,
      hint: 'leave the file out, or give a schema',
    });
  }
  return { ...spec, paths, ...found };
}

/** Heads of all paths, in their order. */
async function readHeads<H>(paths: readonly string[], read: (path: string) => Promise<H>): Promise<H[]> {
  const heads: H[] = [];
  for (let from = 0; from < paths.length; from += AT_ONCE)
    heads.push(...(await Promise.all(paths.slice(from, from + AT_ONCE).map(read))));
  return heads;
}

async function lookAtCsv(paths: readonly string[], given: CsvFormat, spec: TextSpec): Promise<Found> {
  const [firstPath, ...others] = paths as [string];
  const { delimiter: asked, ...known } = given;
  const samples = spec.schema === undefined;
  const first = await readCsvHead(firstPath, { ...known, ...(asked !== '' && { delimiter: asked }), samples });
  const format: CsvFormat = { ...given, delimiter: first.delimiter };
  const heads = [first, ...(await readHeads(others, (path) => readCsvHead(path, { ...format, samples: false })))];
  return { format, files: heads.map((head) => fileOf(head, head.names)), schema: spec.schema ?? sampledSchema(first) };
}

async function lookAtJson(paths: readonly string[], format: JsonFormat, spec: TextSpec): Promise<Found> {
  const heads = await readHeads(paths, (path) => readJsonHead(path, format, spec.schema === undefined));
  const schema = spec.schema ?? heads.find(({ fields }) => fields.length > 0)?.fields ?? [];
  return { format, files: heads.map((head) => fileOf(head, [])), schema };
}

function fileOf({ path, bytes, packing, isPiped, dataStart, headLines }: TextHead, names: string[]): TextFile {
  return {
    path,
    bytes,
    ...(packing && { packing }),
    ...(isPiped && { isPiped }),
    dataStart,
    headLines,
    names,
    fieldIndex: [],
  };
}

function sampledSchema(head: CsvHead): Fields {
  return head.names.map((name, index) => ({ name, type: head.types[index] ?? 'utf8', nullable: true }));
}

function fieldNamed(name: string, schema: Fields, path: string): FieldSpec {
  const field = schema.find((candidate) => candidate.name === name);
  if (field !== undefined) return field;
  const names = schema.map((candidate) => candidate.name);
  throw new PipelineError('ERR_COLUMN_UNKNOWN', `there is no column "${name}"`, {
    column: name,
    file: path,
    hint: nameHint(name, names),
  });
}

function withFields(file: TextFile, schema: Fields, fields: Fields, format: TextFormat): TextFile {
  if (format.syntax === 'csv') return { ...file, fieldIndex: fieldsOf(file, schema, fields, format) };
  return { ...file, names: fields.map(({ name }) => name), fieldIndex: fields.map((_, index) => index) };
}

/** Which field of its rows each column is. */
function fieldsOf({ path, names }: TextFile, schema: Fields, fields: Fields, format: CsvFormat): number[] {
  // Without a header an empty file has no names at all, and no rows.
  if (!format.hasHeader && names.length !== schema.length && names.length > 0) {
    throw new PipelineError(
      'ERR_SCHEMA',
      `${path}, line 1: ${names.length} fields, but the schema has ${schema.length} columns`,
      { file: path, hint: 'without a header the schema has to name every field, in order' },
    );
  }
  const known = format.hasHeader ? names : schema.map((field) => field.name);
  return fields.map(({ name }) => {
    const index = known.indexOf(name);
    if (index >= 0) return index;
    throw new PipelineError('ERR_COLUMN_UNKNOWN', `${path} has no column "${name}"`, {
      file: path,
      column: name,
      hint: nameHint(name, known),
    });
  });
}
