/** The modules that a worker needs for the ops of its tasks. */
import { type PartitionTask, readPlanText } from '@spillway/core/partition';
import { opModules } from '../coordinator/op-modules.ts';

/** URLs of the modules of all ops and generated sources of these tasks. */
export function modulesOfTasks(tasks: readonly PartitionTask[]): string[] {
  const urls = new Set<string>();
  const texts = new Set(tasks.flatMap(({ plan, inputs }) => [plan, ...inputs.map(({ source }) => source)]));
  for (const text of texts) opModules(readPlanText(text), urls);
  return [...urls];
}
