/**
 * Reading the text of a type. Parsed types are cached by text, because plans, batches and kernels ask for them all the
 * time; the result is shared and frozen.
 */
import { PipelineError } from '../errors.ts';
import { nearestName } from './nearest-name.ts';
import type { ParsedType, TimeUnitText, TypeText } from './types.ts';

const INTEGER_WIDTHS: Record<string, number> = {
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
};

const ALIASES: Record<string, TypeText> = {
  string: 'utf8',
  str: 'utf8',
  text: 'utf8',
  boolean: 'bool',
  double: 'float64',
  float: 'float32',
  date: 'date32',
  bytes: 'binary',
  'dictionary<string>': 'dictionary<utf8>',
  'dict<utf8>': 'dictionary<utf8>',
  dictionary: 'dictionary<utf8>',
};

/** Examples of every form, for suggestions. */
const EXAMPLES: readonly string[] = [
  ...Object.keys(INTEGER_WIDTHS),
  'float32',
  'float64',
  'bool',
  'utf8',
  'binary',
  'date32',
  'date64',
  'timestamp[s]',
  'timestamp[ms]',
  'timestamp[us]',
  'timestamp[ns]',
  'timestamp[us, UTC]',
  'time32[s]',
  'time32[ms]',
  'time64[us]',
  'time64[ns]',
  'duration[s]',
  'duration[ms]',
  'duration[us]',
  'duration[ns]',
  'decimal(10, 2)',
  'dictionary<utf8>',
  'fixed[16]',
  'list<float64>',
];

function fixed(
  text: string,
  byteWidth: number,
  domain: ParsedType['domain'],
  more: Partial<ParsedType> = {},
): ParsedType {
  return { text: text as TypeText, physical: 'fixed', byteWidth, domain, ...more };
}

function parseSimple(text: string): ParsedType | undefined {
  const width = INTEGER_WIDTHS[text];
  if (width !== undefined) return fixed(text, width, text.startsWith('u') ? 'uint' : 'int');
  switch (text) {
    case 'bool':
      return { text, physical: 'bits', byteWidth: 0, domain: 'bool' };
    case 'float32':
      return fixed(text, 4, 'float');
    case 'float64':
      return fixed(text, 8, 'float');
    case 'utf8':
      return { text, physical: 'variable', byteWidth: 0, domain: 'utf8' };
    case 'binary':
      return { text, physical: 'variable', byteWidth: 0, domain: 'opaque' };
    case 'date32':
      return fixed(text, 4, 'temporal', { unit: 'day' });
    case 'date64':
      return fixed(text, 8, 'temporal', { unit: 'ms' });
    case 'dictionary<utf8>':
      return { text, physical: 'dictionary', byteWidth: 4, domain: 'utf8' };
    default:
      return undefined;
  }
}

function parseTemporal(text: string): ParsedType | undefined {
  const match = /^(timestamp|duration|time32|time64)\s*\[\s*(s|ms|us|ns)\s*(?:,\s*([^\]\s][^\]]*?)\s*)?\]$/.exec(text);
  if (match === null) return undefined;
  const name = match[1] ?? '';
  const unit = match[2] as TimeUnitText;
  const timeZone = match[3];
  if (name === 'timestamp' && timeZone !== undefined) {
    return fixed(`timestamp[${unit}, ${timeZone}]`, 8, 'temporal', { unit, timeZone });
  }
  const coarse = unit === 's' || unit === 'ms';
  const allowed = name === 'time32' ? coarse : name === 'time64' ? !coarse : true;
  if (timeZone !== undefined || !allowed) return undefined;
  return fixed(`${name}[${unit}]`, name === 'time32' ? 4 : 8, 'temporal', { unit });
}

function parseParametric(text: string): ParsedType | undefined {
  const decimal = /^decimal(?:128)?\s*\(\s*(\d{1,2})\s*(?:,\s*(-?\d{1,2})\s*)?\)$/.exec(text);
  if (decimal !== null) {
    const precision = Number(decimal[1]);
    const scale = Number(decimal[2] ?? 0);
    if (precision < 1 || precision > 38 || Math.abs(scale) > 38) return undefined;
    return fixed(`decimal(${precision}, ${scale})`, 16, 'opaque', { precision, scale });
  }
  const bytes = /^fixed\s*\[\s*(\d{1,9})\s*\]$/.exec(text);
  if (bytes !== null)
    return Number(bytes[1]) < 1 ? undefined : fixed(`fixed[${Number(bytes[1])}]`, Number(bytes[1]), 'opaque');
  const list = /^list\s*<(.+)>$/.exec(text);
  if (list === null) return undefined;
  const of = tryParseType(list[1] ?? '');
  return of === undefined
    ? undefined
    : { text: `list<${of.text}>`, physical: 'list', byteWidth: 0, domain: 'opaque', of: of.text };
}

const cache = new Map<string, ParsedType>();
/** Bounds the cache against schemas made up at run time; far above any real number of types. */
const CACHE_LIMIT = 4096;

/** As `parseType`, but undefined for a text that is not a type. */
export function tryParseType(text: string): ParsedType | undefined {
  const cached = cache.get(text);
  if (cached !== undefined) return cached;
  const trimmed = text.trim();
  // Time zones keep their case; everything else is lower case.
  const lowered = trimmed.replace(/^[^,[]+(\[[^,\]]+)?/, (start) => start.toLowerCase());
  const name = ALIASES[lowered] ?? lowered;
  const parsed = parseSimple(name) ?? parseTemporal(name) ?? parseParametric(name);
  if (parsed === undefined) return undefined;
  const result = cache.get(parsed.text) ?? Object.freeze(parsed);
  if (cache.size < CACHE_LIMIT) {
    cache.set(text, result);
    cache.set(parsed.text, result);
  }
  return result;
}

/**
 * Takes the text of a type apart. Accepts spacing and common aliases (`string`, `double`, `boolean`, `date`); `text` of
 * the result is canonical. Cached: the same type gives the same frozen object.
 * @throws ERR_SCHEMA with the nearest type.
 */
export function parseType(text: string): ParsedType {
  const parsed = typeof text === 'string' ? tryParseType(text) : undefined;
  if (parsed !== undefined) return parsed;
  const shown = String(text);
  const nearest = /^\s*(timestamp|datetime)/i.test(shown) ? 'timestamp[us]' : nearestName(shown.trim(), EXAMPLES);
  throw new PipelineError('ERR_SCHEMA', `"${shown}" is not a column type`, {
    value: shown,
    expected: 'a type such as float64, int64, utf8, bool, timestamp[us], decimal(10, 2) or dictionary<utf8>',
    hint: nearest === undefined ? `types are ${EXAMPLES.join(', ')}` : `did you mean "${nearest}"?`,
  });
}

export function isTimestamp(type: TypeText): boolean {
  return type.startsWith('timestamp[');
}

/** Integers that are counted in: signed and unsigned, not dates or times. */
export function isInteger(type: TypeText): boolean {
  const { domain } = parseType(type);
  return domain === 'int' || domain === 'uint';
}

export function isFloat(type: TypeText): boolean {
  return type === 'float32' || type === 'float64';
}

export function isNumeric(type: TypeText): boolean {
  return isFloat(type) || isInteger(type);
}

/** `utf8` and `dictionary<utf8>`. */
export function isText(type: TypeText): boolean {
  return type === 'utf8' || type === 'dictionary<utf8>';
}

export function isTemporal(type: TypeText): boolean {
  return parseType(type).domain === 'temporal';
}
