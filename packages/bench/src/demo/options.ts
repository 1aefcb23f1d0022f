import { parseArgs } from 'node:util';
import { nearestName, parseBytes } from '@spillway/core/internal';

export interface DemoOptions {
  memoryLimitBytes: number;
  workers: number;
  storePath: string;
  /** Another file of flights; undefined for the three million. */
  inputPath: string | undefined;
  isJson: boolean;
  hasDashboard: boolean;
  /** File for the dashboard's page as it is at the end. */
  reportPath: string | undefined;
  isHelp: boolean;
}

/** A wrong command line: exit code 2. The message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const USAGE = `npm start -- [--memory-limit SIZE] [--workers N] [--input FILE] [--store FOLDER] [--dashboard] [--report FILE] [--json]

Three million flights, each beside the one that came in to its airport before, aggregated by hour, day and week, over all and
by origin, into an ordered store.

  --memory-limit SIZE   hard limit of the pipeline, such as 192MiB (default 256MiB)
  --workers N           most lanes a stage may have (default 2)
  --input FILE          another Parquet file with the columns date, delay, distance, origin and destination
  --store FOLDER        where the result goes (default ./demo-store)
  --dashboard           a page in the browser that shows the run; it stays until Ctrl-C
  --report FILE         the same page as one file
  --json                the last line of the output is the run's summary as one JSON object
  --help                this text`;

const SPEC = {
  'memory-limit': { type: 'string', default: '256MiB' },
  workers: { type: 'string', default: '2' },
  input: { type: 'string' },
  store: { type: 'string', default: './demo-store' },
  dashboard: { type: 'boolean', default: false },
  report: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false, short: 'h' },
} as const;

function refuseUnknown(argument: string): never {
  const nearest = nearestName(argument.replace(/^-+/, ''), Object.keys(SPEC));
  const known = `options are ${Object.keys(SPEC)
    .map((name) => `--${name}`)
    .join(', ')}`;
  throw new UsageError(`unknown option ${argument}: ${nearest === undefined ? known : `did you mean --${nearest}?`}`);
}

function readWorkers(text: string): number {
  const workers = Number(text);
  if (Number.isInteger(workers) && workers >= 1 && workers <= 64) return workers;
  throw new UsageError(`--workers takes a whole number from 1 to 64, not "${text}"`);
}

function readMemoryLimit(text: string): number {
  try {
    return parseBytes(text, '--memory-limit');
  } catch (error) {
    throw new UsageError(`--memory-limit takes a size such as 128MiB, not "${text}"`, { cause: error });
  }
}

/** Reads the command line. @throws UsageError */
export function readOptions(args: string[]): DemoOptions {
  const { tokens } = parseArgs({ args, options: SPEC, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') throw new UsageError(`nothing is to be named here: "${token.value}"`);
    if (token.kind !== 'option') continue;
    const spec = Object.entries(SPEC).find(([name]) => name === token.name)?.[1];
    if (spec === undefined) refuseUnknown(token.rawName);
    if (spec.type === 'string' && !token.value) throw new UsageError(`${token.rawName} needs a value`);
    if (spec.type === 'boolean' && token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
  }
  const { values } = parseArgs({ args, options: SPEC });
  return {
    memoryLimitBytes: readMemoryLimit(values['memory-limit']),
    workers: readWorkers(values.workers),
    storePath: values.store,
    inputPath: values.input,
    isJson: values.json,
    hasDashboard: values.dashboard,
    reportPath: values.report,
    isHelp: values.help,
  };
}
