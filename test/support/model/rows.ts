/** Rows of the model: a time and a value in one number, each a unit of memory; and what its operators make of them. */

/** `time · 2^20 + value`. */
export type Row = number;

const VALUES = 2 ** 20;

export function rowOf(time: number, value: number): Row {
  return time * VALUES + (value & (VALUES - 1));
}

export function timeOf(row: Row): number {
  return Math.floor(row / VALUES);
}

export function valueOf(row: Row): number {
  return row % VALUES;
}

/** Depends on both values and on their order, so that a row lost, doubled or out of place shows in what is made of it. */
export function mix(left: number, right: number): number {
  const product = Math.imul(left + 0x9e37, 0x85eb) ^ Math.imul(right + 0x79b9, 0xca6b);
  return (product ^ (product >>> 13)) & (VALUES - 1);
}

/** Whether a filter lets a row through: few, so that most batches of some rows become empty. */
export function passes(row: Row, salt: number): boolean {
  return mix(valueOf(row), salt) % 8 === 0;
}

/** What a stateless step makes of a row; undefined where it drops it. */
export function mapped(row: Row, salt: number): Row | undefined {
  const value = mix(valueOf(row), salt);
  return value % 4 === 0 ? undefined : rowOf(timeOf(row), value);
}
