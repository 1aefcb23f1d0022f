/** What the beginning of a file of lines of JSON says: its byte order mark, and the columns and types that a sample has. */
import type { FieldSpec } from '../../schema/types.ts';
import type { JsonFormat } from '../csv/csv-format.ts';
import { typeOfTexts } from '../csv/sampled-type.ts';
import { markBytes, readTextHead, type TextHead } from '../csv/text-head.ts';
import { type PlainJson, type PlainJsonKind, parseLine, unescapedText } from './plain-json.ts';
import { linesOf } from './plain-lines.ts';

/** The beginning of one file. */
export interface JsonHead extends TextHead {
  /** Columns as a sample of the lines has them. */
  fields: FieldSpec[];
}

const SAMPLE_ROWS = 2000;

/**
 * Reads the beginning of a file. Lines that are no objects are left out here: reading the rows tells them.
 * @param samples whether to suggest columns; without there are none
 * @throws ERR_FILE_NOT_FOUND, ERR_IO, ERR_FILE_FORMAT (not UTF-8)
 */
export function readJsonHead(
  path: string,
  format: Pick<JsonFormat, 'timeFormats'>,
  samples: boolean,
): Promise<JsonHead> {
  return readTextHead(path, samples, (sample, isWhole) => {
    const dataStart = markBytes(path, sample);
    if (!samples) return { dataStart, headLines: 0, fields: [] };
    const lines: PlainJson[] = [];
    for (const { start, end } of linesOf(sample, dataStart)) {
      if (lines.length === SAMPLE_ROWS) break;
      // The last line of a sample may be cut off.
      if (end === sample.length && !isWhole) break;
      const { value, fault } = parseLine(sample.toString('latin1', start, end));
      if (fault === undefined) lines.push(value);
    }
    if (lines.length === 0 && !isWhole) return undefined;
    return { dataStart, headLines: 0, fields: fieldsOf(lines, format) };
  });
}

interface Sampled {
  kinds: Set<PlainJsonKind>;
  texts: string[];
}

function fieldsOf(lines: readonly PlainJson[], { timeFormats }: Pick<JsonFormat, 'timeFormats'>): FieldSpec[] {
  const columns = new Map<string, Sampled>();
  for (const line of lines) sample(line, '', columns);
  return [...columns].flatMap(([name, { kinds, texts }]): FieldSpec[] => {
    kinds.delete('null');
    // Objects are seen through, unless something else stands in their place.
    if (kinds.size === 1 && kinds.has('object')) return [];
    const above = [...columns].some(([other, its]) => name.startsWith(`${other}.`) && its.kinds.size > 1);
    if (above) return [];
    return [{ name, type: typeOf(kinds, texts, timeFormats[name]), nullable: true }];
  });
}

function sample(object: PlainJson, prefix: string, columns: Map<string, Sampled>): void {
  for (const { key, value } of object.members) {
    if (key === undefined) continue;
    const name = `${prefix}${key}`;
    const column = columns.get(name) ?? { kinds: new Set(), texts: [] };
    columns.set(name, column);
    column.kinds.add(value.kind);
    if (value.kind === 'object') sample(value, `${name}.`, columns);
    else if (value.kind !== 'null') column.texts.push(unescapedText(value.raw) ?? '');
  }
}

function typeOf(
  kinds: ReadonlySet<PlainJsonKind>,
  texts: readonly string[],
  format: string | undefined,
): FieldSpec['type'] {
  const [kind, ...others] = kinds;
  if (kind === undefined) return format === undefined ? 'utf8' : 'timestamp[us]';
  if (others.length > 0 || kind === 'array' || kind === 'object') return 'utf8';
  if (kind === 'truth') return 'bool';
  const plain = texts.map((text) => ({ text, quoted: false }));
  if (kind === 'number') return typeOfTexts(plain, [], format, format === undefined ? ['int64', 'float64'] : undefined);
  return typeOfTexts(plain, [], format, ['date32', 'timestamp[us]', 'timestamp[ns]']);
}
