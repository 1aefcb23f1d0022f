/**
 * Which cuts can be seen. A stream is the same whatever batches its rows come in, unless a step downstream looks at
 * the batches: counts them, or hands each to user code. Where nobody looks, the engine may cut as it likes (and flush
 * under pressure); where somebody does, cuts are part of the answer and follow from the plan alone.
 */
import { PipelineError } from '../errors.ts';
import type { OperatorSpec, Triggers } from './logical.ts';
import type { ResolvedNode, TimingDependence } from './resolved.ts';
import { hasTraits, traitsOf } from './steps/traits.ts';

function hasTriggers(triggers: Triggers): boolean {
  return Object.values(triggers).some((trigger) => trigger !== undefined);
}

/** Flushing changes what it emits, not only how that is cut: folds, and ops that may emit state of their own. */
function isChangedByFlush(spec: OperatorSpec): boolean {
  return spec.kind === 'memoryAccumulate' || (spec.kind === 'op' && !spec.stateless && hasTriggers(spec.triggers));
}

/** Whether a step sees how its input is cut into logical batches, given whether its own cuts are seen. */
function observesInput(spec: OperatorSpec, emissionsVisible: boolean): boolean {
  switch (spec.kind) {
    case 'source':
    case 'sort':
      return false;
    case 'filter':
    case 'select':
    case 'withColumns':
    case 'joinStream':
      return emissionsVisible;
    case 'sink':
      return spec.sink.type === 'callback' || spec.sink.type === 'iterate';
    case 'op':
      if (spec.observesBatches || spec.triggers.iterMax !== undefined) return true;
      return emissionsVisible;
    case 'memoryAccumulate':
      return true;
    case 'memoryBuffer':
    case 'aggStream':
      return spec.triggers.iterMax !== undefined || (emissionsVisible && hasTriggers(spec.triggers));
    default:
      return emissionsVisible && traitsOf(spec).keepsCuts;
  }
}

/** Sets `emissionsVisible` on every node, users first. */
export function markVisibility(nodes: readonly ResolvedNode[]): void {
  const observed = new Set<number>();
  for (const node of [...nodes].reverse()) {
    node.emissionsVisible = observed.has(node.id) || isChangedByFlush(node.spec);
    if (!observesInput(node.spec, node.emissionsVisible)) continue;
    // What a join gives is cut as its left input is, what a zip gives as its first.
    const followed = hasTraits(node.spec) ? traitsOf(node.spec).cutsFollow : undefined;
    const isFirstOnly = node.spec.kind === 'joinStream' || followed === 0;
    const seen = isFirstOnly ? node.inputs.slice(0, 1) : node.inputs;
    for (const input of seen) observed.add(input.node);
  }
}

/**
 * Refuses limits that would make the answer depend on pressure, and lists what makes it depend on timing.
 * @throws ERR_OPTIONS for `memoryLimit: 'auto'` where cuts can be seen; ERR_TIMING_DEPENDENT in a deterministic plan
 */
export function checkTiming(nodes: readonly ResolvedNode[], deterministic: boolean): TimingDependence[] {
  const found: TimingDependence[] = [];
  for (const node of nodes) {
    const timing = hasTraits(node.spec) ? traitsOf(node.spec).timing?.(node.spec, node.emissionsVisible) : undefined;
    if (timing !== undefined) found.push({ node: node.name, reason: timing });
    if (!node.emissionsVisible || !('triggers' in node.spec)) continue;
    const { memoryLimitBytes, intervalMs } = node.spec.triggers;
    if (memoryLimitBytes === 'auto') {
      throw new PipelineError(
        'ERR_OPTIONS',
        `${node.name}: memoryLimit 'auto' would make the result depend on memory pressure, because its flushes can be seen`,
        {
          stage: node.name,
          hint: "give a size such as '64MiB', or use iterMax or rows",
        },
      );
    }
    if (intervalMs !== undefined)
      found.push({
        node: node.name,
        reason: `flushes every ${intervalMs} ms, and its flushes can be seen ${observerOf(node, nodes)}`,
      });
  }
  const first = found[0];
  if (!deterministic || first === undefined) return found;
  throw new PipelineError(
    'ERR_TIMING_DEPENDENT',
    `the plan is to be deterministic, but ${first.node} ${first.reason}`,
    {
      stage: first.node,
      hint: 'use iterMax, rows or memoryLimit instead of interval, mergeOrdered instead of union, an as-of join for what is latest, or leave deterministic out',
    },
  );
}

function observerOf(node: ResolvedNode, nodes: readonly ResolvedNode[]): string {
  if (isChangedByFlush(node.spec)) return 'in what it emits';
  const observer = nodes.find(
    (user) => user.inputs.some((input) => input.node === node.id) && observesInput(user.spec, user.emissionsVisible),
  );
  return observer === undefined ? 'downstream' : `by ${observer.name}`;
}
