/** Options that every stage takes, checked and brought into the plan's units where they are written. */
import { PipelineError } from '../errors.ts';
import { type Duration, parseDuration } from '../schema/durations.ts';
import { nameHint } from '../schema/nearest-name.ts';
import { type Bytes, parseBytes } from '../schema/sizes.ts';
import type { GraphInput, GraphNode } from './graph.ts';
import type { OperatorSpec, Triggers } from './logical.ts';

/** Options of every step. */
export interface StepOptions {
  /** Unique name, for errors, events and metrics. */
  name?: string;
  /** Start a stage of its own here, also where the step could be fused with the one before. */
  ownStage?: boolean;
}

/** Options of every step that holds rows back. The first trigger to fire flushes it. */
export interface StageOptions extends StepOptions {
  /** Logical inputs taken since the last flush. */
  iterMax?: number;
  /** Rows held. */
  rows?: number;
  /** Logical bytes held; also the stage's cap. `'auto'` leaves it to the governor. */
  memoryLimit?: Bytes | 'auto';
  /** Time since the first input after the last flush. */
  interval?: Duration;
  /** `false` hands every result straight on instead of holding it until a trigger. Default true. */
  accumulate?: boolean;
}

const STEP_KEYS = ['name', 'ownStage'];
const STAGE_KEYS = [...STEP_KEYS, 'iterMax', 'rows', 'memoryLimit', 'interval', 'accumulate'];

/** Refuses options that a step does not have. @throws ERR_OPTIONS with the nearest name */
export function checkKeys(
  options: object | undefined,
  step: string,
  own: readonly string[],
  common: 'step' | 'stage',
): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new PipelineError(
      'ERR_OPTIONS',
      `options of ${step} are ${Array.isArray(options) ? 'a list' : String(options)}`,
      {
        stage: step,
        hint: 'pass them as one object',
      },
    );
  }
  const known = [...own, ...(common === 'stage' ? STAGE_KEYS : STEP_KEYS)];
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new PipelineError('ERR_OPTIONS', `${step} has no option "${key}"`, {
      stage: step,
      hint: nameHint(key, known),
    });
  }
}

function positiveInteger(value: number | undefined, option: string, step: string): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value;
  throw new PipelineError('ERR_OPTIONS', `${step}: ${option} is ${String(value)}`, {
    stage: step,
    expected: 'a whole number from 1',
    value: String(value),
    hint: `give ${option} as a whole number from 1, or leave it out`,
  });
}

/** As in `positiveInteger`, for other files. @throws ERR_OPTIONS */
export function checkCount(value: number, option: string, step: string): number {
  return positiveInteger(value, option, step) ?? value;
}

function checkedMemory(value: Bytes | 'auto', step: string): number | 'auto' {
  if (value === 'auto') return value;
  const bytes = parseBytes(value, `memoryLimit of ${step}`);
  if (bytes > 0) return bytes;
  throw new PipelineError('ERR_OPTIONS', `${step}: memoryLimit is 0`, {
    stage: step,
    hint: "give a size such as '64MiB', or leave it out",
  });
}

function checkedInterval(value: Duration, step: string): number {
  const ms = Number(parseDuration(value, `interval of ${step}`)) / 1e6;
  if (ms > 0) return ms;
  throw new PipelineError('ERR_OPTIONS', `${step}: interval is ${String(value)}`, {
    stage: step,
    hint: "give a duration such as '5s', or leave it out",
  });
}

/** The triggers that options ask for. @throws ERR_OPTIONS */
export function triggersOf(options: StageOptions, step: string): Triggers {
  const triggers: Triggers = {};
  const iterMax = positiveInteger(options.iterMax, 'iterMax', step);
  const rows = positiveInteger(options.rows, 'rows', step);
  if (iterMax !== undefined) triggers.iterMax = iterMax;
  if (rows !== undefined) triggers.rows = rows;
  if (options.memoryLimit !== undefined) triggers.memoryLimitBytes = checkedMemory(options.memoryLimit, step);
  if (options.interval !== undefined) triggers.intervalMs = checkedInterval(options.interval, step);
  return triggers;
}

/** A boolean option, checked. @throws ERR_OPTIONS */
export function booleanOf(value: boolean | undefined, fallback: boolean, option: string, step: string): boolean {
  if (value === undefined) return fallback;
  if (typeof value === 'boolean') return value;
  throw new PipelineError('ERR_OPTIONS', `${step}: ${option} is ${String(value)}, not true or false`, {
    stage: step,
    hint: `give ${option} as true or false`,
  });
}

/** A node of the graph, with the options that every step takes. @throws ERR_OPTIONS */
export function makeNode(
  baseName: string,
  spec: OperatorSpec,
  inputs: readonly GraphInput[],
  options: StepOptions = {},
  endpoint?: object,
): GraphNode {
  const { name } = options;
  if (name !== undefined && (typeof name !== 'string' || name.trim() === '')) {
    throw new PipelineError('ERR_OPTIONS', `${baseName}: name is ${JSON.stringify(name)}`, {
      stage: baseName,
      hint: 'give a name that is not empty',
    });
  }
  return {
    baseName: name ?? baseName,
    isNamed: name !== undefined,
    spec,
    inputs,
    ownStage: booleanOf(options.ownStage, false, 'ownStage', baseName),
    ...(endpoint !== undefined && { endpoint }),
  };
}
