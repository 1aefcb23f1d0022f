/** What planning has to know of a step. One object for each kind: nothing else of the planner tells these kinds apart. */
import type { Fields } from '../../schema/types.ts';
import type { StepFields } from '../node-fields.ts';
import type { ResolvedNode } from '../resolved.ts';
import type { Needed } from './needed-columns.ts';

export interface StepTraits<Spec> {
  /** Columns and order that it gives. @throws what is wrong with its input */
  fields(spec: Spec, inputs: readonly Fields[], ordered: readonly (string | undefined)[]): StepFields;
  /** Columns of an input that it and everything behind it use. */
  needed(spec: Spec, node: ResolvedNode, behind: Needed, input: number): Needed;
  /** For `explain`. */
  describe(spec: Spec): string;
  /** Its result for a batch depends on that batch alone, so several lanes may share the work. */
  isStateless: boolean;
  /** Rows go on in the order they come, if not all of them. */
  keepsOrder: boolean;
  /** How its output is cut into logical batches follows from how its input is. */
  keepsCuts: boolean;
  /** Why its result depends on timing, if it does. `isSeen`: how its output is cut can be observed. */
  timing?(spec: Spec, isSeen: boolean): string | undefined;
  /** Of several inputs the one whose cuts its output has; default all. */
  cutsFollow?: number;
  /** What is behind it runs in another stage, so that it knows when that has taken something. */
  endsStage?: boolean;
  /** Takes from whichever of several inputs has something. */
  takesAny?: boolean;
  /** Bytes of shared memory that it cannot run without, besides one batch at work. */
  stateBytes(spec: Spec, inputs: readonly Fields[], rows: number): number;
  /** It may hold more than its share, on disk. */
  canSpill: boolean | ((spec: Spec) => boolean);
}
