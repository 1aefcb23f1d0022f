/** A column of a printed table. Numbers stand to the right. */
export interface TextColumn {
  title: string;
  align: 'left' | 'right';
}

/** Rows of text under titles, with a rule between. */
export function textTable(columns: readonly TextColumn[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, c) =>
    rows.reduce((most, row) => Math.max(most, row[c]?.length ?? 0), title.length),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, c) => (columns[c]?.align === 'right' ? cell.padStart(widths[c] ?? 0) : cell.padEnd(widths[c] ?? 0)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return [line(columns.map(({ title }) => title)), rule, ...rows.map(line)].join('\n');
}

/** An integer with thousands apart: `3,000,000`. */
export function grouped(value: number | bigint): string {
  return value.toLocaleString('en-US');
}

/** `1 row`, `3,000 rows` */
export function amount(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`;
}
