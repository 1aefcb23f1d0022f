/** The final half's reading of packets: order between them, and the lanes' key numbers in its own. */

import { readOverflowRecord } from '../../kernels/sum-state.ts';
import type { Kernels } from '../../kernels/vector-contract.ts';
import type { Ptr } from '../../memory/contract.ts';
import type { GrowingBuffer, Workspace } from './arena-views.ts';
import { LaneKeys } from './key-delta.ts';
import { KeyIndex } from './key-index.ts';
import type { GroupSource, RowSource } from './level.ts';
import { orderedValue, unorderedError } from './ordered-column.ts';
import {
  AS_ROWS,
  ENDS_KEYS,
  HAS_POSITION,
  HAS_ROWS,
  layOutPacket,
  type PacketLayout,
  type PacketSizes,
  type RootArea,
  readSizes,
  STARTS_KEYS,
} from './packet.ts';
import { asStates, layOutRows, type RowRoot, type RowSizes, readRowSizes } from './row-packet.ts';
import type { StatePlan } from './state-plan.ts';

/** What takes the groups of one root. */
export interface GroupTaker {
  /** Merges groups; `keys`: key ids are below this. */
  take(source: GroupSource, keys: number): void;
  /** Merges rows; only what takes packets of rows has it. */
  takeRows?(source: RowSource, keys: number): void;
}

/** What a packet has how many of; where it has rows as they are, what they would be as states. */
export interface SizesRead extends PacketSizes {
  rows?: RowSizes;
}

export class PacketReader {
  readonly #plan: StatePlan;
  readonly #name: string;
  readonly #isForgetful: boolean;
  readonly #kernels: Kernels;
  readonly #workspace: Workspace;
  readonly #index: KeyIndex | undefined;
  readonly #lanes = new Map<number, LaneKeys>();
  readonly #keys: GrowingBuffer;
  #last: bigint | number | undefined;

  /** `isForgetful`: `forgetKeys` may be called. */
  constructor(
    plan: StatePlan,
    name: string,
    index: KeyIndex | undefined,
    kernels: Kernels,
    workspace: Workspace,
    isForgetful: boolean,
  ) {
    this.#plan = plan;
    this.#isForgetful = isForgetful;
    this.#name = name;
    this.#index = index;
    this.#kernels = kernels;
    this.#workspace = workspace;
    this.#keys = workspace.buffer();
  }

  /** What the packet at `base` has how many of. */
  sizes(base: Ptr): SizesRead {
    const { u32 } = this.#workspace.views;
    if (((u32[(base + 4) >>> 2] as number) & AS_ROWS) === 0) return readSizes(u32, base, this.#plan);
    const rows = readRowSizes(u32, base, this.#plan);
    return { ...asStates(rows), rows };
  }

  /**
   * Merges the packet at `base` into the root levels. Packets come in the order of their rows.
   * @throws ERR_INPUT_UNORDERED when its first row comes before the last row of the packet before.
   */
  read(base: Ptr, sizes: SizesRead, roots: readonly GroupTaker[]): void {
    if (sizes.rows !== undefined) return this.#readRows(base, sizes.rows, roots);
    const layout = layOutPacket(this.#plan, sizes, base);
    this.#checkOrder(base, layout.fileName);
    const lane = this.#learnKeys(base, layout);
    for (const [position, root] of roots.entries()) this.#merge(layout.roots[position] as RootArea, root, lane);
  }

  /** Value of the ordered column in the last row of all packets. */
  get last(): bigint | number | undefined {
    return this.#last;
  }

  /** Goes on behind the rows that another one has read; lanes number their keys anew. */
  restore(last: bigint | number | undefined): void {
    this.#last = last;
  }

  /** The index has been emptied. */
  forgetKeys(): void {
    for (const lane of this.#lanes.values()) lane.forget();
  }

  #learnKeys(base: Ptr, layout: PacketLayout): LaneKeys | undefined {
    if (this.#index === undefined) return undefined;
    const { u32 } = this.#workspace.views;
    const lane = u32[base >>> 2] as number;
    const flags = u32[(base + 4) >>> 2] as number;
    const keys = this.#lanes.get(lane) ?? this.#addLane(lane, this.#index);
    if ((flags & STARTS_KEYS) !== 0) keys.restart();
    keys.learn(layout, (flags & ENDS_KEYS) === 0);
    return keys;
  }

  #addLane(lane: number, index: KeyIndex): LaneKeys {
    const plans = index.columns.map(({ plan }) => plan);
    const known = this.#isForgetful ? new KeyIndex(plans, this.#kernels, this.#workspace) : undefined;
    const keys = new LaneKeys(index, this.#workspace, known);
    this.#lanes.set(lane, keys);
    return keys;
  }

  #merge(area: RootArea, root: GroupTaker, lane: LaneKeys | undefined): void {
    if (area.groups === 0) return;
    const { u32, data } = this.#workspace.views;
    let keys: Ptr = 0;
    if (lane !== undefined) {
      keys = this.#keys.reserve(4 * area.groups);
      this.#kernels.take(4, lane.ids, area.keys, area.groups, keys);
    }
    const wide = Array.from({ length: area.overflows }, (_, index) => {
      const { group, part } = readOverflowRecord(data, area.overflow, index);
      const which = u32[(area.overflow + 48 * index + 4) >>> 2] as number;
      return { group, need: which >>> 1, which: which & 1, part };
    });
    root.take({ count: area.groups, bins: area.bins, keys, needs: area.needs, wide }, this.#index?.size ?? 0);
  }

  #readRows(base: Ptr, sizes: RowSizes, roots: readonly GroupTaker[]): void {
    const layout = layOutRows(this.#plan, sizes, base);
    const { rows } = sizes;
    const index = this.#index as KeyIndex;
    this.#checkOrder(base, layout.fileName);
    const keys = this.#keys.reserve(4 * rows);
    index.encodeTuples(layout.keyColumns, 0, rows, keys);
    for (const [position, root] of roots.entries())
      root.takeRows?.({ ...(layout.roots[position] as RowRoot), rows, keys }, index.size);
  }

  #checkOrder(base: Ptr, fileName: Ptr): void {
    const { u32, f64, data, u8 } = this.#workspace.views;
    const flags = u32[(base + 4) >>> 2] as number;
    if ((flags & HAS_ROWS) === 0) return;
    const { name, value } = this.#plan.orderedOn;
    const first = orderedValue(data, value.kernel, base + 8);
    if (this.#last !== undefined && first < this.#last) {
      const fileBytes = u32[(base + 32) >>> 2] as number;
      throw unorderedError(
        name,
        this.#last,
        first,
        {
          ...((flags & HAS_POSITION) === 0 ? {} : { row: f64[(base + 24) / 8] as number }),
          ...(fileBytes === 0 ? {} : { file: Buffer.from(u8.slice(fileName, fileName + fileBytes)).toString() }),
        },
        this.#name,
      );
    }
    this.#last = orderedValue(data, value.kernel, base + 16);
  }
}
