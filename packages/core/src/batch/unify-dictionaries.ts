import type { Arena, Ptr } from '../memory/contract.ts';
import { allocColumn, finishColumn } from './alloc-batch.ts';
import { isBitSet } from './bitmap.ts';
import type { Column } from './contract.ts';
import { emptyColumn } from './empty-column.ts';
import { decodeUtf8, encodeStrings } from './utf8.ts';

export interface UnifiedDictionary {
  dictionary: Column;
  /** Holds the dictionary when a new one was made, for the caller to release; else 0. */
  slab: Ptr;
}

function isSameDictionary(left: Column, right: Column): boolean {
  return left.length === right.length && left.values === right.values && left.offsets === right.offsets;
}

function copyCodes(arena: Arena, parts: readonly Column[], target: Ptr): void {
  let at = target;
  for (const part of parts) {
    arena.u8.copyWithin(at, part.values, part.values + part.length * 4);
    at += part.length * 4;
  }
}

/** New code of each old one. */
function recode(arena: Arena, dictionary: Column, codes: Map<string, number>): Int32Array {
  return Int32Array.from({ length: dictionary.length }, (_, index) => {
    const text = decodeUtf8(arena, dictionary, index);
    let code = codes.get(text);
    if (code === undefined) {
      code = codes.size;
      codes.set(text, code);
    }
    return code;
  });
}

function writeCodes(arena: Arena, part: Column, recoded: Int32Array, target: number): void {
  const words = arena.i32;
  const source = part.values >>> 2;
  for (let row = 0; row < part.length; row++) {
    const isNull = part.nullCount > 0 && !isBitSet(arena.u8, part.validity * 8 + row);
    // Codes under nulls are arbitrary and must not be looked up.
    words[target + row] = isNull ? 0 : (recoded[words[source + row] as number] as number);
  }
}

/**
 * Writes the codes of all parts, one after the other, against one dictionary: that of the parts where they share it, else
 * a new one with the texts in order of first appearance in the dictionaries.
 */
export function unifyDictionaries(
  arena: Arena,
  owner: number,
  parts: readonly Column[],
  target: Ptr,
): UnifiedDictionary {
  const [first] = parts;
  const shared = first?.child ?? emptyColumn('utf8');
  if (parts.every((part) => part.child !== undefined && isSameDictionary(part.child, shared))) {
    copyCodes(arena, parts, target);
    return { dictionary: shared, slab: 0 };
  }
  const codes = new Map<string, number>();
  const known = new Map<string, Int32Array>();
  let at = target >>> 2;
  for (const part of parts) {
    const dictionary = part.child as Column;
    const key = `${dictionary.offsets}:${dictionary.values}:${dictionary.length}`;
    let recoded = known.get(key);
    if (recoded === undefined) known.set(key, (recoded = recode(arena, dictionary, codes)));
    writeCodes(arena, part, recoded, at);
    at += part.length;
  }
  const { bytes, offsets } = encodeStrings([...codes.keys()]);
  const { column, slab } = allocColumn(arena, owner, 'utf8', codes.size, { variableBytes: bytes.length });
  arena.i32.set(offsets, column.offsets >>> 2);
  arena.u8.set(bytes, column.values);
  return { dictionary: finishColumn(arena, column, codes.size, slab), slab };
}
