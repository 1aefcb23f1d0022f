import type { Arena } from '../memory/contract.ts';
import type { Column } from './contract.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** Below this many bytes a loop beats the call into the decoder. */
const SHORT_BYTES = 24;

function decodeShort(bytes: Uint8Array, from: number, to: number): string | undefined {
  let text = '';
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number;
    if (byte >= 0x80) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

/** UTF-8 text at [from, to) of shared or unshared bytes. */
export function decodeBytes(bytes: Uint8Array, from: number, to: number): string {
  const short = to - from <= SHORT_BYTES ? decodeShort(bytes, from, to) : undefined;
  return short ?? decoder.decode(bytes.subarray(from, to));
}

/** The text of one row of a utf8 column; the row must not be null. */
export function decodeUtf8(arena: Arena, column: Column, row: number): string {
  const at = (column.offsets >>> 2) + row;
  return decodeBytes(
    arena.u8,
    column.values + (arena.i32[at] as number),
    column.values + (arena.i32[at + 1] as number),
  );
}

/** Texts one after the other, and where each begins and ends. */
export function encodeStrings(texts: readonly string[]): { bytes: Uint8Array; offsets: Int32Array } {
  const offsets = new Int32Array(texts.length + 1);
  let bytes = new Uint8Array(Math.max(64, texts.reduce((sum, text) => sum + text.length, 0) + 64));
  let at = 0;
  texts.forEach((text, index) => {
    if (at + text.length * 3 > bytes.length) {
      const larger = new Uint8Array(Math.max(bytes.length * 2, at + text.length * 3));
      larger.set(bytes.subarray(0, at));
      bytes = larger;
    }
    at += encoder.encodeInto(text, bytes.subarray(at)).written;
    offsets[index + 1] = at;
  });
  return { bytes: bytes.subarray(0, at), offsets };
}
