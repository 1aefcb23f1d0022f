import { PipelineError } from '../../errors.ts';
import type { OperatorContext } from '../contract.ts';

/** A run that is stopped is not waited for longer than this. */
const LONGEST_MS = 50;

/** Waits until a time on the context's clock. @throws ERR_ABORTED */
export async function pauseUntil({ now, signal, name }: OperatorContext, timeMs: number): Promise<void> {
  for (let left = timeMs - now(); left > 0; left = timeMs - now()) {
    if (signal.aborted) throw new PipelineError('ERR_ABORTED', `${name}: stopped`, { stage: name });
    const wait = Math.min(left, LONGEST_MS);
    await new Promise<void>((resolve) => void setTimeout(resolve, wait));
  }
}
