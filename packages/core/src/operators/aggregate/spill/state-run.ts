/**
 * A sorted run of states on disk and the place in it that a merge has come to. Blocks are read one at a time; what a merge leaves
 * for later is read again then.
 */
import type { Batch } from '../../../batch/contract.ts';
import type { Ptr } from '../../../memory/contract.ts';
import type { SpilledFile, SpillFile, SpillPosition } from '../../../spill/contract.ts';
import type { SavedList, SnapshotReader, SnapshotWriter } from '../../snapshot-contract.ts';
import type { Workspace } from '../arena-views.ts';
import { layOutPacket, type PacketLayout, type RootArea, readSizes } from '../packet.ts';
import type { StatePlan } from '../state-plan.ts';

interface BlockPlace {
  position: SpillPosition;
  groups: number;
  firstBin: bigint;
}

/** A run, which stays where it is. */
export interface SavedStateRun {
  file: SpilledFile;
  blocks: SavedList;
  block: number;
  group: number;
}

export class StateRun {
  readonly #file: SpillFile;
  readonly #plan: StatePlan;
  readonly #workspace: Workspace;
  readonly #blocks: BlockPlace[] = [];
  #block = 0;
  /** First group that has not been taken. */
  #group = 0;
  /** Bin of that group, as far as it has been looked at. */
  #binHere: bigint | undefined;
  #open: { batch: Batch; layout: PacketLayout } | undefined;

  /** `plan`: of one level, see `planOfLevel`. */
  constructor(file: SpillFile, plan: StatePlan, workspace: Workspace) {
    this.#file = file;
    this.#plan = plan;
    this.#workspace = workspace;
  }

  /** The file is kept, no state is copied. */
  async save(writer: SnapshotWriter): Promise<SavedStateRun> {
    const blocks = await writer.list(this.#blocks);
    return { file: writer.file(this.#file), blocks, block: this.#block, group: this.#group };
  }

  static restore(saved: SavedStateRun, run: StateRun, reader: SnapshotReader): StateRun {
    run.#blocks.push(...reader.list<BlockPlace>(saved.blocks));
    run.#block = saved.block;
    run.#group = saved.group;
    return run;
  }

  /** Bytes on disk. */
  get fileBytes(): number {
    return this.#file.bytes;
  }

  /** Writes a block behind all others; it stays the caller's. */
  async append(batch: Batch): Promise<void> {
    const { root } = this.#layOut(batch);
    const { groups } = root;
    const firstBin = this.#bin(root, 0);
    const position = await this.#file.append(batch);
    this.#blocks.push({ position, groups, firstBin });
  }

  /** Bin of the next group; undefined behind the last. */
  get bin(): bigint | undefined {
    const block = this.#blocks[this.#block];
    if (block === undefined) return undefined;
    if (this.#group === 0) return block.firstBin;
    return (this.#binHere ??= this.#bin(this.root, this.#group));
  }

  /** The block at work. */
  get layout(): PacketLayout {
    return this.#opened.layout;
  }

  get root(): RootArea {
    return this.layout.roots[0] as RootArea;
  }

  get group(): number {
    return this.#group;
  }

  /** End of the groups of the block at work that share the next one's bin, and whether the run may have more of that bin behind. */
  binEnd(): { end: number; goesOn: boolean } {
    const { root } = this;
    const bin = this.bin as bigint;
    let low = this.#group + 1;
    let high = root.groups;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#bin(root, middle) === bin) low = middle + 1;
      else high = middle;
    }
    const next = this.#blocks[this.#block + 1];
    return { end: low, goesOn: low === root.groups && next?.firstBin === bin };
  }

  /** Groups before `group` of the block at work have been taken. */
  takenTo(group: number): void {
    this.#group = group;
    this.#binHere = undefined;
    if (group < (this.#blocks[this.#block] as BlockPlace).groups) return;
    this.rest();
    this.#block += 1;
    this.#group = 0;
    // The disk is wanted by others.
    if (this.#block === this.#blocks.length) this.#file.delete();
  }

  /** Lets go of the block at work until it is needed again. */
  rest(): void {
    if (this.#open !== undefined && this.#group < this.root.groups) this.#binHere = this.bin;
    this.#open?.batch.release();
    this.#open = undefined;
  }

  close(): void {
    this.rest();
    this.#file.delete();
  }

  get #opened(): { batch: Batch; layout: PacketLayout } {
    if (this.#open !== undefined) return this.#open;
    const { arena, owner } = this.#workspace;
    const batch = this.#file.read((this.#blocks[this.#block] as BlockPlace).position, arena, owner);
    this.#open = { batch, layout: this.#layOut(batch).layout };
    return this.#open;
  }

  #layOut(batch: Batch): { layout: PacketLayout; root: RootArea } {
    const base = batch.columns[0]?.values as Ptr;
    const layout = layOutPacket(this.#plan, readSizes(this.#workspace.views.u32, base, this.#plan), base);
    return { layout, root: layout.roots[0] as RootArea };
  }

  #bin(root: RootArea, group: number): bigint {
    return this.#workspace.views.i64[root.bins / 8 + group] as bigint;
  }
}
