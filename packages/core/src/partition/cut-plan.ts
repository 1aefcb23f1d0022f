/**
 * Cuts a plan into tasks over ordered partitions of its sources and a rest that merges what they give. Pure planning: files are looked at, none
 * is written, nothing runs. From each source the steps that cross a cut go into its tasks; aggregates leave their states there; the first step
 * that depends on rows of other partitions, and all behind it, belongs to the rest. Where rows are joined, a first pass finds out which rows of
 * the other side each partition needs.
 */
import { PipelineError } from '../errors.ts';
import { buildLogicalPlan } from '../plan/build.ts';
import type { SourceSpec } from '../plan/logical.ts';
import { withPlace } from '../plan/node-fields.ts';
import { resolvePlan } from '../plan/resolve.ts';
import type { ResolvedNode, ResolvedPlan } from '../plan/resolved.ts';
import type { Sink } from '../plan/sinks.ts';
import { periodSteps } from '../plan/steps/rolling.ts';
import type {
  CutPlan,
  CutStep,
  PartitionRange,
  PartitionTask,
  RangeReads,
  RunFiles,
  SideReads,
  TailReads,
  TasksBefore,
} from './contract.ts';
import { writePlanText } from './plan-text.ts';
import { RestOfPlan } from './rest-of-plan.ts';
import {
  findSections,
  type Section,
  type Side,
  stepOf,
  stepOfSide,
  stepOfTail,
  type Tail,
  tailsIn,
} from './sections.ts';
import { divideSources, type SourcePart, splitSource } from './split-source.ts';
import type { RootNodes } from './task-plan.ts';
import { boundsPlan, type SectionPlan, type SideNodes, sectionPlan, sidePlan, tailPlan } from './task-plans.ts';

/** Options of `cutPlan`. */
export interface CutOptions {
  /** Most partitions of one source. */
  partitions: number;
  /** Folder that all processes see, for the files of the tasks. Default: their names are relative. */
  folder?: string;
  /** Text files are not divided into parts of less. Default 1 MiB. */
  leastTextBytes?: number;
}

/**
 * The plan of these sinks in parts.
 * @throws what `resolvePlan` and `checkFileSink` refuse; ERR_PLAN for what cannot go to another process; ERR_OPTIONS
 */
export async function cutPlan(sinks: readonly Sink[], options: CutOptions): Promise<CutPlan> {
  const { partitions } = options;
  if (!Number.isSafeInteger(partitions) || partitions < 1)
    throw new PipelineError('ERR_OPTIONS', `partitions is ${String(partitions)}`, {
      value: String(partitions),
      expected: 'a whole number from 1 on',
      hint: 'give about four for each worker',
    });
  const plan = await resolvePlan(buildLogicalPlan(sinks));
  const divided = await divideSources(plan, partitions, options.leastTextBytes);
  return cutResolved(plan, await withSettings(divided), options);
}

/** Sinks of stores with what they do not say as their datasets were written before: tasks do not look at them. */
async function withSettings(plan: ResolvedPlan): Promise<ResolvedPlan> {
  const nodes: ResolvedNode[] = [];
  for (const node of plan.nodes) {
    const { name, spec, inputFields } = node;
    if (spec.kind !== 'sink' || spec.sink.type !== 'store') nodes.push(node);
    else {
      const { checkFileSink } = await import('../store/sinks/sink-commit.ts');
      const check = checkFileSink(spec.sink, inputFields[0] ?? []);
      const sink = await check.catch((error: unknown) => Promise.reject(withPlace(error, name, { stage: name })));
      nodes.push({ ...node, spec: { ...spec, sink } });
    }
  }
  return { ...plan, nodes };
}

/** The same of a plan whose columns are known. `plan`: with sources in parts; what runs at the end reads them as they were. */
function cutResolved(whole: ResolvedPlan, plan: ResolvedPlan, options: CutOptions): CutPlan {
  const { sections, crossings } = findSections(plan.nodes);
  const ordered = [...sections].sort((a, b) => stepOf(a) - stepOf(b));
  const rest = new RestOfPlan(whole, sections);
  const cutter = new Cutter(plan, options);
  for (const section of ordered) rest.read(section, cutter.cut(section));
  return { steps: cutter.steps, rest: rest.plan(), inputs: rest.inputs, crossings };
}

/** What the tasks of a section give. */
interface SectionTasks extends TasksBefore {
  plan: SectionPlan;
  /** By exit. */
  files: number[];
}

type TailPass = Omit<TailReads, 'tasks' | 'node'>;

/** How far a step looks back. */
function reachOf({ node, spec: { rows, by, period } }: Tail): Pick<TailReads, 'rows' | 'period'> {
  const steps = period && node.spec.kind === 'rolling' ? periodSteps(node.spec, node.inputFields[0] ?? []) : undefined;
  if (steps !== undefined) return { period: steps };
  return rows !== undefined && by.length === 0 ? { rows } : {};
}

/** What tasks that look at the same part of a plan are for. */
interface NewTasks {
  step: number;
  purpose: string;
  section: Section;
  text: string;
  root: RootNodes;
}

const BOUNDS = 'bounds of partitions, and rows at their ends';

class Cutter {
  readonly steps: CutStep[] = [];
  readonly #plan: ResolvedPlan;
  readonly #options: CutOptions;
  readonly #cut: Map<Section, SectionTasks> = new Map();

  constructor(plan: ResolvedPlan, options: CutOptions) {
    this.#plan = plan;
    this.#options = options;
  }

  /** Adds the tasks of a section, and those that find out what they have to know. Sections that it needs have been cut. */
  cut(section: Section): SectionTasks {
    const { sides, tails } = section;
    const passes = new Map<Tail, TailPass>();
    for (const tail of tails) passes.set(tail, this.#tail(section, tail, passes));
    const plan = sectionPlan(this.#plan, section);
    const step = stepOf(section);
    const runs = plan.runs.filter((files) => files !== undefined);
    const more = runs.length > 0 ? { runs } : {};
    const purpose = runs.length < plan.files.length ? 'rows and states of partitions' : 'sorted rows of partitions';
    const partitions = this.#add({ step, purpose, section, ...plan }, more);
    this.#lookBack(step, partitions, tails, plan.looks, passes);
    if (sides.length > 0) {
      const bounds = section.sorted === undefined ? { bounds: this.#bounds(section) } : {};
      const reads = sides.map((side, index) => this.#side(side, plan.sides[index] as SideNodes));
      this.#step(step).reads.push({ tasks: partitions, ...bounds, sides: reads });
    }
    const tasks = { step, partitions, plan, files: plan.files };
    this.#cut.set(section, tasks);
    return tasks;
  }

  /** A pass that finds the last rows of each partition. */
  #tail(section: Section, tail: Tail, passes: ReadonlyMap<Tail, TailPass>): TailPass {
    const { text, root, looks, bounds, file, empty } = tailPlan(this.#plan, section, tail);
    const step = stepOfTail(section, tail);
    const more = bounds === undefined ? {} : { bounds };
    const partitions = this.#add({ step, purpose: 'last rows of partitions', section, text, root }, more);
    this.#lookBack(step, partitions, tailsIn(section, tail.chain), looks, passes);
    return { of: { step, partitions }, file, empty, ...reachOf(tail) };
  }

  /** Tasks read what steps need that look back. */
  #lookBack(
    step: number,
    tasks: PartitionRange,
    tails: readonly Tail[],
    looks: readonly number[],
    passes: ReadonlyMap<Tail, TailPass>,
  ): void {
    for (const [index, tail] of tails.entries())
      this.#step(step).tails.push({ tasks, node: looks[index] as number, ...(passes.get(tail) as TailPass) });
  }

  #bounds(section: Section): TasksBefore {
    const { text, root, bounds } = boundsPlan(this.#plan, section);
    return { step: 0, partitions: this.#add({ step: 0, purpose: BOUNDS, section, text, root }, { bounds }) };
  }

  #side(side: Side, nodes: SideNodes): SideReads {
    const { join, chain, section, times } = side;
    const { text, root, bounds, before, after, empty = -1, rows: file } = sidePlan(this.#plan, side);
    const step = stepOfSide(side);
    const partitions = this.#add({ step, purpose: BOUNDS, section, text, root }, { bounds });
    const sources = (): SourceSpec[] => this.#parts(chain[0] as ResolvedNode).map(({ source }) => source);
    return {
      name: join.name,
      tasks: { step, partitions },
      parts: file === undefined ? { sources: sources() } : { file },
      rows: nodes.rows,
      ...(before !== undefined &&
        nodes.before !== undefined && { before: { node: nodes.before, file: before, empty } }),
      ...(after !== undefined && nodes.after !== undefined && { after: { node: nodes.after, file: after, empty } }),
      scales: [...times.scales],
      from: times.from,
      to: times.to,
      ...(times.tolerance !== undefined && { tolerance: times.tolerance }),
    };
  }

  #parts(source: ResolvedNode): Part[] {
    return partsOf(source, this.#options.partitions);
  }

  /** One task for each part of what a section begins with: of its source, or ranges of its sort. */
  #add({ step, purpose, section, text: plan, root }: NewTasks, more: Partial<PartitionTask>): PartitionRange {
    const { tasks, ranges } = this.#step(step, purpose);
    const from = tasks.length;
    const add = (own: Pick<PartitionTask, 'inputs' | 'size' | 'part'>): void => {
      const partition = tasks.length;
      tasks.push({ step, partition, plan, ...own, output: this.#outputOf(step, partition), ...more });
    };
    if (section.sorted === undefined) {
      for (const { text: source, part, size } of this.#parts(section.source))
        add({ inputs: [{ node: root.source, source }], size, part });
      return [from, tasks.length];
    }
    for (let range = 0; range < this.#options.partitions; range++)
      add({ inputs: [], part: `range ${range} of ${section.source.name}` });
    const partitions: PartitionRange = [from, tasks.length];
    ranges.push({ tasks: partitions, ...this.#runsFor(section, section.sorted), ...root } as RangeReads);
    return partitions;
  }

  /** The files that a section's ranges are read from. */
  #runsFor(section: Section, { by, key }: NonNullable<Section['sorted']>): Pick<RangeReads, 'runs' | 'file' | 'key'> {
    const { step, partitions, plan } = this.#cut.get(by) as SectionTasks;
    const exit = by.exits.findIndex(({ sort }) => sort === section);
    return { runs: { step, partitions }, file: (plan.runs[exit] as RunFiles).rows, key };
  }

  #step(at: number, purpose?: string): CutStep {
    while (this.steps.length <= at) this.steps.push({ name: '', tasks: [], reads: [], ranges: [], tails: [] });
    const step = this.steps[at] as CutStep;
    if (purpose !== undefined && !step.name.includes(purpose))
      step.name = step.name === '' ? purpose : `${step.name}; ${purpose}`;
    return step;
  }

  #outputOf(step: number, partition: number): string {
    const { folder } = this.#options;
    const name = `part-${step}-${String(partition).padStart(6, '0')}`;
    return folder === undefined ? name : `${folder}/${name}`;
  }
}

/** A part of a source: for its task, and for people. */
interface Part extends SourcePart {
  text: string;
  part: string;
}

function partsOf(source: ResolvedNode, partitions: number): Part[] {
  return splitSource(source, partitions).map((part) => ({
    ...part,
    text: writePlanText(part.source, source.name),
    part: describePart(source.name, part.source),
  }));
}

function describePart(name: string, part: SourceSpec): string {
  if (part.type === 'generated') {
    const first = part.firstSplit ?? 0;
    return `splits ${first} to ${first + part.splits - 1} of ${name}`;
  }
  const [path = name, ...others] = 'paths' in part ? part.paths : [];
  return others.length === 0 ? path : `${path} and ${others.length} more`;
}
