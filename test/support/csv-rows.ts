import { readFileSync } from 'node:fs';

/** Rows of a CSV file as texts, by the names in its header; quotes as RFC 4180 has them. */
export function csvRows(path: string): Record<string, string>[] {
  const records = parseCsv(readFileSync(path, 'utf8'));
  const names = records.shift() ?? [];
  return records.map((record) => Object.fromEntries(names.map((name, index) => [name, record[index] ?? ''])));
}

function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  const record: string[] = [];
  let field = '';
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (text[at + 1] === '"') {
        field += '"';
        at++;
      } else isQuoted = false;
    } else if (character === '"') isQuoted = true;
    else if (character === ',' || character === '\n') {
      record.push(field.replace(/\r$/, ''));
      field = '';
      if (character === '\n') records.push(record.splice(0));
    } else field += character;
  }
  if (field !== '' || record.length > 0) records.push([...record, field]);
  return records;
}

/** A number, or null for what stands for nothing. */
export function numberOf(text: string | undefined): number | null {
  return text === undefined || text === '' || text === 'NA' ? null : Number(text);
}

/** A text, or null for what stands for nothing. */
export function textOf(text: string | undefined): string | null {
  return text === undefined || text === '' || text === 'NA' ? null : text;
}

/** A time in microseconds since 1970, read as UTC. */
export function microsOf(text: string | undefined): bigint {
  const [date, time = '00:00:00'] = (text ?? '').replace(/Z$/, '').split(/[ T]/);
  const [clock, fraction = ''] = time.split('.');
  return BigInt(Date.parse(`${date}T${clock}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0').slice(0, 6));
}
