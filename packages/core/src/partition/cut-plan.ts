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
import type { CutPlan, CutStep, PartitionRange, PartitionTask, SideReads } from './contract.ts';
import { writePlanText } from './plan-text.ts';
import { RestOfPlan } from './rest-of-plan.ts';
import { findSections, type Section, type Side } from './sections.ts';
import { divideSources, type SourcePart, splitSource } from './split-source.ts';
import { boundsPlan, type SideNodes, sectionPlan, sidePlan } from './task-plans.ts';

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
      const { checkFileSink } = await import('../store/sink-commit.ts');
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
  const hasJoins = sections.some(({ sides }) => sides.length > 0);
  const first: CutStep = { name: 'bounds of partitions, and rows at their ends', tasks: [], reads: [] };
  const main: CutStep = { name: 'rows and states of partitions', tasks: [], reads: [] };
  const steps = hasJoins ? [first, main] : [main];
  const rest = new RestOfPlan(whole, sections);
  const cutter = new Cutter(plan, options, steps);
  for (const section of sections) rest.read(section, steps.length - 1, cutter.cut(section));
  return { steps: main.tasks.length === 0 ? [] : steps, rest: rest.plan(), inputs: rest.inputs, crossings };
}

class Cutter {
  readonly #plan: ResolvedPlan;
  readonly #options: CutOptions;
  readonly #steps: readonly CutStep[];

  constructor(plan: ResolvedPlan, options: CutOptions, steps: readonly CutStep[]) {
    this.#plan = plan;
    this.#options = options;
    this.#steps = steps;
  }

  /** Adds the tasks of a section to the last step, and what they have to know to the one before. */
  cut(section: Section): PartitionRange {
    const { source, sides } = section;
    const parts = partsOf(source, this.#options.partitions);
    const { text, sides: nodes } = sectionPlan(this.#plan, section);
    const main = this.#steps.length - 1;
    const tasks = this.#add(main, text, source.id, parts);
    if (sides.length > 0) {
      const first = boundsPlan(this.#plan, section);
      (this.#steps[main] as CutStep).reads.push({
        tasks,
        bounds: this.#add(0, first.text, first.source, parts, first.bounds),
        sides: sides.map((side, index) => this.#side(side, nodes[index] as SideNodes)),
      });
    }
    return tasks;
  }

  #side(side: Side, nodes: SideNodes): SideReads {
    const { join, chain, times } = side;
    const source = chain[0] as ResolvedNode;
    const parts = partsOf(source, this.#options.partitions);
    const { text, source: node, bounds, before, after, empty = -1 } = sidePlan(this.#plan, side);
    return {
      name: join.name,
      partitions: this.#add(0, text, node, parts, bounds),
      sources: parts.map((part) => part.source),
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

  /** One task for each part. */
  #add(step: number, plan: string, node: number, parts: readonly Part[], bounds?: number): PartitionRange {
    const { tasks } = this.#steps[step] as CutStep;
    const from = tasks.length;
    for (const { text: source, part, size } of parts) {
      const partition = tasks.length;
      const output = this.#outputOf(step, partition);
      const task: PartitionTask = { step, partition, plan, inputs: [{ node, source }], size, part, output };
      tasks.push(bounds === undefined ? task : { ...task, bounds });
    }
    return [from, tasks.length];
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
