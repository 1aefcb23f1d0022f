/** A registered op, named so that another thread can import it. */
export interface OpRef {
  /** URL of the module that calls `defineOp`. */
  url: string;
  /** Which `defineOp` call of that module, counted from 0 in evaluation order. */
  ordinal: number;
  /** Chain name, for people. */
  name: string;
}
