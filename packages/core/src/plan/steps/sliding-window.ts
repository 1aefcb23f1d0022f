/** `slidingWindow` as users write it, and what planning has to know of it. */

import { floorBytes } from '../../batch/largest-batch.ts';
import { PipelineError } from '../../errors.ts';
import { type Bytes, parseBytes } from '../../schema/sizes.ts';
import { booleanOf, checkCount, checkKeys, type StepOptions } from '../stage-options.ts';
import type { StepTraits } from './contract.ts';
import type { SlidingWindowSpec } from './specs.ts';

/** Options of `slidingWindow`. */
export interface SlidingWindowOptions<N extends string = string> extends StepOptions {
  /** Rows from the end of one window to the end of the next. Default 1: every row ends a window. */
  every?: number;
  /** Whether windows that lack rows, at the start and at the end of the stream, come too. Default true. */
  partial?: boolean;
  /** A column for the window's number, from 0 (int64). What follows may rely on its order. */
  number?: N;
  /** Most bytes of memory to hold; more goes to disk. Default: a share of the pipeline's limit. */
  memoryLimit?: Bytes;
}

/** @throws ERR_OPTIONS */
export function slidingWindowSpec(rows: number, options: SlidingWindowOptions = {}): SlidingWindowSpec {
  checkKeys(options, 'slidingWindow', ['every', 'partial', 'number', 'memoryLimit'], 'step');
  const { every = 1, number, memoryLimit } = options;
  checkCount(rows, 'rows', 'slidingWindow');
  checkCount(every, 'every', 'slidingWindow');
  if (every > rows)
    throw refuse(`every is ${every}, rows ${rows}: rows between windows would be lost`, 'give every as at most rows');
  if (number !== undefined && (typeof number !== 'string' || number === ''))
    throw refuse(`number is ${JSON.stringify(number)}`, "name a column: { number: 'window' }");
  const spec: SlidingWindowSpec = {
    kind: 'slidingWindow',
    rows,
    every,
    partial: booleanOf(options.partial, true, 'partial', 'slidingWindow'),
    ...(number !== undefined && { number }),
  };
  if (memoryLimit === undefined) return spec;
  const memoryLimitBytes = parseBytes(memoryLimit, 'memoryLimit of slidingWindow');
  if (memoryLimitBytes <= 0) throw refuse('memoryLimit is 0', "give a size such as '64MiB', or leave it out");
  return { ...spec, memoryLimitBytes };
}

function refuse(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_OPTIONS', `slidingWindow: ${problem}`, { stage: 'slidingWindow', hint });
}

export const slidingWindowTraits: StepTraits<SlidingWindowSpec> = {
  fields(spec, [input = []], [ordered]) {
    const { number } = spec;
    if (number === undefined)
      return { spec, outputs: { out: input }, ordered: spec.every === spec.rows && ordered ? { out: ordered } : {} };
    if (input.some(({ name }) => name === number))
      throw new PipelineError('ERR_SCHEMA', `there is a column "${number}" already`, {
        column: number,
        hint: "give the window's number another name",
      });
    return {
      spec,
      outputs: { out: [...input, { name: number, type: 'int64', nullable: false }] },
      ordered: { out: number },
    };
  },
  needed: ({ number }, _, behind) =>
    behind === 'all' ? 'all' : new Set([...behind].filter((name) => name !== number)),
  describe: ({ rows, every, partial }) =>
    `windows of ${rows} rows, one every ${every === 1 ? 'row' : `${every} rows`}${partial ? '' : ', whole ones only'}`,
  isStateless: false,
  keepsOrder: false,
  keepsCuts: false,
  stateBytes: (_, [input = []], rows) => 3 * floorBytes(input, rows),
  canSpill: true,
};
