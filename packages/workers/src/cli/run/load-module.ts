/** The module of `spillway run`: its default export as the sinks of a job. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PipelineError, type Sink } from '@spillway/core';
import { retold } from '../output/retold.ts';

const SHAPE =
  'export default sinks, or a function of the arguments that returns them: export default ([file]) => p.source(…).toStore(…)';

function refuse(path: string, problem: string, hint: string, cause?: unknown): PipelineError {
  return new PipelineError('ERR_OP_IMPORT', `${path} ${problem}`, { file: path, hint, cause });
}

/**
 * Where a module is.
 * @throws ERR_FILE_NOT_FOUND, ERR_OP_IMPORT for a folder
 */
export async function modulePath(name: string, cwd: string): Promise<string> {
  const path = resolve(cwd, name);
  try {
    if ((await stat(path)).isDirectory()) throw refuse(path, 'is a folder', 'name the module in it');
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    const { neighbourHint } = await import('../neighbour-hint.ts');
    const detail = { file: path, hint: await neighbourHint(path, cwd), cause };
    throw new PipelineError('ERR_FILE_NOT_FOUND', `there is no module ${path}`, detail);
  }
  return path;
}

/** @throws ERR_OP_IMPORT */
async function importModule(path: string): Promise<Record<string, unknown>> {
  const canRunTypes = 'typescript' in process.features && process.features.typescript !== false;
  if (/\.[cm]?tsx?$/.test(path) && !canRunTypes)
    throw refuse(path, 'is TypeScript, which this version of Node cannot run', 'compile it, and run the .js file');
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    const hint =
      cause instanceof SyntaxError ? `node --check ${path} shows the line` : 'what it does as it is imported fails';
    throw refuse(path, `cannot be imported: ${message}`, hint, cause);
  }
}

function isSink(value: unknown): value is Sink {
  return typeof value === 'object' && value !== null && 'kind' in value && 'node' in value && 'settings' in value;
}

function checkSinks(path: string, value: unknown, from: string): Sink[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const wrong = list.find((each) => !isSink(each));
  if (list.length === 0) throw refuse(path, `${from} no sinks`, SHAPE);
  if (wrong !== undefined || list.includes(undefined)) {
    const isStream = typeof wrong === 'object' && wrong !== null && 'toStore' in wrong;
    const what = isStream
      ? 'a stream that goes nowhere'
      : wrong === null || wrong === undefined
        ? 'nothing'
        : `a ${typeof wrong}`;
    throw refuse(path, `${from} ${what}, not sinks`, isStream ? 'end it in a sink: .toStore(…), .collect()' : SHAPE);
  }
  const sinks = list as Sink[];
  if (!sinks.some(({ kind }) => kind === 'iterate')) return sinks;
  throw refuse(path, 'has a sink toIterable(), which nobody reads here', 'use forEach(…), collect() or a store');
}

type ModuleFunction = (args: readonly string[]) => unknown;

/** What it throws names the module, and what it was given. */
async function call(exported: ModuleFunction, args: readonly string[], path: string): Promise<unknown> {
  try {
    return await exported([...args]);
  } catch (error) {
    const given = args.length === 0 ? 'without arguments' : `with ${args.map((arg) => JSON.stringify(arg)).join(' ')}`;
    if (!(error instanceof PipelineError)) {
      const message = error instanceof Error ? error.message : String(error);
      throw refuse(path, `failed ${given}: ${message}`, 'its default export threw this; it has to return sinks', error);
    }
    throw retold(error, { message: `${error.message}, in ${path} ${given}` });
  }
}

/**
 * Imports a module and asks it for its sinks.
 * @param path as `modulePath` gives it
 * @param args for its default export, where that is a function
 * @throws ERR_OP_IMPORT, and what the module itself throws
 */
export async function loadSinks(path: string, args: readonly string[]): Promise<Sink[]> {
  const { default: exported, ...others } = await importModule(path);
  if (exported === undefined) {
    const names = Object.keys(others);
    throw refuse(
      path,
      'has no default export',
      names.length === 0 ? SHAPE : `it exports ${names.join(', ')}; ${SHAPE}`,
    );
  }
  if (typeof exported !== 'function') return checkSinks(path, await exported, 'exports');
  return checkSinks(path, await call(exported as ModuleFunction, args, path), 'returns');
}
