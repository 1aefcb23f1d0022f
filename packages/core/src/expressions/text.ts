/** Functions of text. Bytes are worked on as they are; only what needs Unicode tables becomes a JavaScript string. */
import type { Column } from '../batch/contract.ts';
import { decodeBytes } from '../batch/utf8.ts';
import { bitAt, bitmapBytes, writeBits } from './bitmap.ts';
import { decodeDictionary, takeByCode } from './dictionary.ts';
import type { Frame } from './frame.ts';
import type { ExpressionNode } from './node.ts';
import { mapStep, type Step } from './step.ts';
import { TextWriter } from './text-writer.ts';

type StringNode = Extract<ExpressionNode, { kind: 'string' }>;

function offsetsOf(frame: Frame, column: Column): Int32Array {
  return new Int32Array(frame.arena.buffer, column.offsets, column.length + 1);
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Code points between two addresses. */
function countCodePoints(u8: Uint8Array, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; at++) if (!isContinuation(u8[at] as number)) count += 1;
  return count;
}

/** Address of the code point with a number from `start`, or `end`. */
function addressOf(u8: Uint8Array, start: number, end: number, codePoint: number): number {
  let at = start;
  for (let left = codePoint; left > 0 && at < end; left--) {
    at += 1;
    while (at < end && isContinuation(u8[at] as number)) at += 1;
  }
  return at;
}

function lengths(frame: Frame, texts: Column): Column {
  const out = frame.allocate('int32', texts.length, texts.length * 4, texts.validity !== 0);
  frame.copyValidity(out, texts);
  const offsets = offsetsOf(frame, texts);
  const target = new Int32Array(frame.arena.buffer, out.values, texts.length);
  for (let row = 0; row < texts.length; row++) {
    target[row] = countCodePoints(
      frame.arena.u8,
      texts.values + (offsets[row] as number),
      texts.values + (offsets[row + 1] as number),
    );
  }
  return out;
}

function matchesAt(u8: Uint8Array, at: number, needle: Uint8Array): boolean {
  for (let i = 0; i < needle.length; i++) if (u8[at + i] !== needle[i]) return false;
  return true;
}

function containsBytes(u8: Uint8Array, start: number, end: number, needle: Uint8Array): boolean {
  for (let at = start; at + needle.length <= end; at++) if (matchesAt(u8, at, needle)) return true;
  return false;
}

function matches(frame: Frame, fn: 'contains' | 'startsWith' | 'endsWith', texts: Column, needle: Uint8Array): Column {
  const out = frame.allocate('bool', texts.length, bitmapBytes(texts.length), texts.validity !== 0);
  frame.copyValidity(out, texts);
  const offsets = offsetsOf(frame, texts);
  const { u8 } = frame.arena;
  writeBits(frame.arena, out.values, texts.length, (row) => {
    const start = texts.values + (offsets[row] as number);
    const end = texts.values + (offsets[row + 1] as number);
    if (end - start < needle.length) return false;
    if (fn === 'startsWith') return matchesAt(u8, start, needle);
    if (fn === 'endsWith') return matchesAt(u8, end - needle.length, needle);
    return containsBytes(u8, start, end, needle);
  });
  return out;
}

/** Writes the text of one row, which lies between two addresses. */
type RowWriter = (writer: TextWriter, start: number, end: number) => void;

function mapTexts(frame: Frame, texts: Column, growth: number, writeRow: RowWriter): Column {
  const offsets = offsetsOf(frame, texts);
  const bytes = (offsets[texts.length] as number) - (offsets[0] as number);
  const writer = new TextWriter(frame, texts.length, bytes + growth * texts.length, texts.validity !== 0);
  for (let row = 0; row < texts.length; row++) {
    if (bitAt(frame.arena, texts.validity, row)) {
      writeRow(writer, texts.values + (offsets[row] as number), texts.values + (offsets[row + 1] as number));
    }
    writer.endRow();
  }
  return writer.finish(texts);
}

function isAscii(u8: Uint8Array, start: number, end: number): boolean {
  let seen = 0;
  for (let at = start; at < end; at++) seen |= u8[at] as number;
  return seen < 0x80;
}

/** `lower` and `upper` of a column that is ASCII alone: no text changes its length, so one loop over all bytes does. */
function changeCase(frame: Frame, fn: 'lower' | 'upper', texts: Column): Column {
  const { u8 } = frame.arena;
  const offsets = offsetsOf(frame, texts);
  const first = offsets[0] as number;
  const bytes = (offsets[texts.length] as number) - first;
  const start = texts.values + first;
  if (!isAscii(u8, start, start + bytes)) {
    const change =
      fn === 'lower' ? (text: string): string => text.toLowerCase() : (text: string): string => text.toUpperCase();
    return mapTexts(frame, texts, 0, withString(frame, change));
  }
  const out = frame.allocate('utf8', texts.length, bytes, texts.validity !== 0, true);
  frame.copyValidity(out, texts);
  offsetsOf(frame, out).set(first === 0 ? offsets : offsets.map((offset) => offset - first));
  const from = fn === 'lower' ? 0x41 : 0x61; // 'A' or 'a'; the other case is 0x20 away
  for (let at = 0; at < bytes; at++) {
    const byte = u8[start + at] as number;
    u8[out.values + at] = byte >= from && byte < from + 26 ? byte ^ 0x20 : byte;
  }
  return out;
}

function withString(frame: Frame, change: (text: string) => string): RowWriter {
  const { u8 } = frame.arena;
  return (writer, start, end) => writer.write(change(decodeBytes(u8, start, end)));
}

/** JavaScript's positions: negative from the end, clamped. */
function sliceWriter(frame: Frame, from: number, to: number | undefined): RowWriter {
  const { u8 } = frame.arena;
  const isPlain = from >= 0 && (to === undefined || to >= 0);
  return (writer, start, end) => {
    const length = isPlain ? Infinity : countCodePoints(u8, start, end);
    const first = from < 0 ? Math.max(0, length + from) : from;
    const last = to === undefined ? Infinity : to < 0 ? length + to : to;
    if (last <= first) return;
    const begin = addressOf(u8, start, end, first);
    writer.copy(begin, last === Infinity ? end : addressOf(u8, begin, end, last - first));
  };
}

function isTrimmed(byte: number): boolean {
  return byte > 0x20 && byte < 0x80;
}

function trimWriter(frame: Frame): RowWriter {
  const { u8 } = frame.arena;
  const slow = withString(frame, (text) => text.trim());
  return (writer, start, end) => {
    if (start === end || (isTrimmed(u8[start] as number) && isTrimmed(u8[end - 1] as number))) writer.copy(start, end);
    else slow(writer, start, end);
  };
}

function textMap(node: StringNode, frame: Frame, texts: Column): Column {
  switch (node.fn) {
    case 'lower':
    case 'upper':
      return changeCase(frame, node.fn, texts);
    case 'trim':
      return mapTexts(frame, texts, 0, trimWriter(frame));
    case 'slice':
      return mapTexts(frame, texts, 0, sliceWriter(frame, node.from ?? 0, node.to));
    default: {
      const suffix = node.argument ?? '';
      return mapTexts(frame, texts, Buffer.byteLength(suffix), (writer, start, end) => {
        writer.copy(start, end);
        writer.write(suffix);
      });
    }
  }
}

/** Text in, text, number or bool out; the type has been checked. */
export function stringStep(node: StringNode, arg: Step): Step {
  const { fn } = node;
  if (fn === 'length')
    return mapStep(arg, 'int32', false, (frame, column) => takeByCode(frame, column, (texts) => lengths(frame, texts)));
  if (fn === 'contains' || fn === 'startsWith' || fn === 'endsWith') {
    const needle = Buffer.from(node.argument ?? '');
    return mapStep(arg, 'bool', false, (frame, column) =>
      takeByCode(frame, column, (texts) => matches(frame, fn, texts, needle)),
    );
  }
  return mapStep(arg, 'utf8', false, (frame, column) => {
    const texts = decodeDictionary(frame, column);
    const out = textMap(node, frame, texts);
    frame.drop(texts);
    return out;
  });
}
