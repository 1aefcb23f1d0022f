/**
 * Lines of JSON, the slow and obvious way. It reads samples, and it is what the kernel is compared with. Numbers stay texts, so that none
 * loses a digit.
 */
import { JSON_MOST_DEPTH } from '../../kernels/json-layout.ts';

export type PlainJsonKind = 'text' | 'number' | 'truth' | 'null' | 'array' | 'object';

/** A value as it is written, one letter a byte; of a text what is between its quotes. */
export interface PlainJson {
  kind: PlainJsonKind;
  raw: string;
  /** Of an object, in order. Elements of arrays are checked, and left out. */
  members: { key: string | undefined; value: PlainJson }[];
}

export interface JsonFault {
  why: 'syntax' | 'noObject' | 'depth';
  byte: number;
}

const LETTERS: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', '/': '/' };
const STRING = /"(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

/** A text without its escapes; undefined when half of a surrogate pair stands alone. @param raw one letter a byte */
export function unescapedText(raw: string): string | undefined {
  const isHalf = /[\ud800-\udfff]/;
  const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');
  const units = raw.replace(/\\(u([0-9a-fA-F]{4})|.)/g, (_, code: string, hex?: string) => {
    const text = hex === undefined ? (LETTERS[code] as string) : String.fromCharCode(Number.parseInt(hex, 16));
    return isHalf.test(text) ? text : bytesOf(text);
  });
  const whole = units.replace(/[\ud800-\udbff][\udc00-\udfff]/g, bytesOf);
  return isHalf.test(whole) ? undefined : Buffer.from(whole, 'latin1').toString('utf8');
}

/** Parses one line, one letter a byte. What was read before a fault is in `value`. */
export function parseLine(line: string): { value: PlainJson; fault?: JsonFault } {
  const root: PlainJson = { kind: 'object', raw: '', members: [] };
  const parser = new LineParser(line);
  const fault = parser.parse(root);
  return fault === undefined ? { value: root } : { value: root, fault };
}

class Stop extends Error {
  readonly why: JsonFault['why'];

  constructor(why: JsonFault['why']) {
    super(why);
    this.why = why;
  }
}

class LineParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(root: PlainJson): JsonFault | undefined {
    try {
      this.#skip();
      if (this.#text[this.#at] !== '{') throw new Stop('noObject');
      this.#container(root, 0);
      this.#skip();
      if (this.#at < this.#text.length) throw new Stop('syntax');
      return undefined;
    } catch (error) {
      if (error instanceof Stop) return { why: error.why, byte: this.#at };
      throw error;
    }
  }

  #skip(): void {
    while (/[ \t\r]/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new Stop('syntax');
    this.#at += found.length;
    return found;
  }

  /** What is between quotes. */
  #string(): string {
    const text = this.#match(STRING);
    if ([...text].some((letter) => letter < ' ')) throw new Stop('syntax');
    return text.slice(1, -1);
  }

  /** Reads a value into `value`; `told` says so as soon as it is known to be one. */
  #value(value: PlainJson, depth: number, told: () => void): void {
    const letter = this.#text[this.#at];
    if (letter === '{' || letter === '[') {
      if (depth === JSON_MOST_DEPTH) throw new Stop('depth');
      value.kind = letter === '{' ? 'object' : 'array';
      told();
      this.#container(value, depth);
      return;
    }
    if (letter === '"') {
      value.kind = 'text';
      value.raw = this.#string();
    } else if (letter === 't' || letter === 'f' || letter === 'n') {
      value.raw = this.#match(WORD);
      value.kind = letter === 'n' ? 'null' : 'truth';
    } else {
      value.raw = this.#match(NUMBER);
      value.kind = 'number';
    }
    told();
  }

  #container(value: PlainJson, depth: number): void {
    const from = this.#at;
    const close = value.kind === 'object' ? '}' : ']';
    this.#at += 1;
    this.#skip();
    for (let isFirst = true; isFirst ? this.#text[this.#at] !== close : true; isFirst = false) {
      const member = {
        key: undefined as string | undefined,
        value: { kind: 'null', raw: '', members: [] } as PlainJson,
      };
      if (value.kind === 'object') {
        member.key = unescapedText(this.#string());
        this.#skip();
        this.#match(/:/y);
        this.#skip();
      }
      this.#value(member.value, depth + 1, () => value.kind === 'object' && value.members.push(member));
      this.#skip();
      if (this.#text[this.#at] === close) break;
      this.#match(/,/y);
      this.#skip();
    }
    this.#at += 1;
    value.raw = this.#text.slice(from, this.#at);
  }
}
