/** Sources cut into ordered partitions: each is a source again, and one behind the other they give what the whole gives. */
import { PipelineError } from '../errors.ts';
import type { SourceSpec } from '../plan/logical.ts';
import type { ResolvedNode, ResolvedPlan } from '../plan/resolved.ts';
import { divideText, mergeText, textBytes } from './divide-text.ts';
import { type Range, shareOut } from './share-out.ts';

/** Why a source stays whole, as the rest of a sentence; undefined where it can be cut. */
export function whyWhole({ spec, emissionsVisible }: ResolvedNode): string | undefined {
  if (spec.kind !== 'source') return 'is no source';
  if (emissionsVisible) return 'is followed by a step that sees how its rows are cut into batches';
  const { source } = spec;
  if (source.type === 'fed') return 'is fed by this program';
  if (source.type === 'shared') return 'lies in the memory of this process';
  if (source.type === 'text' && source.files.some(({ isPiped }) => isPiped)) return 'comes through a pipe';
  if (source.type === 'text' && source.format.onBadRow !== 'error') return 'counts the bad rows of all its files';
  return undefined;
}

/** The plan with sources in as many parts as that takes: files of text are looked into. */
export async function divideSources(
  plan: ResolvedPlan,
  partitions: number,
  leastBytes?: number,
): Promise<ResolvedPlan> {
  const nodes: ResolvedNode[] = [];
  for (const node of plan.nodes) {
    const isText = node.spec.kind === 'source' && node.spec.source.type === 'text' && whyWhole(node) === undefined;
    if (!isText || node.spec.kind !== 'source' || node.spec.source.type !== 'text') nodes.push(node);
    else {
      const source = await divideText(node.spec.source, partitions, leastBytes);
      nodes.push({ ...node, spec: { kind: 'source', source } });
    }
  }
  return { ...plan, nodes };
}

/** A part of a source. */
export interface SourcePart {
  source: SourceSpec;
  /** In bytes where they are known. */
  size: number;
}

/** At most `partitions` sources, of about the same size; fewer where it has not so many parts. */
export function splitSource({ spec, files = [] }: ResolvedNode, partitions: number): SourcePart[] {
  if (spec.kind !== 'source') throw new PipelineError('ERR_INTERNAL', 'only sources are split');
  const { source } = spec;
  switch (source.type) {
    case 'generated': {
      const first = source.firstSplit ?? 0;
      const weights = Array.from({ length: source.splits }, () => 1);
      return partsBy(weights, partitions, source, ([from, to]) => ({
        ...source,
        firstSplit: first + from,
        splits: to - from,
      }));
    }
    case 'parquet':
      return splitParquet(source, files, partitions);
    case 'text':
      return partsBy(source.files.map(textBytes), partitions, source, (range) => {
        const part = mergeText(source.files.slice(...range));
        return { ...source, files: part, paths: part.map(({ path }) => path) };
      });
    case 'arrow': {
      const weights = source.files.map(({ bytes }) => bytes);
      return partsBy(weights, partitions, source, (range) => {
        const part = source.files.slice(...range);
        return { ...source, files: part, paths: part.map(({ path }) => path) };
      });
    }
    default:
      return [{ source, size: 1 }];
  }
}

/** A source without anything in it is one partition. */
function partsBy(
  weights: readonly number[],
  partitions: number,
  whole: SourceSpec,
  part: (range: Range) => SourceSpec,
): SourcePart[] {
  const ranges = shareOut(weights, partitions);
  if (ranges.length === 0) return [{ source: whole, size: 0 }];
  return ranges.map((range) => ({
    source: part(range),
    size: weights.slice(...range).reduce((sum, weight) => sum + weight, 0),
  }));
}

function splitParquet(source: Parquet, files: NonNullable<ResolvedNode['files']>, partitions: number): SourcePart[] {
  const units = files.flatMap(({ rowGroups }, file) => rowGroups.map(({ bytes }, group) => ({ file, group, bytes })));
  const weights = units.map(({ bytes }) => bytes);
  const paths = files.map(({ path }) => path);
  return partsBy(weights, partitions, source, (range) => parquetPart(source, paths, units.slice(...range)));
}

/** Row groups that follow each other, by file and number. */
export function parquetPart(
  source: Parquet,
  files: readonly string[],
  units: readonly { file: number; group: number }[],
): Parquet {
  const groups = new Map<number, [number, number]>();
  for (const { file, group } of units) groups.set(file, [groups.get(file)?.[0] ?? group, group + 1]);
  const { stored } = source;
  const paths = [...groups.keys()].map((file) => files[file] as string);
  const checksums = stored && Object.fromEntries(paths.map((path) => [path, stored.checksums[path] as string]));
  return {
    ...source,
    paths,
    rowGroups: [...groups.values()],
    ...(stored && checksums && { stored: { ...stored, checksums } }),
  };
}

/** Parts of one source that follow each other, as one. */
export function joinParts(parts: readonly SourceSpec[]): SourceSpec {
  const [first, ...others] = parts as [SourceSpec, ...SourceSpec[]];
  return others.reduce(joinTwo, first);
}

function joinTwo(one: SourceSpec, other: SourceSpec): SourceSpec {
  if (one.type === 'generated' && other.type === 'generated') return { ...one, splits: one.splits + other.splits };
  if (one.type === 'text' && other.type === 'text') {
    const files = mergeText([...one.files, ...other.files]);
    return { ...one, paths: files.map(({ path }) => path), files };
  }
  if (one.type === 'arrow' && other.type === 'arrow')
    return { ...one, paths: [...one.paths, ...other.paths], files: [...one.files, ...other.files] };
  if (one.type === 'parquet' && other.type === 'parquet') return joinParquet(one, other);
  throw new PipelineError('ERR_INTERNAL', `parts of ${one.type} and ${other.type} are not of one source`);
}

type Parquet = Extract<SourceSpec, { type: 'parquet' }>;

function joinParquet(one: Parquet, other: Parquet): Parquet {
  const checksums = { ...one.stored?.checksums, ...other.stored?.checksums };
  return {
    ...one,
    paths: [...one.paths, ...other.paths],
    rowGroups: [...(one.rowGroups ?? []), ...(other.rowGroups ?? [])],
    ...(one.stored && { stored: { ...one.stored, checksums } }),
  };
}
