import { type TextColumn, textTable } from '@spillway/workers/internal';

/** As `textTable`, set in a little. */
export function indentedTable(columns: readonly TextColumn[], rows: readonly (readonly string[])[]): string {
  return textTable(columns, rows).replace(/^/gm, '  ');
}
