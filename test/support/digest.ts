import { createHash } from 'node:crypto';
import type { Table } from 'apache-arrow';

const bits = new Float64Array(1);

function cellText(value: unknown): string {
  if (typeof value !== 'number' || Number.isInteger(value)) return Object.is(value, -0) ? '-0' : String(value);
  bits[0] = value;
  return Buffer.from(bits.buffer).toString('hex');
}

/**
 * A digest of rows, their order, value bits and schema, blind to how they are cut into batches. Two results with one
 * digest are the same answer.
 */
export function digestTable(table: Table): string {
  const hash = createHash('sha256');
  for (const { name, type, nullable } of table.schema.fields) {
    hash.update(`\n${name}:${type}:${nullable}\n`);
    for (const value of table.getChild(name) ?? []) hash.update(`${cellText(value)},`);
  }
  return `${table.numRows} rows, ${hash.digest('hex')}`;
}
