/** Plain values: Python's int is a bigint, its float a number; tuples, sets and frozen sets come as lists. */
export type PlainValue = string | bigint | number | boolean | null | PlainValue[] | { [name: string]: PlainValue };

/** Where a value is an object of Python, which is not built here. */
export class PythonObject {
  /** Module and name of what would have made it. */
  readonly type: string;

  constructor(type: string) {
    this.type = type;
  }
}

/** The bytes are not a pickle, or one of a kind that is not read. The caller names the file. */
export class PickleError extends Error {
  override readonly name = 'PickleError';
}
