/** How far sources have been read, in a form that another process can go on from, and going on from there. */
import { arrowSplits } from '@spillway/core/arrow-files';
import { PipelineError } from '@spillway/core/base';
import type { OrderedValue, ParquetInfo, ResolvedNode, SourceSpec, TextFile } from '@spillway/core/internal';
import { CHUNK_BYTES } from '@spillway/core/text';
import type { PlannedRun } from '../coordinator/plan-run.ts';
import { startIn } from '../sources/chunk-chain.ts';
import type { RowGroupTask } from '../sources/row-groups.ts';
import type { SourceStart } from '../sources/source-start.ts';
import { checkUnchanged, type FileRecord, recordFile } from './file-record.ts';

/** A source of files. Plain data. */
export interface FilesPosition {
  kind: 'files';
  /** Read to their ends. */
  done: FileRecord[];
  /** Read in part. */
  current?: { file: FileRecord; at: RowGroupPlace | TextPlace | ArrowPlace };
  /** Rows of the source before what comes next; of Parquet before its row group, of Arrow before its file. */
  rows: number;
  /** Of the ordered column, before that. */
  last: OrderedValue | undefined;
}

interface RowGroupPlace {
  rowGroup: number;
  /** Packets of it that were taken, and their rows. */
  packets: number;
  packetRows: number;
}

interface ArrowPlace {
  /** Splits of it that were taken. */
  splits: number;
}

interface TextPlace {
  byte: number;
  line: number;
  fileRow: number;
}

export type SourcePosition =
  | FilesPosition
  /** Sources whose splits have fixed numbers. */
  | { kind: 'splits'; next: number; last: OrderedValue | undefined }
  /** What a program gives: rows of the whole. */
  | { kind: 'rows'; rows: number };

const AT_ONCE = 16;

/** What a source's files were when the run began. */
export type KnownFiles = Map<string, FileRecord>;

export async function knownFilesOf(node: ResolvedNode): Promise<KnownFiles> {
  const known: KnownFiles = new Map();
  const paths = pathsOf(node);
  for (let from = 0; from < paths.length; from += AT_ONCE)
    for (const record of await Promise.all(paths.slice(from, from + AT_ONCE).map(recordFile)))
      known.set(record.path, record);
  return known;
}

function sourceOf({ spec }: ResolvedNode): SourceSpec {
  if (spec.kind !== 'source') throw new PipelineError('ERR_INTERNAL', 'a step is no source');
  return spec.source;
}

function pathsOf(node: ResolvedNode): string[] {
  const source = sourceOf(node);
  if (source.type === 'parquet') return (node.files ?? []).map(({ path }) => path);
  return source.type === 'text' || source.type === 'arrow' ? source.files.map(({ path }) => path) : [];
}

/**
 * Leaves out what was read before. New files come behind what was left of those known.
 * @throws ERR_RESUME_SOURCE when a file that was read has changed, or one that was begun is gone
 */
export async function goOn(node: ResolvedNode, position: SourcePosition | undefined): Promise<SourceStart> {
  const source = sourceOf(node);
  const start: SourceStart = { first: 0, rowsBefore: 0, last: undefined, skipRows: 0 };
  if (position === undefined) return start;
  if (position.kind === 'splits') return { ...start, first: position.next, last: position.last };
  if (position.kind === 'rows') return { ...start, skipRows: rowsToSkip(node.name, source, position.rows) };
  await checkKnown(node, position);
  const begun = { ...start, rowsBefore: position.rows, last: position.last };
  const done = new Set(position.done.map(({ path }) => path));
  if (source.type === 'parquet') return goOnParquet(node, position, begun, done);
  if (source.type === 'text') goOnText(source, position, done);
  if (source.type !== 'arrow') return begun;
  source.files = leftOf(source.files, done, position.current?.file.path);
  source.rowsBefore = position.rows;
  return { ...begun, first: (position.current?.at as ArrowPlace | undefined)?.splits ?? 0 };
}

/** What was read and is still there must be as it was. */
async function checkKnown(node: ResolvedNode, { done, current }: FilesPosition): Promise<void> {
  const paths = new Set(pathsOf(node));
  const source = sourceOf(node);
  const isStored = source.type === 'parquet' && source.stored !== undefined;
  const missing = [...(isStored ? done : []), ...(current === undefined ? [] : [current.file])].find(
    ({ path }) => !paths.has(path),
  );
  if (missing !== undefined)
    throw new PipelineError(
      'ERR_RESUME_SOURCE',
      `source "${node.name}" had begun to read ${missing.path}, which is not among its files any more`,
      {
        file: missing.path,
        stage: node.name,
        hint: isStored
          ? 'rows that were read have been written anew: read datasets that are only appended to, or use another resume id'
          : 'put the file back until the run has read it',
      },
    );
  const known = [...done, ...(current === undefined ? [] : [current.file])].filter(({ path }) => paths.has(path));
  for (let from = 0; from < known.length; from += AT_ONCE)
    await Promise.all(known.slice(from, from + AT_ONCE).map(checkUnchanged));
}

/** What is left: first the file that was begun. */
function leftOf<T extends { path: string }>(files: readonly T[], done: ReadonlySet<string>, current?: string): T[] {
  const left = files.filter(({ path }) => !done.has(path));
  return [...left.filter(({ path }) => path === current), ...left.filter(({ path }) => path !== current)];
}

function goOnParquet(
  node: ResolvedNode,
  { current }: FilesPosition,
  start: SourceStart,
  done: ReadonlySet<string>,
): SourceStart {
  const left: ParquetInfo[] = leftOf(node.files ?? [], done, current?.file.path);
  const place = current?.at as RowGroupPlace | undefined;
  const [first] = left;
  if (place !== undefined && first !== undefined)
    left[0] = { ...first, rowGroups: first.rowGroups.filter(({ index }) => index >= place.rowGroup) };
  node.files = left;
  if (place === undefined || place.packets === 0) return start;
  return { ...start, first: place.packets, packetRows: place.packetRows };
}

function goOnText(
  source: Extract<SourceSpec, { type: 'text' }>,
  { current, rows }: FilesPosition,
  done: ReadonlySet<string>,
): void {
  const left: TextFile[] = leftOf(source.files, done, current?.file.path);
  const place = current?.at as TextPlace | undefined;
  const [first] = left;
  if (place !== undefined && first !== undefined)
    left[0] = { ...first, dataStart: place.byte, headLines: place.line, rowsBefore: place.fileRow };
  source.files = left;
  source.rowsBefore = rows;
}

function rowsToSkip(name: string, source: SourceSpec, taken: number): number {
  const position = source.type === 'fed' ? (source.position ?? 0) : 0;
  if (position <= taken) return taken - position;
  throw new PipelineError(
    'ERR_RESUME_SOURCE',
    `source "${name}" gives rows from ${position} on, and ${taken} were taken before`,
    {
      stage: name,
      row: position,
      hint: `give position: ${taken}, or less: rows that were taken before are passed over`,
    },
  );
}

export interface PositionParts {
  planned: PlannedRun;
  /** By source node: the sequence that comes next. */
  sources: ReadonlyMap<number, number>;
  /** By stage: where chunks of text start. */
  chains: ReadonlyMap<number, Uint8Array>;
  /** The last ordered value of the row groups that were read, by their first packet. */
  lastsOf(node: number): ReadonlyMap<number, OrderedValue | undefined>;
  /** The last ordered value of the splits that were compared. */
  splitLast(node: number): OrderedValue | undefined;
  /** Rows that a program has given and that were taken. */
  rowsOf(node: number): number;
  /** By source node: what it was in the runs before. */
  before: ReadonlyMap<number, SourcePosition>;
  known: ReadonlyMap<number, KnownFiles>;
}

/** How far a source has got at a barrier. */
export function positionAt(parts: PositionParts, node: ResolvedNode): SourcePosition {
  const source = sourceOf(node);
  const next = parts.sources.get(node.id) ?? 0;
  if (source.type === 'fed') return { kind: 'rows', rows: parts.rowsOf(node.id) };
  if (source.type === 'parquet') return parquetAt(parts, node, next);
  if (source.type === 'text') return textAt(parts, node, source, next);
  if (source.type === 'arrow') return arrowAt(parts, node, source, next);
  return { kind: 'splits', next, last: parts.splitLast(node.id) };
}

function filesBefore({ before }: PositionParts, node: number): FileRecord[] {
  const position = before.get(node);
  return position?.kind === 'files' ? position.done : [];
}

function parquetAt(parts: PositionParts, node: ResolvedNode, next: number): FilesPosition {
  const schedule = parts.planned.schedules.get(node.id);
  const tasks = schedule?.tasks ?? [];
  const known = parts.known.get(node.id) as KnownFiles;
  const index = tasks.findIndex((task) => task.firstSequence + task.packets > next);
  const at = index < 0 ? undefined : tasks[index];
  const previous = index < 0 ? tasks.at(-1) : tasks[index - 1];
  const isReadByLanes = parts.planned.physical.stages.some(
    ({ input }) => input.kind === 'splits' && input.node === node.id,
  );
  const last = isReadByLanes ? parts.splitLast(node.id) : parts.lastsOf(node.id).get(previous?.firstSequence ?? -1);
  const paths = pathsOf(node);
  const done = at === undefined ? paths : paths.slice(0, paths.indexOf(at.path));
  const position: FilesPosition = {
    kind: 'files',
    done: [...filesBefore(parts, node.id), ...done.map((path) => known.get(path) as FileRecord)],
    rows: at?.sourceRow ?? (previous === undefined ? rowsBefore(parts, node.id) : previous.sourceRow + previous.rows),
    last,
  };
  if (at === undefined || (at.firstRow === 0 && next === at.firstSequence)) return position;
  const { place, sourceRow } = placeIn(at, next);
  // In between, the row group before was compared when the packets that have its last rows and the first of this one were read.
  const isInside = sourceRow > at.sourceRow;
  return {
    ...position,
    rows: sourceRow,
    last: isInside ? undefined : last,
    current: { file: known.get(at.path) as FileRecord, at: place },
  };
}

/** The row group from which a task goes on with a packet: the one that the last row before it is of. */
function placeIn(task: RowGroupTask, next: number): { place: RowGroupPlace; sourceRow: number } {
  const { packetRows, firstSequence, rowGroups } = task;
  const nextRow = (Math.floor(task.sourceRow / packetRows) + next - firstSequence) * packetRows;
  let { sourceRow } = task;
  let at = 0;
  for (; at + 1 < rowGroups.length; at += 1) {
    const end = sourceRow + (rowGroups[at]?.rows ?? 0);
    if (end >= nextRow) break;
    sourceRow = end;
  }
  const packets = next === firstSequence ? 0 : nextRow / packetRows - Math.floor(sourceRow / packetRows);
  return { place: { rowGroup: rowGroups[at]?.index ?? 0, packets, packetRows }, sourceRow };
}

function rowsBefore({ before }: PositionParts, node: number): number {
  const position = before.get(node);
  return position?.kind === 'files' ? position.rows : 0;
}

function textAt(
  parts: PositionParts,
  node: ResolvedNode,
  source: Extract<SourceSpec, { type: 'text' }>,
  next: number,
): FilesPosition {
  const known = parts.known.get(node.id) as KnownFiles;
  const stage = parts.planned.physical.stages.find(({ input }) => input.kind === 'splits' && input.node === node.id);
  const starts = parts.chains.get(stage?.id ?? -1);
  const told = next === 0 || starts === undefined ? undefined : startIn(starts, next);
  const done: FileRecord[] = [...filesBefore(parts, node.id)];
  let current: FilesPosition['current'];
  let first = 0;
  for (const file of source.files) {
    const end = first + Math.ceil((file.bytes - file.dataStart) / CHUNK_BYTES);
    const record = known.get(file.path) as FileRecord;
    if (end <= next) done.push(record);
    else if (first < next && told !== undefined)
      current = { file: record, at: { byte: told.at, line: told.line, fileRow: told.fileRow } };
    else if (first === next && file.rowsBefore !== undefined)
      current = { file: record, at: { byte: file.dataStart, line: file.headLines, fileRow: file.rowsBefore } };
    first = end;
  }
  const rows = told?.sourceRow ?? source.rowsBefore ?? 0;
  return { kind: 'files', done, rows, last: parts.splitLast(node.id), ...(current && { current }) };
}

function arrowAt(
  parts: PositionParts,
  node: ResolvedNode,
  { files, rowsBefore = 0 }: Extract<SourceSpec, { type: 'arrow' }>,
  next: number,
): FilesPosition {
  const known = parts.known.get(node.id) as KnownFiles;
  const splits = arrowSplits(files, rowsBefore);
  const at = splits[next];
  const recordOf = ({ path }: { path: string }): FileRecord => known.get(path) as FileRecord;
  const position: FilesPosition = {
    kind: 'files',
    done: [...filesBefore(parts, node.id), ...files.slice(0, at?.file).map(recordOf)],
    rows: at === undefined ? files.reduce((sum, file) => sum + file.rows, rowsBefore) : at.sourceRow - at.fileRow,
    last: parts.splitLast(node.id),
  };
  const taken = at === undefined ? 0 : next - splits.findIndex(({ file }) => file === at.file);
  if (at === undefined || taken === 0) return position;
  return { ...position, current: { file: recordOf(files[at.file] as { path: string }), at: { splits: taken } } };
}
