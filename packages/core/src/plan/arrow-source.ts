/** An Arrow source of a plan: its files found and looked through, its columns chosen. */
import { PipelineError } from '../errors.ts';
import type { ArrowFile } from '../formats/arrow-ipc/arrow-format.ts';
import { readArrowInfo } from '../formats/arrow-ipc/arrow-info.ts';
import { nameHint } from '../schema/nearest-name.ts';
import type { FieldSpec, Fields } from '../schema/types.ts';
import type { SourceSpec } from './logical.ts';
import { agree, checkExpected } from './parquet-source.ts';
import type { PlanProbes } from './resolved.ts';
import { readableHint } from './sources.ts';

type ArrowSpec = Extract<SourceSpec, { type: 'arrow' }>;

/** Files that are looked through at once. */
const AT_ONCE = 16;

/**
 * Looks at the files, once: the spec that comes back lists them.
 * @throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_FILE_TRUNCATED, ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED, ERR_SCHEMA
 */
export async function resolveArrow(given: ArrowSpec, probes: PlanProbes): Promise<{ spec: ArrowSpec; fields: Fields }> {
  const spec = given.files.length > 0 ? given : await lookAtFiles(given, probes);
  // Of a cut plan whose tasks have left no rows to be read.
  if (spec.files.length === 0 && spec.expected !== undefined)
    return { spec: { ...spec, columns: spec.expected.map(({ name }) => name) }, fields: spec.expected };
  const [first, ...others] = spec.files as [ArrowFile, ...ArrowFile[]];
  const names = spec.columns ?? allNames(first);
  const fields = others.reduce<FieldSpec[]>(
    (common, file) => agree(common, select(file, names), file),
    select(first, names),
  );
  for (const expected of spec.expected ?? []) checkExpected(expected, fields, first.path);
  return { spec: { ...spec, columns: [...names] }, fields };
}

async function lookAtFiles(spec: ArrowSpec, probes: PlanProbes): Promise<ArrowSpec> {
  const paths = await probes.expandPaths(spec.paths);
  const files: ArrowFile[] = [];
  for (let from = 0; from < paths.length; from += AT_ONCE)
    files.push(...(await Promise.all(paths.slice(from, from + AT_ONCE).map(readArrowInfo))));
  return { ...spec, paths, files };
}

/** "All columns" must not mean "all but those that cannot be read". */
function allNames({ path, columns, unreadable }: ArrowFile): string[] {
  const [unread] = unreadable;
  const names = columns.map(({ field }) => field.name);
  if (unread === undefined) return names;
  throw new PipelineError(
    'ERR_TYPE_UNSUPPORTED',
    `all columns are wanted, but "${unread.name}" of ${path} cannot be read: ${unread.reason}`,
    {
      file: path,
      column: unread.name,
      hint: readableHint(
        'readArrow',
        columns.map(({ field }) => field),
      ),
    },
  );
}

function select({ path, columns, unreadable }: ArrowFile, names: readonly string[]): FieldSpec[] {
  return names.map((name) => {
    const found = columns.filter(({ field }) => field.name === name);
    if (found.length === 1) return (found[0] as (typeof found)[number]).field;
    if (found.length > 1) {
      throw new PipelineError('ERR_SCHEMA', `${path}: the column "${name}" is there twice`, {
        file: path,
        column: name,
        hint: 'give each column a name of its own where the file is written',
      });
    }
    const unread = unreadable.find((column) => column.name === name);
    if (unread !== undefined) {
      throw new PipelineError('ERR_TYPE_UNSUPPORTED', `column "${name}" of ${path} cannot be read: ${unread.reason}`, {
        file: path,
        column: name,
        hint: 'leave it out, or write it as another type',
      });
    }
    throw new PipelineError('ERR_COLUMN_UNKNOWN', `${path} has no column "${name}"`, {
      file: path,
      column: name,
      hint: nameHint(
        name,
        columns.map(({ field }) => field.name),
      ),
    });
  });
}
