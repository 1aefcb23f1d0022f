/** The tasks of one step, with what the steps before it have found out. */
import type { CutPlan, PartitionResult, PartitionTask } from './contract.ts';

/** To be called when all tasks of the steps before have ended. `results`: of these, in any order. */
export function tasksOf(cut: CutPlan, step: number, _results: readonly PartitionResult[]): PartitionTask[] {
  return cut.steps[step]?.tasks ?? [];
}
