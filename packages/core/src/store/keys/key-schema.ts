/**
 * Keys whose fields are known before: a schema says which fields make up each level of folders, so that paths hold values
 * only: `{ exchange: 'NYSE', symbol: 'AAPL', year: 2024 }` is `NYSE/AAPL,2024` under
 * `[{ exchange: 'text' }, { symbol: 'text', year: 'integer' }]`.
 *
 * Values are encoded as in `key-path.ts`, and so are what parts them, a leading dot or underscore (such folders are hidden) and what
 * would be an empty name; so any text is a safe name and every path has one key. The exception is `encoding: 'none'`, for
 * folders that another program names: there a value that would need encoding is refused.
 */
import { PipelineError } from '../../errors.ts';
import { type DatasetKey, decodeValue, encodeValue, type KeyLayout, NAME_BYTES, refuseKey } from './key-path.ts';

/** What a field of a key holds. */
export type KeyFieldType = 'text' | 'integer';

/** The fields of each level of folders, outermost first. A dataset lies in a folder of the last level. Plain data. */
export type KeyLevels = readonly { readonly [field: string]: KeyFieldType }[];

/** What the keys of a store look like: which fields make up each level of its folders. */
export interface KeySchema {
  levels: KeyLevels;
  /** Between the values of a level: one character. Default `,`. */
  separator?: string;
  /** `none`: values stand as they are, and those that cannot are refused. Default `tilde`: see above. */
  encoding?: 'tilde' | 'none';
}

const FIELD = /^[A-Za-z][A-Za-z0-9_-]*$/;
/** An empty text. No encoded value is a lone tilde. */
const EMPTY = '~';

function refuseSchema(problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_KEY', `the schema of keys ${problem}`, { hint });
}

/** @throws ERR_KEY */
function checkSchema({ levels, separator = ',', encoding = 'tilde' }: KeySchema): Required<KeySchema> {
  if (!Array.isArray(levels) || levels.length === 0 || levels.some((level) => Object.keys(level ?? {}).length === 0))
    throw refuseSchema('has no fields', "give levels of fields: [{ exchange: 'text' }, { symbol: 'text' }]");
  const names = levels.flatMap((level) => Object.keys(level));
  for (const [i, name] of names.entries()) {
    if (!FIELD.test(name)) throw refuseSchema(`names a field "${name}"`, 'use a letter, then letters, digits, _ and -');
    if (names.indexOf(name) !== i) throw refuseSchema(`has "${name}" twice`, 'give each field a name of its own');
  }
  for (const level of levels)
    for (const [name, type] of Object.entries(level))
      if (type !== 'text' && type !== 'integer')
        throw refuseSchema(`says "${name}" is ${JSON.stringify(type)}`, "a field is 'text' or 'integer'");
  if (typeof separator !== 'string' || !/^[,.+@-]$/.test(separator))
    throw refuseSchema(`parts values by ${JSON.stringify(separator)}`, 'use one of , . + @ -');
  if (encoding !== 'tilde' && encoding !== 'none')
    throw refuseSchema(`has the encoding ${JSON.stringify(encoding)}`, "use 'tilde' or 'none'");
  return { levels: levels.map((level) => ({ ...level })), separator, encoding };
}

/** Values that need no encoding, where there is none. */
function plainValue(field: string, value: string, separator: string): string {
  const isPlain = value !== '' && !/^[._]|[/\\\0]/.test(value) && !value.includes(separator);
  if (isPlain) return value;
  throw refuseKey(
    `field "${field}" of the key is ${JSON.stringify(value)}, which cannot be a folder name here`,
    `use a value that is not empty, without / and ${separator}, and with no . or _ in front`,
    { value },
  );
}

function encodedValue(value: string, separator: string): string {
  if (value === '') return EMPTY;
  const hex = (letter: string): string => `~${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  return encodeValue(value).replaceAll(separator, hex(separator)).replace(/^[._]/, hex);
}

/** Keys of one schema. */
export class SchemaKeys implements KeyLayout {
  readonly schema: Required<KeySchema>;

  /** @throws ERR_KEY for a schema that is none */
  constructor(schema: KeySchema) {
    this.schema = checkSchema(schema);
  }

  toPath(key: DatasetKey): string {
    const known = this.schema.levels.flatMap((level) => Object.keys(level));
    const unknown = Object.keys(key).find((field) => !known.includes(field));
    if (unknown !== undefined)
      throw refuseKey(`the key has a field "${unknown}"`, `keys of this store have ${known.join(', ')}`);
    return this.schema.levels.map((_, depth) => this.#segment(key, depth)).join('/');
  }

  #segment(key: DatasetKey, depth: number): string {
    const fields = Object.entries(this.schema.levels[depth] ?? {});
    const segment = fields.map(([field, type]) => this.#encode(field, type, key[field])).join(this.schema.separator);
    const bytes = Buffer.byteLength(segment);
    if (bytes <= NAME_BYTES) return segment;
    throw refuseKey(
      `${fields.map(([field]) => `"${field}"`).join(' and ')} of the key take ${bytes} bytes as a folder name`,
      `use values that take at most ${NAME_BYTES}`,
    );
  }

  #encode(field: string, type: KeyFieldType, value: unknown): string {
    const { separator, encoding } = this.schema;
    if (value === undefined) throw refuseKey(`the key has no "${field}"`, `give it: { ${field}: … }`);
    const isRight = type === 'integer' ? Number.isSafeInteger(value) : typeof value === 'string';
    if (!isRight)
      throw refuseKey(`field "${field}" of the key is ${JSON.stringify(value)}`, `it takes ${type}`, {
        value: String(value),
      });
    const text = Object.is(value, -0) ? '0' : String(value);
    return encoding === 'none' ? plainValue(field, text, separator) : encodedValue(text, separator);
  }

  toKey(path: string): DatasetKey | undefined {
    const segments = path.split('/');
    if (segments.length !== this.schema.levels.length) return undefined;
    const key: Record<string, string | number> = {};
    for (const [depth, segment] of segments.entries()) {
      const part = this.#parse(segment, depth);
      if (part === undefined) return undefined;
      Object.assign(key, part);
    }
    return key;
  }

  isLevel(name: string, depth: number): boolean {
    return this.#parse(name, depth) !== undefined;
  }

  #parse(segment: string, depth: number): Record<string, string | number> | undefined {
    const fields = Object.entries(this.schema.levels[depth] ?? {});
    const values = segment.split(this.schema.separator);
    if (fields.length === 0 || values.length !== fields.length) return undefined;
    try {
      const key = Object.fromEntries(fields.map(([field, type], i) => [field, this.#decode(values[i] ?? '', type)]));
      return this.#segment(key, depth) === segment ? key : undefined;
    } catch {
      // Something else made this folder.
      return undefined;
    }
  }

  #decode(text: string, type: KeyFieldType): string | number {
    const value = this.schema.encoding === 'none' ? text : text === EMPTY ? '' : decodeValue(text);
    return type === 'text' || !/^-?\d+$/.test(value) ? value : Number(value);
  }
}
