/** The type that texts of a sample suggest. */
import type { TypeText } from '../../schema/types.ts';
import { plainValue } from './plain-values.ts';

/** From narrow to wide; the first that takes all values of the sample. */
const CANDIDATES: readonly TypeText[] = ['int64', 'float64', 'date32', 'timestamp[us]', 'timestamp[ns]', 'bool'];

/** The type of a column with these texts. `among`: types to choose from. */
export function typeOfTexts(
  texts: readonly { text: string; quoted: boolean }[],
  nulls: readonly string[],
  format?: string,
  among: readonly TypeText[] = CANDIDATES,
): TypeText {
  const there = texts.filter(({ text, quoted }) => text !== '' && (quoted || !nulls.includes(text)));
  if (there.length === 0) return format === undefined ? 'utf8' : 'timestamp[us]';
  // Numbers of postal codes and the like are texts.
  const hasZeros = there.some(({ text }) => /^[+-]?0\d/.test(text) && !/[.:eE-]/.test(text.slice(1)));
  for (const type of among) {
    if (hasZeros && (type === 'int64' || type === 'float64')) continue;
    if (format !== undefined && !type.startsWith('timestamp')) continue;
    if (type === 'bool' && there.some(({ text }) => !/^(true|false)$/i.test(text))) continue;
    const time = format === undefined ? {} : { format };
    if (there.some(({ text, quoted }) => plainValue(type, text, quoted, nulls, time) === undefined)) continue;
    const hasOffsets =
      type.startsWith('timestamp') && there.every(({ text }) => /(Z|z|[+-]\d\d(:?\d\d)?)$/.test(text.slice(11)));
    return hasOffsets ? (`${type.slice(0, -1)}, UTC]` as TypeText) : type;
  }
  return 'utf8';
}
