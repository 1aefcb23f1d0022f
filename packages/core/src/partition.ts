/** Cutting plans for more than one machine. No promise of stability. */

export { readArrowInfo } from './formats/arrow-ipc/arrow-info.ts';
export { joinCrc32 } from './formats/crc32-join.ts';

export type * from './partition/contract.ts';
export { type CutOptions, cutPlan } from './partition/cut-plan.ts';
export { numberText } from './partition/divide-text.ts';
export { halveTask, joinResults } from './partition/halve-task.ts';
export { readPlanText } from './partition/plan-text.ts';
export { type LeftPart, storedPart, writtenFiles } from './partition/stored-parts.ts';
export { filesOf, tasksOf } from './partition/tasks-of.ts';
