/**
 * Options of registered ops: a small descriptor says which there are and of what kind, so that a wrong one is refused
 * where it is written, in the same words for every op, and so that TypeScript infers their type.
 */
import { PipelineError } from '../errors.ts';

type OptionKind = 'number' | 'integer' | 'string' | 'boolean' | 'number[]' | 'string[]' | 'any';

/** `number`, `string?` (may be left out), `string[]`, or the list of allowed values (with `undefined` when it may be left out). */
export type OptionDescriptor = OptionKind | `${OptionKind}?` | readonly (string | number | boolean | undefined)[];

/** Option names with what each takes. */
export type OptionDescriptors = { readonly [option: string]: OptionDescriptor };

/** Descriptors, or a function that checks what the user gave, returns the options and throws when they are wrong. */
export type OptionsSpec = OptionDescriptors | ((raw: never) => unknown);

interface KindValues {
  number: number;
  integer: number;
  string: string;
  boolean: boolean;
  'number[]': readonly number[];
  'string[]': readonly string[];
  any: unknown;
}
type ValueOf<D> = D extends readonly unknown[]
  ? D[number]
  : D extends `${infer K extends OptionKind}?`
    ? KindValues[K]
    : D extends OptionKind
      ? KindValues[D]
      : never;
type OptionalKeys<D> = {
  [K in keyof D]: D[K] extends readonly unknown[]
    ? undefined extends D[K][number]
      ? K
      : never
    : D[K] extends `${string}?`
      ? K
      : never;
}[keyof D];
type Flat<T> = { [K in keyof T]: T[K] };

/** What the user passes. */
export type OptionsInput<D> = D extends (raw: infer R) => unknown
  ? R
  : Flat<
      { [K in Exclude<keyof D, OptionalKeys<D>>]: ValueOf<D[K]> } & {
        [K in OptionalKeys<D>]?: Exclude<ValueOf<D[K]>, undefined> | undefined;
      }
    >;

/** What `create` gets. */
export type OptionsOutput<D> = D extends (raw: never) => infer R ? R : OptionsInput<D>;

/** Names that chain methods keep for themselves, so no op can have an option of that name. */
export const RESERVED_OPTIONS: readonly string[] = [
  'iterMax',
  'rows',
  'memoryLimit',
  'interval',
  'accumulate',
  'resetOnFlush',
  'name',
  'ownStage',
];

const CHECKS: Record<OptionKind, (value: unknown) => boolean> = {
  number: (value) => typeof value === 'number' && !Number.isNaN(value),
  integer: (value) => Number.isSafeInteger(value),
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  'number[]': (value) => Array.isArray(value) && value.every((item) => typeof item === 'number'),
  'string[]': (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
  any: () => true,
};

/** Refuses descriptors that chain methods could not offer. @throws ERR_OPTIONS */
export function checkDescriptors(
  spec: OptionsSpec | undefined,
  op: string,
  reserved: readonly string[] = RESERVED_OPTIONS,
): void {
  if (spec === undefined || typeof spec === 'function') return;
  for (const [option, descriptor] of Object.entries(spec)) {
    if (reserved.includes(option)) {
      throw new PipelineError(
        'ERR_OPTIONS',
        `"${op}" declares an option "${option}", which every step of its kind already has`,
        {
          hint: `rename the option; reserved are ${reserved.join(', ')}`,
        },
      );
    }
    const isKnown =
      Array.isArray(descriptor) ||
      (typeof descriptor === 'string' && Object.hasOwn(CHECKS, descriptor.replace(/\?$/, '')));
    if (!isKnown) {
      throw new PipelineError('ERR_OPTIONS', `op "${op}" describes its option "${option}" as ${show(descriptor)}`, {
        hint: `use one of ${Object.keys(CHECKS).join(', ')}, each with ? when it may be left out, or a list of the allowed values`,
      });
    }
  }
}

/** Checks options against descriptors and returns them as plain data. @throws ERR_OP_OPTIONS with the nearest name or the values allowed */
export function parseOptions(spec: OptionsSpec | undefined, raw: unknown, op: string): unknown {
  const given = raw ?? {};
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new PipelineError('ERR_OP_OPTIONS', `options of op "${op}" are ${show(raw)}`, {
      stage: op,
      hint: 'pass them as one object',
    });
  }
  if (typeof spec === 'function') return cloneOptions(callParser(spec as (raw: unknown) => unknown, given, op), op);
  const descriptors: OptionDescriptors = spec ?? {};
  for (const option of Object.keys(given)) {
    if (!Object.hasOwn(descriptors, option)) refuseUnknown(option, Object.keys(descriptors), op);
  }
  const options: Record<string, unknown> = {};
  for (const [option, descriptor] of Object.entries(descriptors)) {
    const value = (given as Record<string, unknown>)[option];
    checkValue(option, descriptor, value, op);
    if (value !== undefined) options[option] = value;
  }
  return cloneOptions(options, op);
}

function callParser(parser: (raw: unknown) => unknown, raw: unknown, op: string): unknown {
  try {
    return parser(raw);
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    throw new PipelineError(
      'ERR_OP_OPTIONS',
      `op "${op}" refuses its options: ${cause instanceof Error ? cause.message : String(cause)}`,
      { stage: op, cause },
    );
  }
}

function checkValue(option: string, descriptor: OptionDescriptor, value: unknown, op: string): void {
  const isOptional = typeof descriptor === 'string' ? descriptor.endsWith('?') : descriptor.includes(undefined);
  if (value === undefined && isOptional) return;
  const isValid =
    typeof descriptor === 'string'
      ? CHECKS[descriptor.replace(/\?$/, '') as OptionKind](value)
      : descriptor.includes(value as string);
  if (isValid) return;
  const expected =
    typeof descriptor === 'string'
      ? descriptor.replace(/\?$/, '')
      : `one of ${descriptor
          .filter((item) => item !== undefined)
          .map(show)
          .join(', ')}`;
  const what = value === undefined ? 'is missing' : `is ${show(value)}`;
  throw new PipelineError('ERR_OP_OPTIONS', `option "${option}" of op "${op}" ${what}, expected ${expected}`, {
    stage: op,
    expected,
    ...(value === undefined ? {} : { value: show(value) }),
    hint: `give ${option} as ${expected}`,
  });
}

function refuseUnknown(option: string, known: readonly string[], op: string): never {
  const list = known.length === 0 ? 'the op takes no options of its own' : `its options are ${known.join(', ')}`;
  throw new PipelineError('ERR_OP_OPTIONS', `op "${op}" has no option "${option}"`, {
    stage: op,
    hint: `${list}; every stage also takes ${RESERVED_OPTIONS.join(', ')}`,
  });
}

/** Options travel to other threads, so what cannot be cloned is refused here. */
function cloneOptions(options: unknown, op: string): unknown {
  try {
    return structuredClone(options);
  } catch (cause) {
    const what = uncloneable(options);
    throw new PipelineError('ERR_OP_OPTIONS', `${what} of op "${op}" cannot be sent to another thread`, {
      stage: op,
      hint: 'pass plain data; let the op itself make functions, handles and class instances in create()',
      cause,
    });
  }
}

/** Which of the options it is, as a sentence begins. */
function uncloneable(options: unknown): string {
  for (const [name, value] of Object.entries(options ?? {})) {
    try {
      structuredClone(value);
    } catch {
      return `option "${name}"`;
    }
  }
  return 'options';
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  return (JSON.stringify(value) ?? String(value)).slice(0, 80);
}
