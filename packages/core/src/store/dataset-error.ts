import { PipelineError } from '../errors.ts';

/** A refusal with the dataset in words before it. What was said of rows or a file stays. */
export function datasetError(dataset: string, error: PipelineError, place: { file?: string } = {}): PipelineError {
  const { code, message, hint, file, row, column, value, expected } = error;
  const detail = { hint, file: file ?? place.file, row, column, value, expected, cause: error };
  const present = Object.entries(detail).filter(([, each]) => each !== undefined);
  return new PipelineError(code, `${dataset}: ${message}`, Object.fromEntries(present));
}
