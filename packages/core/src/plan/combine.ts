/** Streams side by side or one among the other, as users describe it. */
import { PipelineError } from '../errors.ts';
import { type Bytes, parseBytes } from '../schema/sizes.ts';
import type { GraphInput, GraphNode } from './graph.ts';
import type { OperatorSpec } from './logical.ts';
import { checkKeys, makeNode, type StepOptions } from './stage-options.ts';
import { refuseOptions } from './steps/column-checks.ts';

/** Options of steps that take several streams. */
export interface CombineOptions extends StepOptions {
  /** Most bytes of rows that may wait in memory; more goes to disk. Default: a share of the pipeline's limit. */
  memoryLimit?: Bytes;
}

/** Options of `mergeOrdered`. */
export interface MergeOptions<On extends string = string> extends CombineOptions {
  /** The column that all streams ascend on. */
  on: On;
}

/** Options of `zipLatest`. */
export interface ZipLatestOptions<L extends string = string> extends CombineOptions {
  /** Name of the stream whose rows each make one. */
  lossless: L;
}

type Inputs = ReadonlyMap<string, GraphInput>;

/** @throws ERR_OPTIONS */
export function unionNode(inputs: Inputs, options: StepOptions = {}): GraphNode {
  checkKeys(options, 'union', [], 'step');
  return combined('union', { kind: 'union', names: namesOf(inputs, 'union') }, inputs, options);
}

/** @throws ERR_OPTIONS */
export function mergeOrderedNode(inputs: Inputs, options: MergeOptions): GraphNode {
  checkKeys(options, 'mergeOrdered', ['on', 'memoryLimit'], 'step');
  const { on } = options;
  if (typeof on !== 'string' || on === '')
    throw refuseOptions('mergeOrdered', `on is ${String(on)}`, "say which column all streams ascend on: { on: 'ts' }");
  const names = namesOf(inputs, 'mergeOrdered');
  return combined(
    'mergeOrdered',
    { kind: 'mergeOrdered', names, on, ...limitOf(options, 'mergeOrdered') },
    inputs,
    options,
  );
}

/** @throws ERR_OPTIONS */
export function zipNode(inputs: Inputs, options: CombineOptions = {}): GraphNode {
  checkKeys(options, 'zip', ['memoryLimit'], 'step');
  return combined('zip', { kind: 'zip', names: namesOf(inputs, 'zip'), ...limitOf(options, 'zip') }, inputs, options);
}

/** @throws ERR_OPTIONS */
export function combineLatestNode(inputs: Inputs, options: StepOptions = {}): GraphNode {
  checkKeys(options, 'combineLatest', [], 'step');
  const names = namesOf(inputs, 'combineLatest');
  return combined('combineLatest', { kind: 'combineLatest', names, isLossless: false }, inputs, options);
}

/** @throws ERR_OPTIONS */
export function zipLatestNode(given: Inputs, options: ZipLatestOptions): GraphNode {
  checkKeys(options, 'zipLatest', ['lossless', 'memoryLimit'], 'step');
  const { lossless } = options;
  const first = given.get(lossless);
  if (first === undefined)
    throw refuseOptions(
      'zipLatest',
      `lossless is ${JSON.stringify(lossless)}`,
      `name one of the streams: ${[...given.keys()].join(', ')}`,
    );
  const inputs = new Map([[lossless, first], ...[...given].filter(([name]) => name !== lossless)]);
  const names = namesOf(inputs, 'zipLatest');
  return combined(
    'zipLatest',
    { kind: 'combineLatest', names, isLossless: true, ...limitOf(options, 'zipLatest') },
    inputs,
    options,
  );
}

/** @throws ERR_OPTIONS */
export function collectNode(rows: GraphInput, until: GraphInput, options: CombineOptions = {}): GraphNode {
  checkKeys(options, 'collectUntilFlush', ['memoryLimit'], 'step');
  const spec: OperatorSpec = { kind: 'collectUntilFlush', ...limitOf(options, 'collectUntilFlush') };
  return makeNode('collectUntilFlush', spec, [rows, until], options);
}

function namesOf(inputs: Inputs, step: string): string[] {
  if (inputs.size >= 2) return [...inputs.keys()];
  throw refuseOptions(
    step,
    `it was given ${inputs.size} streams`,
    `give at least two by name: ${step}({ trades, quotes })`,
  );
}

function combined(kind: string, spec: OperatorSpec, inputs: Inputs, options: StepOptions): GraphNode {
  return makeNode(kind, spec, [...inputs.values()], options);
}

function limitOf({ memoryLimit }: CombineOptions, step: string): { memoryLimitBytes?: number } {
  if (memoryLimit === undefined) return {};
  const memoryLimitBytes = parseBytes(memoryLimit, `memoryLimit of ${step}`);
  if (memoryLimitBytes > 0) return { memoryLimitBytes };
  throw new PipelineError('ERR_OPTIONS', `${step}: memoryLimit is 0`, {
    stage: step,
    hint: "give a size such as '64MiB', or leave it out",
  });
}
