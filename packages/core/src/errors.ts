/** Every code a refusal can carry. A closed union: a new kind of refusal adds its code here. */
export type PipelineErrorCode =
  | 'ERR_ABORTED'
  | 'ERR_CALLBACK_FAILED'
  | 'ERR_COLUMN_UNKNOWN'
  | 'ERR_DASK_PYTHON'
  | 'ERR_DASK_SCHEDULER'
  | 'ERR_DASK_SHARED_PATH'
  | 'ERR_DASK_VERSION'
  | 'ERR_DASK_WORKER'
  | 'ERR_EXPRESSION'
  | 'ERR_FILE_FORMAT'
  | 'ERR_FILE_NOT_FOUND'
  | 'ERR_FILE_TRUNCATED'
  | 'ERR_INPUT_UNORDERED'
  | 'ERR_INTEGER_OVERFLOW'
  | 'ERR_INTERNAL'
  | 'ERR_IO'
  | 'ERR_KEY'
  | 'ERR_MEMORY_EXHAUSTED'
  | 'ERR_MEMORY_MINIMUM'
  | 'ERR_OP_FAILED'
  | 'ERR_OP_IMPORT'
  | 'ERR_OP_OPTIONS'
  | 'ERR_OP_OUTPUT'
  | 'ERR_OP_UNKNOWN'
  | 'ERR_OPTIONS'
  | 'ERR_PLAN'
  | 'ERR_RESUME_BUSY'
  | 'ERR_RESUME_CLOSED'
  | 'ERR_RESUME_CORRUPT'
  | 'ERR_RESUME_PLAN'
  | 'ERR_RESUME_SOURCE'
  | 'ERR_ROW_TOO_LARGE'
  | 'ERR_SCHEMA'
  | 'ERR_SINK_MODE'
  | 'ERR_SOURCE_FAILED'
  | 'ERR_SPILL_CORRUPT'
  | 'ERR_SPILL_DISK'
  | 'ERR_SPILL_LIMIT'
  | 'ERR_STALLED'
  | 'ERR_STORE_CONFLICT'
  | 'ERR_STORE_CORRUPT'
  | 'ERR_STORE_NOT_FOUND'
  | 'ERR_STORE_OVERLAP'
  | 'ERR_STORE_UNSUPPORTED'
  | 'ERR_TIMING_DEPENDENT'
  | 'ERR_TYPE_UNSUPPORTED'
  | 'ERR_VALUE'
  | 'ERR_WORKER_DIED';

/** Where a refusal happened and what to do next. Every field is plain data, so that it crosses threads. */
export interface PipelineErrorDetail {
  /** What to do next, as one sentence. */
  hint?: string;
  /** The stage or operator that refused. */
  stage?: string;
  file?: string;
  /** 0-based row of the file or of the source. */
  row?: number;
  column?: string;
  /** The offending value, shortened. */
  value?: string;
  /** What was asked or expected. */
  expected?: string;
  cause?: unknown;
}

/** A `PipelineError` as plain data: what crosses threads and what `--json` prints. */
export interface PipelineErrorData extends Omit<PipelineErrorDetail, 'cause'> {
  code: PipelineErrorCode;
  message: string;
  /** Stack of the thread that threw. */
  remoteStack?: string;
  cause?: PipelineErrorData | { name: string; message: string; stack?: string };
}

/**
 * The one error class of Spillway: every refusal has a code, a place and a hint.
 *
 * @example
 * ```ts
 * try { await job.done; } catch (error) {
 *   if (error instanceof PipelineError) console.error(error.code, error.message, error.hint);
 * }
 * ```
 */
export class PipelineError extends Error {
  override readonly name = 'PipelineError';
  readonly code: PipelineErrorCode;
  readonly hint: string | undefined;
  readonly stage: string | undefined;
  readonly file: string | undefined;
  readonly row: number | undefined;
  readonly column: string | undefined;
  readonly value: string | undefined;
  readonly expected: string | undefined;
  /** Stack of the worker thread that threw, when the error crossed threads. */
  remoteStack: string | undefined;

  constructor(code: PipelineErrorCode, message: string, detail: PipelineErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.hint = detail.hint;
    this.stage = detail.stage;
    this.file = detail.file;
    this.row = detail.row;
    this.column = detail.column;
    this.value = detail.value;
    this.expected = detail.expected;
  }

  /** The error as plain data. */
  toJSON(): PipelineErrorData {
    return errorToData(this);
  }
}

const DETAIL_KEYS = ['hint', 'stage', 'file', 'row', 'column', 'value', 'expected'] as const;

function causeToData(cause: unknown): NonNullable<PipelineErrorData['cause']> {
  if (cause instanceof PipelineError) return errorToData(cause);
  if (cause instanceof Error) {
    const plain = { name: cause.name, message: cause.message };
    return cause.stack === undefined ? plain : { ...plain, stack: cause.stack };
  }
  return { name: 'Error', message: String(cause) };
}

/** Turns anything thrown into plain data; what is not a `PipelineError` becomes `ERR_INTERNAL` with its cause. */
export function errorToData(error: unknown): PipelineErrorData {
  const known =
    error instanceof PipelineError
      ? error
      : new PipelineError('ERR_INTERNAL', error instanceof Error ? error.message : String(error), { cause: error });
  const data: PipelineErrorData = { code: known.code, message: known.message };
  for (const key of DETAIL_KEYS) {
    const value = known[key];
    if (value !== undefined) Object.assign(data, { [key]: value });
  }
  const stack = known.remoteStack ?? known.stack;
  if (stack !== undefined) data.remoteStack = stack;
  if (known.cause !== undefined) data.cause = causeToData(known.cause);
  return data;
}

function isPipelineErrorData(cause: NonNullable<PipelineErrorData['cause']>): cause is PipelineErrorData {
  return 'code' in cause;
}

function reviveCause(data: NonNullable<PipelineErrorData['cause']>): Error {
  if (isPipelineErrorData(data)) return errorFromData(data);
  const cause = new Error(data.message);
  cause.name = data.name;
  if (data.stack !== undefined) cause.stack = data.stack;
  return cause;
}

/** Rebuilds a `PipelineError` from plain data, with its cause and remote stack. */
export function errorFromData(data: PipelineErrorData): PipelineError {
  const { code, message, remoteStack, cause, ...detail } = data;
  const error = new PipelineError(
    code,
    message,
    cause === undefined ? detail : { ...detail, cause: reviveCause(cause) },
  );
  error.remoteStack = remoteStack;
  return error;
}
