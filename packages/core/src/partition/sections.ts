/** Which steps of a plan run in the tasks over partitions of their source, and what they give to the rest. */
import { PipelineError } from '../errors.ts';
import { type JoinTimes, joinTimes } from '../operators/join/join-times.ts';
import type { InputRef, OperatorSpec } from '../plan/logical.ts';
import type { ResolvedNode } from '../plan/resolved.ts';
import type { TailSpec } from '../plan/steps/specs.ts';
import type { Crossing, RangeKey } from './contract.ts';
import { crossingOf, type Halo, haloOf } from './crossing.ts';
import { whyWhole } from './split-source.ts';

/** The steps behind one source, or behind a sort, that run in its tasks. */
export interface Section {
  source: ResolvedNode;
  /** Of a sort: the section whose tasks sort the rows that this one reads in ranges. */
  sorted?: { by: Section; key: RangeKey };
  /** The source (the sort) first; inputs before users. */
  nodes: ResolvedNode[];
  /** What its rows are joined to. */
  sides: Side[];
  /** Steps that look back, inputs before users. */
  tails: Tail[];
  /** What leaves. */
  exits: Exit[];
}

/** The right side of a join of a section: rows of another source, through steps that look at each row alone. */
export interface Side {
  join: ResolvedNode;
  /** The source (the sort) first, the last one feeds the join. */
  chain: ResolvedNode[];
  /** That of the chain. */
  section: Section;
  halo: Halo;
  times: JoinTimes;
}

/** A step that looks back over the start of a partition. */
export interface Tail {
  node: ResolvedNode;
  /** The source (the sort) first, the last one feeds it. */
  chain: ResolvedNode[];
  /** What it needs of the partitions before. */
  spec: TailSpec;
}

/** Rows of a port, or what a step of the tasks makes of them for one node of the rest. */
export interface Exit {
  from: InputRef;
  first?: FirstHalf;
  /** A sink of a store whose files are written in the tasks. */
  sink?: ResolvedNode;
  /** They are sorted for this section. */
  sort?: Section;
}

/** What runs in the tasks of a node that runs at the end. */
export interface FirstHalf {
  of: ResolvedNode;
  spec: OperatorSpec;
}

/** Where a node runs, and by which steps its rows came from the source. */
interface Placed {
  section: Section;
  path: ResolvedNode[];
}

export interface Sections {
  sections: Section[];
  crossings: Crossing[];
}

/** Of all nodes, inputs before users. */
export function findSections(nodes: readonly ResolvedNode[]): Sections {
  const finder = new SectionFinder(nodes);
  return { sections: finder.sections(), crossings: nodes.map(({ id }) => finder.crossings.get(id) as Crossing) };
}

class SectionFinder {
  readonly crossings: Map<number, Crossing> = new Map();
  readonly #nodes: readonly ResolvedNode[];
  readonly #placed = new Map<number, Placed>();
  readonly #halved = new Map<number, FirstHalf>();
  /** Sinks whose files are written in the tasks. */
  readonly #written = new Set<number>();

  constructor(nodes: readonly ResolvedNode[]) {
    this.#nodes = nodes;
    for (const node of nodes) this.#place(node);
  }

  /** Those that have something to do. A source alone is read where its rows are needed. */
  sections(): Section[] {
    const all = [...new Set([...this.#placed.values()].map(({ section }) => section))];
    return all.filter((section) => {
      section.exits = this.#exitsOf(section);
      const isUsed =
        section.sorted !== undefined ||
        section.nodes.length > 1 ||
        section.exits.some(({ first, sort, sink }) => (first ?? sort ?? sink) !== undefined);
      const isOfUse = isUsed && section.exits.length > 0;
      if (!isOfUse && !this.#isSide(section, all)) this.#end(section.source, 'nothing behind it can be cut');
      return isOfUse;
    });
  }

  #isSide(section: Section, all: readonly Section[]): boolean {
    return all.some(({ sides }) => sides.some(({ chain }) => chain[0] === section.source));
  }

  #place(node: ResolvedNode): void {
    if (node.spec.kind === 'source') return this.#placeSource(node);
    const at = this.#placed.get(node.inputs[0]?.node ?? -1);
    if (at === undefined) return this.#end(node, 'its rows are not cut');
    if (node.spec.kind === 'joinStream') return this.#placeJoin(node, at);
    if (this.#isWritten(node)) return this.#write(node);
    const crossing = crossingOf(node);
    if (crossing.kind === 'order') return this.#end(node, crossing.reason);
    if (crossing.kind === 'stateless') return this.#put(node, at);
    if (crossing.kind === 'ranges') return this.#placeSort(node, at, crossing.key);
    if (crossing.kind === 'tail') return this.#placeTail(node, at, crossing.tail);
    const spec = crossing.kind === 'twice' ? crossing.first : statesOf(node);
    this.#halved.set(node.id, { of: node, spec });
    this.crossings.set(node.id, { node: node.name, runs: crossing.kind === 'twice' ? 'twice' : 'halves' });
  }

  #placeSource(node: ResolvedNode): void {
    const reason = whyWhole(node);
    if (reason !== undefined) return this.#end(node, reason);
    this.#put(node, { section: { source: node, nodes: [], sides: [], tails: [], exits: [] }, path: [] });
  }

  /** What follows goes on in the ranges. */
  #placeSort(node: ResolvedNode, { section: by }: Placed, key: RangeKey): void {
    this.#put(node, {
      section: { source: node, sorted: { by, key }, nodes: [], sides: [], tails: [], exits: [] },
      path: [],
    });
    this.crossings.set(node.id, { node: node.name, runs: 'ranges' });
  }

  #placeTail(node: ResolvedNode, at: Placed, spec: TailSpec): void {
    if (at.path.some(({ spec }) => spec.kind === 'joinStream')) return this.#end(node, 'looks back over joined rows');
    at.section.tails.push({ node, chain: at.path, spec });
    this.#put(node, at);
  }

  #put(node: ResolvedNode, { section, path }: Placed): void {
    section.nodes.push(node);
    this.#placed.set(node.id, { section, path: [...path, node] });
    this.crossings.set(node.id, { node: node.name, runs: 'tasks' });
  }

  #write(node: ResolvedNode): void {
    this.#written.add(node.id);
    this.crossings.set(node.id, { node: node.name, runs: 'files' });
  }

  /** Whether files of partitions can be committed one behind the other: nothing but the order of the dataset binds their rows. */
  #isWritten({ spec, inputs }: ResolvedNode): boolean {
    if (spec.kind !== 'sink' || spec.sink.type !== 'store') return false;
    const [input] = inputs;
    const producer = this.#nodes.find(({ id }) => id === input?.node);
    const ordered = producer?.ordered[input?.port ?? 'out'];
    return ordered === undefined || ordered === spec.sink.orderedOn;
  }

  #end(node: ResolvedNode, reason: string): void {
    this.crossings.set(node.id, { node: node.name, runs: 'end', reason });
  }

  #placeJoin(node: ResolvedNode, left: Placed): void {
    const right = this.#placed.get(node.inputs[1]?.node ?? -1);
    const found = haloOf(node);
    if ('reason' in found) return this.#end(node, found.reason);
    if (right === undefined) return this.#end(node, 'the rows of its right side are not cut');
    if (right.path.some(({ spec }) => spec.kind === 'joinStream'))
      return this.#end(node, 'its right side is a join itself');
    if ([left, right].some(({ section, path }) => tailsIn(section, path).length > 0))
      return this.#end(node, 'joins rows behind a step that looks back');
    if (right.section.sorted !== undefined && needs(right.section.sorted.by, left.section))
      return this.#end(node, 'its right side is sorted where its left side is cut');
    if (node.spec.kind !== 'joinStream' || !this.#ascends(node, left))
      return this.#end(node, 'its left side is not known to ascend');
    const times = joinTimes(node.spec, node.inputFields);
    left.section.sides.push({ join: node, chain: right.path, section: right.section, halo: found, times });
    this.#put(node, left);
  }

  /** One pass finds out where the rows of a partition lie, so all joins of it have to look at one column. */
  #ascends({ spec, inputs }: ResolvedNode, { section }: Placed): boolean {
    if (spec.kind !== 'joinStream') return false;
    const on = spec.sides[0]?.on;
    const producer = this.#nodes.find(({ id }) => id === inputs[0]?.node);
    const known = section.sides[0]?.join.spec;
    const first = known?.kind === 'joinStream' ? known.sides[0]?.on : on;
    return first === on && producer?.ordered[inputs[0]?.port ?? 'out'] === on;
  }

  /** What the nodes of a section give to others. */
  #exitsOf(section: Section): Exit[] {
    const inside = new Set(section.nodes.map(({ id }) => id));
    const exits: Exit[] = [];
    for (const node of this.#nodes) {
      if (inside.has(node.id)) continue;
      for (const [index, from] of node.inputs.entries()) {
        if (!inside.has(from.node) || this.#isRead(node, index)) continue;
        const first = this.#halved.get(node.id);
        const sort = this.#placed.get(node.id)?.section;
        if (sort?.source === node) exits.push({ from, sort });
        else if (first !== undefined) exits.push({ from, first });
        else if (this.#written.has(node.id)) exits.push({ from, sink: node });
        else if (!exits.some((exit) => isOfRows(exit) && isSameInput(exit.from, from))) exits.push({ from });
      }
    }
    return exits;
  }

  /** The right side of a join that runs in tasks is read there. */
  #isRead(node: ResolvedNode, input: number): boolean {
    return input > 0 && this.#placed.has(node.id);
  }
}

function isOfRows({ first, sort, sink }: Exit): boolean {
  return first === undefined && sort === undefined && sink === undefined;
}

/** Whether a section can only run when another has ended, or is it. */
function needs(section: Section, other: Section): boolean {
  if (section === other) return true;
  const before = [section.sorted?.by, ...section.sides.map((side) => side.section.sorted?.by)];
  return before.some((one) => one !== undefined && needs(one, other));
}

/** The steps of a chain that look back. */
export function tailsIn({ tails }: Section, chain: readonly ResolvedNode[]): Tail[] {
  return tails.filter(({ node }) => chain.includes(node));
}

/** The step in which the tasks of a section run: all that they need has ended. */
export function stepOf(section: Section): number {
  const sides = section.sides.map((side) => stepOfSide(side) + 1);
  const tails = section.tails.map((tail) => stepOfTail(section, tail) + 1);
  return Math.max(firstStepOf(section), ...sides, ...tails);
}

function firstStepOf({ sorted }: Section): number {
  return sorted === undefined ? 0 : stepOf(sorted.by) + 1;
}

/** The step in which a pass finds what a step needs that looks back: behind those for the ones before it. */
export function stepOfTail(section: Section, { chain }: Tail): number {
  return firstStepOf(section) + tailsIn(section, chain).length;
}

/** The step in which a first pass looks at the side of a join. */
export function stepOfSide({ section }: Side): number {
  return firstStepOf(section);
}

function statesOf({ spec, name }: ResolvedNode): OperatorSpec {
  if (spec.kind === 'aggStream') return { kind: 'makeStates', aggregate: spec };
  throw new PipelineError('ERR_INTERNAL', `${name} has no states`);
}

export function isSameInput(left: InputRef, right: InputRef): boolean {
  return left.node === right.node && left.port === right.port;
}
