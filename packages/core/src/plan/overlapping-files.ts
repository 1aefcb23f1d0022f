/**
 * Files of one source that overlap: each becomes a source of its own, and a merge takes the place of the source, so that whatever reads it
 * sees one ordered stream. Made when the plan is resolved, because only then it is known which files there are.
 */
import { PipelineError } from '../errors.ts';
import type { PlanNode, SourceSpec } from './logical.ts';

/** Every file takes threads and memory of its own. */
const MOST_FILES = 64;

type FileSource = Extract<SourceSpec, { type: 'parquet' | 'text' | 'arrow' }>;

/**
 * The plan with such sources taken apart. `nodes` name the files and columns to read.
 * @throws ERR_OPTIONS for more files than can be merged
 */
export function withMergedFiles(nodes: readonly PlanNode[]): PlanNode[] {
  let next = Math.max(0, ...nodes.map(({ id }) => id)) + 1;
  return nodes.flatMap((node) => {
    const source = node.spec.kind === 'source' && 'overlap' in node.spec.source ? node.spec.source : undefined;
    if (source?.orderedOn === undefined || source.paths.length < 2) return [node];
    if (source.paths.length > MOST_FILES) throw tooMany(node.name, source.paths.length);
    const parts = source.paths.map((_, file): PlanNode => {
      const spec = { kind: 'source', source: oneFile(source, file) } as const;
      return { id: next++, name: `${node.name}-${file + 1}`, spec, inputs: [] };
    });
    const spec = { kind: 'mergeOrdered' as const, names: [...source.paths], on: source.orderedOn };
    return [...parts, { ...node, spec, inputs: parts.map(({ id }) => ({ node: id, port: 'out' })) }];
  });
}

function oneFile(source: FileSource, file: number): FileSource {
  const { overlap: _, ...rest } = source;
  const paths = [source.paths[file] as string];
  // Rows are merged by the ordered column, so it is read even where nothing else asks for it.
  const on = source.orderedOn as string;
  const columns = source.columns?.includes(on) === false ? [...source.columns, on] : source.columns;
  const common = { paths, ...(columns && { columns }) };
  if (rest.type === 'parquet') return { ...rest, ...common };
  if (rest.type === 'text') return { ...rest, ...common, files: rest.files.slice(file, file + 1) };
  return { ...rest, ...common, files: rest.files.slice(file, file + 1) };
}

function tooMany(name: string, files: number): PipelineError {
  return new PipelineError('ERR_OPTIONS', `${files} files cannot be merged as they are read, at most ${MOST_FILES}`, {
    stage: name,
    hint: 'leave overlap out where they follow each other; else leave orderedOn out as well and add .sort()',
  });
}
