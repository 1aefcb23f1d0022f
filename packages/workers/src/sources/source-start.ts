import type { OrderedValue } from '@spillway/core/internal';
import type { ScheduleStart } from './row-groups.ts';

/** Where a source begins in this run, once its plan has been made. */
export interface SourceStart extends ScheduleStart {
  /** Sequence that it begins with. */
  first: number;
  last: OrderedValue | undefined;
  /** Rows that a program gives and that were taken before. */
  skipRows: number;
}
