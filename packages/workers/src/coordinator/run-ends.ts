/** The ends of a run on the main thread, which outlast its attempts: what it has collected and delivered, and what it was fed. */

import { PipelineError } from '@spillway/core/base';
import { OrderCheck } from '@spillway/core/data';
import type { OrderedValue, SinkSpec, SourceSpec, Spill } from '@spillway/core/internal';
import { callbackOf, ENOUGH, feederOf, floorBytes, mostDeliveredRows } from '@spillway/core/planner';
import { keptAlert, noted } from '../alerts/alert.ts';
import type { MainHeap } from '../governor/main-heap.ts';
import type { JobEmitter } from '../job/events.ts';
import { CallbackTaker } from '../sinks/callback-taker.ts';
import { CollectedRows } from '../sinks/collected-rows.ts';
import { DeliveredKept } from '../sinks/delivered-kept.ts';
import type { BatchTaker } from '../sinks/drain-edge.ts';
import { Feed } from '../sources/feed.ts';
import { FeedLog } from '../sources/feed-log.ts';
import { PieceMaker } from '../sources/piece-maker.ts';
import { RowLease } from '../sources/row-lease.ts';
import type { SourceStart } from '../sources/source-start.ts';
import type { Activities } from './activities.ts';
import type { ArenaLease } from './arena-lease.ts';
import type { FailureLatch } from './failure.ts';
import type { PlannedRun } from './plan-run.ts';
import { FED_FILES, type SpillPlace } from './spill-place.ts';
import type { EdgeEnd } from './wiring.ts';

export interface RunEndsParts {
  planned: PlannedRun;
  lease: ArenaLease;
  /** Of the run. */
  latch: FailureLatch;
  activities: Activities;
  emitter: JobEmitter;
  mainHeap: MainHeap;
  /** Where what was fed can be kept. */
  spill: SpillPlace | undefined;
  /** Whether sources that a program feeds keep what they gave, for a restart. */
  keeps: boolean;
  /** By source node: where a run goes on that another has begun. */
  starts: ReadonlyMap<number, SourceStart>;
}

type Fed = Extract<SourceSpec, { type: 'fed' }>;

/** Rows of the largest batch. */
const LARGEST_ROWS = 65_536;
/** Part of what a run has beyond its minimum that pieces kept for a restart may take of shared memory, and the most they take. */
const KEPT_SHARE = 1 / 16;
const KEPT_BYTES = 16 * 2 ** 20;

export class RunEnds {
  readonly signal: AbortSignal;
  readonly #parts: RunEndsParts;
  readonly #takers: Map<number, BatchTaker> = new Map();
  readonly #collected: Map<number, CollectedRows> = new Map();
  /** Of functions that are lent batches. */
  readonly #kept: DeliveredKept[] = [];
  readonly #feeds: Map<number, Feed> = new Map();
  /** Ends the feeding of sources that can stop. */
  readonly #enough: Map<number, AbortController> = new Map();
  readonly #lasts: Map<number, Map<number, OrderedValue | undefined>> = new Map();
  readonly #rowLease: RowLease = new RowLease();
  /** A source of which not everything since the last barrier could be kept. */
  #lost: string | undefined;

  constructor(parts: RunEndsParts) {
    this.#parts = parts;
    this.signal = parts.latch.signal;
  }

  collectedOf(node: number): CollectedRows | undefined {
    return this.#collected.get(node);
  }

  /** The source of which not everything could be kept, if there is one: the run cannot begin again. */
  get lost(): string | undefined {
    return this.#lost;
  }

  /** The run has failed: nobody will ask for the rows. */
  discard(): void {
    for (const rows of this.#collected.values()) rows.discard();
  }

  /** The attempt is over: brings what was fed to safety, and takes back what was collected. */
  async saveForRestart(): Promise<void> {
    for (const feed of this.#feeds.values()) await feed.log.saveAll();
    for (const taker of this.#takers.values()) taker.cutBack();
  }

  /** The last value of each row group of a source that was read, by its first packet. */
  lastsOf(node: number): Map<number, OrderedValue | undefined> {
    const lasts = this.#lasts.get(node) ?? new Map([[-1, this.#parts.starts.get(node)?.last]]);
    this.#lasts.set(node, lasts);
    return lasts;
  }

  /** A barrier is complete: what came before is needed no more, and what was taken stays. */
  mark(sources: ReadonlyMap<number, number>): void {
    for (const [node, feed] of this.#feeds) feed.log.dropBelow(sources.get(node) ?? 0);
    for (const taker of this.#takers.values()) taker.mark();
  }

  /** Rows of what a program feeds that lie before the last barrier, over all runs of a job. */
  rowsTaken(node: number): number {
    return this.#rowsBefore(node) + (this.#feeds.get(node)?.log.rowsBefore ?? 0);
  }

  #rowsBefore(node: number): number {
    const spec = this.#parts.planned.logical.nodes.find(({ id }) => id === node)?.spec;
    const position = spec?.kind === 'source' && spec.source.type === 'fed' ? (spec.source.position ?? 0) : 0;
    return position + (this.#parts.starts.get(node)?.skipRows ?? 0);
  }

  /** What a program has fed so far, as the number of the next piece; undefined for other sources. */
  fedUpTo(node: number): number | undefined {
    return this.#feeds.get(node)?.log.next;
  }

  /** About what all fed sources keep. */
  keptBytes(): number {
    let bytes = 0;
    for (const { log } of this.#feeds.values()) bytes += log.bytes;
    return bytes;
  }

  /** Where a sink's batches go. The same object for all attempts. */
  takerOf({ node, owner, edges }: EdgeEnd, sink: SinkSpec): BatchTaker {
    const known = this.#takers.get(node.id);
    if (known !== undefined) {
      known.begin?.(owner);
      return known;
    }
    const taker = this.#makeTaker(node, sink, owner, edges[0]?.fields ?? []);
    this.#takers.set(node.id, taker);
    return taker;
  }

  #makeTaker(
    node: EdgeEnd['node'],
    sink: SinkSpec,
    owner: number,
    fields: EdgeEnd['edges'][number]['fields'],
  ): BatchTaker {
    const { planned, lease, mainHeap } = this.#parts;
    const { id, name } = node;
    if (sink.type === 'collect') {
      const rows = new CollectedRows(fields, (bytes) => mainHeap.keep(id, bytes));
      this.#collected.set(id, rows);
      return rows;
    }
    if (sink.type !== 'callback' && sink.type !== 'iterate')
      throw new PipelineError('ERR_INTERNAL', `sink "${name}" does not deliver on the main thread`);
    const isTimed = planned.physical.timingDependence.length > 0;
    const delivery = sink.type === 'callback' ? 'lent' : isTimed ? 'copied' : 'copied once';
    const kept = new DeliveredKept(name, (bytes) => mainHeap.keep(id, bytes));
    this.#kept.push(kept);
    return new CallbackTaker({
      arena: lease.arena,
      owner,
      sink: callbackOf(sink.id),
      delivery,
      mostRows: mostDeliveredRows(planned.logical.nodes, id),
      room: (bytes) => mainHeap.room(name, bytes),
      kept,
    });
  }

  /** What a source is fed from. Its feeding begins with the first call. */
  feedOf(end: EdgeEnd, source: Fed): Feed {
    const { id, name } = end.node;
    const known = this.#feeds.get(id);
    if (known !== undefined) return known;
    const { lease, latch, activities, planned, mainHeap, keeps } = this.#parts;
    const { arena } = lease;
    const ordered = source.fields.find((field) => field.name === source.orderedOn);
    const order = ordered && { column: ordered.name, check: new OrderCheck(arena, ordered.name, ordered.type) };
    const freeBytes = planned.physical.memoryLimitBytes - planned.physical.minimumBytes;
    const log = new FeedLog({
      arena,
      name,
      memoryBytes: Math.min(KEPT_BYTES, Math.max(0, freeBytes) * KEPT_SHARE),
      openSpill: () => this.#openSpill(name, id),
      onLost: (error) => this.#lose(name, error),
    });
    log.setKeeps(keeps);
    const largestBytes = floorBytes(source.fields, LARGEST_ROWS);
    const feeder = feederOf(source.id);
    const feed = new Feed({
      arena,
      name,
      log,
      maker: new PieceMaker({
        ...{ arena, name, fields: source.fields, order, largestBytes },
        firstRow: source.position ?? 0,
        skipRows: this.#parts.starts.get(id)?.skipRows ?? 0,
      }),
      room: () => mainHeap.room(name, 0),
      lease: this.#rowLease,
      maxInFlight: feeder.maxInFlight,
      signal: latch.signal,
    });
    this.#feeds.set(id, feed);
    const enough = new AbortController();
    this.#enough.set(id, enough);
    const signal = AbortSignal.any([latch.signal, enough.signal]);
    const feeding = feeder
      .feed((input) => feed.write(input), signal)
      .catch((error: unknown) => {
        if (error !== ENOUGH || latch.signal.aborted) throw error;
      });
    activities.watch(
      name,
      feeding.then(() => feed.end()),
    );
    return feed;
  }

  /** Nothing more of a source is needed: what iterates is told so, and the source ends. */
  finish(node: number): void {
    this.#enough.get(node)?.abort(ENOUGH);
  }

  close(): void {
    for (const feed of this.#feeds.values()) feed.close();
    const { latch, emitter } = this.#parts;
    for (const { name, ...kept } of this.#kept.map((each) => ({ name: each.name, ...each.left() })))
      if (kept.batches > 0 && latch.error === undefined)
        emitter.emit('alert', keptAlert(name, kept.batches, kept.bytes));
  }

  async #openSpill(name: string, id: number): Promise<Spill> {
    const { spill, emitter, latch } = this.#parts;
    if (spill === undefined) throw new PipelineError('ERR_INTERNAL', `source "${name}" has no place for what it keeps`);
    const { LaneSpill } = await import('@spillway/core/spill');
    return new LaneSpill({
      folder: spill.folder,
      lane: `${FED_FILES}${id}`,
      limitBytes: spill.limitBytes,
      signal: latch.signal,
      onAlert: ({ message }) => emitter.emit('alert', noted('spill', name, message)),
    });
  }

  #lose(name: string, error: unknown): void {
    this.#lost = name;
    const why = error instanceof Error ? error.message : String(error);
    const message = `what "${name}" gave can no longer be kept, so that the death of a worker would now fail the run: ${why}`;
    this.#parts.emitter.emit('alert', noted('spill', name, message));
  }
}
