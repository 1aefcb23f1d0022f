/**
 * What is new in a lane's key index since its last packet: the values of new codes and the new pairs. So a key's text is
 * sent once per lane and hashed once per lane by the final half, which knows a lane's numbers from then on.
 */
import type { KeyTable } from '../../kernels/key-table.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import type { KeyIndex } from './key-index.ts';
import type { KeyColumnArea, PacketLayout, PacketSizes } from './packet.ts';
import { setBits } from './write-bits.ts';

/** The lane's side: remembers what has been sent. */
export class KeyDelta {
  readonly #index: KeyIndex;
  readonly #workspace: Workspace;
  readonly #sentCodes: number[];
  readonly #sentPairs: number[];

  constructor(index: KeyIndex, workspace: Workspace) {
    this.#index = index;
    this.#workspace = workspace;
    this.#sentCodes = index.columns.map(() => 0);
    this.#sentPairs = index.pairs.map(() => 0);
  }

  /** The index has forgotten its keys. */
  restart(): void {
    this.#sentCodes.fill(0);
    this.#sentPairs.fill(0);
  }

  sizes(): Pick<PacketSizes, 'keyColumns' | 'pairs'> {
    const { u32 } = this.#workspace.views;
    const keyColumns = this.#index.columns.map(({ table }, position) => {
      const from = this.#sentCodes[position] as number;
      const offsets = table.keys >>> 2;
      const textBytes = table.isText ? (u32[offsets + table.size] as number) - (u32[offsets + from] as number) : 0;
      return { codes: table.size - from, textBytes, nulls: (table.nullId ?? -1) >= from ? 1 : 0 };
    });
    return {
      keyColumns,
      pairs: this.#index.pairs.map((table, step) => table.size - (this.#sentPairs[step] as number)),
    };
  }

  write(layout: PacketLayout): void {
    for (const [position, { table }] of this.#index.columns.entries()) {
      const area = layout.keyColumns[position] as KeyColumnArea;
      const from = this.#sentCodes[position] as number;
      if (table.isText) this.#writeTexts(table, from, area);
      else this.#copyIntegers(table, from, area.codes, area.values);
      if (area.validity !== 0) this.#writeValidity(area, (table.nullId as number) - from);
      this.#sentCodes[position] = from + area.codes;
    }
    for (const [step, table] of this.#index.pairs.entries()) {
      const { count, values } = layout.pairs[step] as PacketLayout['pairs'][number];
      const from = this.#sentPairs[step] as number;
      this.#copyIntegers(table, from, count, values);
      this.#sentPairs[step] = from + count;
    }
  }

  #writeTexts(table: KeyTable, from: number, area: KeyColumnArea): void {
    const { u8, u32 } = this.#workspace.views;
    const offsets = (table.keys >>> 2) + from;
    const first = u32[offsets] as number;
    for (let i = 0; i <= area.codes; i++) u32[(area.values >>> 2) + i] = (u32[offsets + i] as number) - first;
    u8.copyWithin(area.bytes, table.bytes + first, table.bytes + (u32[offsets + area.codes] as number));
  }

  #copyIntegers(table: KeyTable, from: number, count: number, target: Ptr): void {
    this.#workspace.views.u8.copyWithin(target, table.keys + 8 * from, table.keys + 8 * (from + count));
  }

  #writeValidity(area: KeyColumnArea, nullAt: number): void {
    const { u8 } = this.#workspace.views;
    u8.fill(0xff, area.validity, area.validity + ((area.codes + 7) >>> 3));
    const at = area.validity + (nullAt >>> 3);
    u8[at] = (u8[at] as number) & ~(1 << (nullAt & 7));
  }
}

/** u32 numbers of the final half by a lane's numbers. */
interface NumberMap {
  size: number;
  buffer: GrowingBuffer;
}

/** Key values and pairs, as packets have them. */
type KeyAreas = Pick<PacketLayout, 'keyColumns' | 'pairs'>;

/**
 * The final half's side, one for each lane. Where the final half may forget its numbers, it remembers the keys themselves under the lane's:
 * few, because a lane with many starts again for each packet.
 */
export class LaneKeys {
  readonly #index: KeyIndex;
  readonly #workspace: Workspace;
  readonly #codes: NumberMap[];
  readonly #pairs: NumberMap[];
  readonly #scratch: GrowingBuffer;
  readonly #bits: GrowingBuffer[];
  /** Numbered as by the lane. */
  readonly #known: KeyIndex | undefined;
  #isForgotten = false;

  /** `known`: an empty index, where the final half's own may be emptied. */
  constructor(index: KeyIndex, workspace: Workspace, known: KeyIndex | undefined) {
    const map = (): NumberMap => ({ size: 0, buffer: workspace.buffer() });
    this.#index = index;
    this.#workspace = workspace;
    this.#codes = index.columns.map(map);
    this.#pairs = index.pairs.map(map);
    this.#scratch = workspace.buffer();
    this.#bits = index.columns.map(() => workspace.buffer());
    this.#known = known;
  }

  /** The lane's numbers begin with 0 again. */
  restart(): void {
    this.#empty();
    this.#known?.clear();
    this.#isForgotten = false;
  }

  /** The final half's index has been emptied: its numbers mean nothing any more. */
  forget(): void {
    this.#isForgotten = true;
  }

  #empty(): void {
    for (const map of [...this.#codes, ...this.#pairs]) {
      map.size = 0;
      map.buffer.close();
    }
  }

  /** Own key ids (u32) by the lane's. */
  get ids(): Ptr {
    return (this.#pairs.at(-1) ?? (this.#codes[0] as NumberMap)).buffer.ptr;
  }

  /** Takes over what a packet says is new; `isKept`: later packets may name it too. */
  learn(layout: KeyAreas, isKept: boolean): void {
    if (this.#isForgotten) this.#learnAgain();
    this.#learn(layout);
    if (isKept) this.#remember(layout);
  }

  #remember({ keyColumns, pairs }: KeyAreas): void {
    for (const [position, { table }] of this.#known?.columns.entries() ?? []) {
      const { codes, values, bytes, validity } = keyColumns[position] as KeyColumnArea;
      const target = this.#scratch.reserve(4 * codes);
      if (table.isText) table.encodeText(values, bytes, validity, codes, target);
      else table.encodeInt64(values, validity, codes, target);
    }
    for (const [step, table] of this.#known?.pairs.entries() ?? []) {
      const { count, values } = pairs[step] as PacketLayout['pairs'][number];
      table.encodeInt64(values, 0, count, this.#scratch.reserve(4 * count));
    }
  }

  #learnAgain(): void {
    this.#isForgotten = false;
    this.#empty();
    const known = this.#known as KeyIndex;
    const { u8 } = this.#workspace.views;
    this.#learn({
      keyColumns: known.columns.map(({ table: { size, keys, bytes, nullId } }, position) => {
        const validity = nullId === undefined ? 0 : (this.#bits[position] as GrowingBuffer).reserve((size + 7) >>> 3);
        if (nullId !== undefined) setBits(u8, validity, size, (code) => code !== nullId);
        return { codes: size, values: keys, bytes, validity };
      }),
      pairs: known.pairs.map(({ size, keys }) => ({ count: size, values: keys })),
    });
  }

  #learn(layout: KeyAreas): void {
    for (const [position, { table }] of this.#index.columns.entries()) {
      const { codes, values, bytes, validity } = layout.keyColumns[position] as KeyColumnArea;
      const target = extend(this.#codes[position] as NumberMap, codes);
      if (table.isText) table.encodeText(values, bytes, validity, codes, target);
      else table.encodeInt64(values, validity, codes, target);
    }
    for (const [step, table] of this.#index.pairs.entries()) this.#learnPairs(step, table, layout);
  }

  #learnPairs(step: number, table: KeyTable, layout: KeyAreas): void {
    const { u32 } = this.#workspace.views;
    const left = ((step === 0 ? this.#codes[0] : this.#pairs[step - 1]) as NumberMap).buffer.ptr >>> 2;
    const right = (this.#codes[step + 1] as NumberMap).buffer.ptr >>> 2;
    const { count, values } = layout.pairs[step] as PacketLayout['pairs'][number];
    const scratch = this.#scratch.reserve(8 * count) >>> 2;
    const source = values >>> 2;
    for (let i = 0; i < 2 * count; i += 2) {
      u32[scratch + i] = u32[left + (u32[source + i] as number)] as number;
      u32[scratch + i + 1] = u32[right + (u32[source + i + 1] as number)] as number;
    }
    table.encodeInt64(this.#scratch.ptr, 0, count, extend(this.#pairs[step] as NumberMap, count));
  }
}

/** Makes room for `count` more numbers; returns where they go. */
function extend(map: NumberMap, count: number): Ptr {
  const target = map.buffer.reserve(4 * (map.size + count), 4 * map.size) + 4 * map.size;
  map.size += count;
  return target;
}
