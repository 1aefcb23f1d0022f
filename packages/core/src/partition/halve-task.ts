/** Tasks that are too large for where they run, cut in two: the second half begins where the first ends, and both give what the whole gives. */
import type { SourceSpec } from '../plan/logical.ts';
import type { PartitionResult, PartitionTask, TaskInput } from './contract.ts';
import { divideText, mergeText, textBytes } from './divide-text.ts';
import { readPlanText, writePlanText } from './plan-text.ts';
import { type Range, shareOut } from './share-out.ts';
import { halveRange } from './sort-ranges.ts';
import { parquetPart } from './split-source.ts';

/** Less text is not worth being divided. */
const LEAST_TEXT_BYTES = 2 ** 16;

/** The task in two; undefined for one that reads a single row group, split, Arrow file, some lines, or a range of one value. Rows that it reads beside its part stay with both. */
export async function halveTask(
  task: PartitionTask,
  leastTextBytes: number = LEAST_TEXT_BYTES,
): Promise<[PartitionTask, PartitionTask] | undefined> {
  const [own, ...others] = task.inputs;
  if (own === undefined || task.isWhole === true) return undefined;
  const halves = own.files === undefined ? await halvesOfPart(task, own, leastTextBytes) : halvesOfRange(own);
  const [first, second] = halves.map(({ size = (task.size ?? 0) / 2, ...input }, index): PartitionTask => {
    const piece = `${task.piece ?? ''}${index + 1}`;
    return { ...task, piece, output: `${task.output}.${index + 1}`, inputs: [input, ...others], size };
  });
  return first === undefined || second === undefined ? undefined : [first, second];
}

/** What two halves gave, as of the task that they are of. */
export function joinResults(first: PartitionResult, second: PartitionResult, piece?: string): PartitionResult {
  const { piece: _, ...whole } = first;
  return {
    ...whole,
    ...(piece !== undefined && { piece }),
    more: [...(first.more ?? []), second.files, ...(second.more ?? [])],
    peakRss: Math.max(first.peakRss, second.peakRss),
    rows: first.rows + second.rows,
  };
}

/** What a half reads. */
interface HalfInput extends TaskInput {
  size?: number;
}

/** Its part of a source. */
async function halvesOfPart({ part }: PartitionTask, own: TaskInput, leastTextBytes: number): Promise<HalfInput[]> {
  const sources = await halvesOf(readPlanText<SourceSpec>(own.source), leastTextBytes);
  return sources.map((source) => ({ ...own, source: writePlanText(source, part ?? 'a partition') }));
}

/** Its range of sorted rows. */
function halvesOfRange(own: TaskInput): HalfInput[] {
  const { filter } = own;
  if (filter === undefined) return [];
  return (halveRange(own) ?? []).map(({ predicate, ...input }) => ({
    ...own,
    ...input,
    filter: { ...filter, predicate },
  }));
}

/** Two sources, or fewer where it cannot be cut. */
async function halvesOf(source: SourceSpec, leastTextBytes: number): Promise<SourceSpec[]> {
  switch (source.type) {
    case 'generated': {
      const { firstSplit = 0, splits } = source;
      const weights = Array.from({ length: splits }, () => 1);
      return inTwo(weights).map(([from, to]) => ({ ...source, firstSplit: firstSplit + from, splits: to - from }));
    }
    case 'text': {
      const divided = await divideText(source, 2, leastTextBytes);
      return inTwo(divided.files.map(textBytes)).map((range) => {
        const files = mergeText(divided.files.slice(...range));
        return { ...source, files, paths: files.map(({ path }) => path) };
      });
    }
    case 'arrow':
      return inTwo(source.files.map(({ bytes }) => bytes)).map((range) => {
        const files = source.files.slice(...range);
        return { ...source, files, paths: files.map(({ path }) => path) };
      });
    case 'parquet':
      return halvesOfParquet(source);
    default:
      return [];
  }
}

function inTwo(weights: readonly number[]): Range[] {
  return shareOut(weights, 2);
}

/** By row groups. Their sizes are not known here: of one source they are much alike. */
function halvesOfParquet(source: Extract<SourceSpec, { type: 'parquet' }>): SourceSpec[] {
  const { paths, rowGroups } = source;
  if (rowGroups === undefined) return [];
  const units = rowGroups.flatMap(([from, to], file) =>
    Array.from({ length: to - from }, (_, index) => ({ file, group: from + index })),
  );
  return inTwo(units.map(() => 1)).map((range) => parquetPart(source, paths, units.slice(...range)));
}
