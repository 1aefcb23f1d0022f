/**
 * Where the definitions of user code are found again in every thread. A definition is made by a module that the main thread and every
 * worker import; a plan names it by that module's URL and the position of the call in it, so a plan stays plain data and no function
 * ever crosses a thread.
 */
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { PipelineError } from '../errors.ts';
import type { OpRef } from '../plan/logical.ts';

/** What all definitions have in common. */
interface Definition {
  readonly kind: string;
  readonly ref: OpRef;
}

const definitions = new Map<string, Definition>();
const nextOrdinal = new Map<string, number>();

/** Numbers a definition of a module. */
export function registerDefinition<T extends Definition>(
  url: string,
  name: string | undefined,
  make: (ref: OpRef) => T,
): T {
  const ordinal = nextOrdinal.get(url) ?? 0;
  nextOrdinal.set(url, ordinal + 1);
  const definition = make({ url, ordinal, name: name ?? `op${ordinal}` });
  definitions.set(`${url}#${ordinal}`, definition);
  return definition;
}

/** Finds a definition in this thread, importing its module when needed. @throws ERR_OP_IMPORT */
export async function resolveDefinition<T extends Definition>(ref: OpRef, kind: T['kind']): Promise<T> {
  refuseMainScript(ref);
  const key = `${ref.url}#${ref.ordinal}`;
  if (!definitions.has(key)) await importModule(ref);
  const found = definitions.get(key);
  if (found?.kind === kind) return found as T;
  throw new PipelineError(
    'ERR_OP_IMPORT',
    `${kind} "${ref.name}" is not where the plan says: definition ${ref.ordinal} of ${ref.url}`,
    {
      stage: ref.name,
      file: ref.url,
      hint: 'define ops at the top level of their module, in the same order and number in every thread, and pass import.meta.url',
    },
  );
}

async function importModule(ref: OpRef): Promise<void> {
  try {
    await import(ref.url);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PipelineError('ERR_OP_IMPORT', `the module of "${ref.name}" cannot be imported: ${why}`, {
      stage: ref.name,
      file: ref.url,
      hint: 'an op lives in a JavaScript module that workers can import by its URL: pass import.meta.url of a saved file',
      cause,
    });
  }
}

/** A worker that imported the main script would run it again. */
function refuseMainScript(ref: OpRef): void {
  if (ref.url.split(/[?#]/, 1)[0] !== mainScriptUrl()) return;
  throw new PipelineError(
    'ERR_OP_IMPORT',
    `"${ref.name}" is defined in the main script, which workers cannot import without running it again`,
    {
      stage: ref.name,
      file: ref.url,
      hint: 'move it to its own module and import it from there',
    },
  );
}

function mainScriptUrl(): string | undefined {
  const main = process.argv[1];
  if (main === undefined) return undefined;
  try {
    return pathToFileURL(createRequire(main).resolve(main)).href; // the script may be named by its folder or without extension
  } catch {
    return undefined; // not a file: a REPL, or a script given as text
  }
}
