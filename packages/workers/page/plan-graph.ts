/** The plan as a graph: sources on the left, sinks on the right, how full each channel and buffer is, and who has just flushed. */
import type { BufferMetrics, MetricsSnapshot } from '../dist/monitor/snapshot.js';
import { shape } from './elements.js';
import { count, percent, rough } from './format.js';

const NODE = { width: 190, gapX: 70, gapY: 22, line: 17, top: 24 };
/** How long a node that has flushed stays marked. */
const MARKED_MS = 1000;

interface GraphNode {
  name: string;
  lines: string[];
  buffers: BufferMetrics[];
  depth: number;
  x: number;
  y: number;
  height: number;
}

export class PlanGraph {
  readonly svg: SVGSVGElement = shape('svg', { class: 'plan', role: 'img', 'aria-label': 'the plan' });
  /** Flushes by buffer when last drawn, and until when it is marked. */
  readonly #seen: Map<string, { flushes: number; untilMs: number }> = new Map();

  draw(snapshot: MetricsSnapshot): void {
    const nodes = layOut(snapshot);
    const width = Math.max(0, ...nodes.map(({ x }) => x + NODE.width)) + 2;
    const height = Math.max(0, ...nodes.map((node) => node.y + node.height)) + 2;
    const { svg } = this;
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    svg.setAttribute('width', String(width));
    svg.setAttribute('height', String(height));
    svg.setAttribute('aria-label', `the plan: ${snapshot.edges.map(({ from, to }) => `${from} to ${to}`).join(', ')}`);
    svg.replaceChildren(...edgesOf(snapshot, nodes), ...nodes.map((node) => this.#drawNode(node)));
  }

  #drawNode(node: GraphNode): SVGGElement {
    const { x, y, height, name, lines, buffers } = node;
    const isFlushed = buffers.map((buffer) => this.#hasFlushed(buffer)).some(Boolean);
    const texts = [name, ...lines].map((line, index) =>
      shape('text', { x: x + 8, y: y + 17 + index * NODE.line, class: index === 0 ? '' : 'quiet' }, cut(line)),
    );
    const frame = { x: x + 1, y: y + 1, width: NODE.width, height, rx: 5 };
    const rect = shape('rect', { ...frame, class: isFlushed ? 'node flushed' : 'node' });
    const bars = buffers.flatMap((buffer, index) =>
      drawBuffer(buffer, x + 8, y + NODE.top + lines.length * NODE.line + index * 24),
    );
    return shape('g', {}, shape('title', {}, `${name}: ${lines.join(', ')}`), rect, ...texts, ...bars);
  }

  #hasFlushed({ name, stage, flushes }: BufferMetrics): boolean {
    const key = `${stage} ${name}`;
    const now = performance.now();
    const total = Object.values(flushes).reduce((sum, one) => sum + one, 0);
    const before = this.#seen.get(key);
    const untilMs = before !== undefined && total > before.flushes ? now + MARKED_MS : (before?.untilMs ?? 0);
    this.#seen.set(key, { flushes: total, untilMs });
    return now < untilMs;
  }
}

function drawBuffer({ name, fill, rows }: BufferMetrics, x: number, y: number): SVGElement[] {
  const width = NODE.width - 16;
  const text = `${name}: ${fill > 0 ? percent(fill) : `${rough(rows)} rows`}`;
  return [
    shape('rect', { class: 'bar', x, y, width, height: 20, rx: 3 }),
    shape('rect', { class: 'held', x, y: y + 17, width: Math.max(0, Math.min(1, fill)) * width, height: 3 }),
    shape('text', { x: x + 5, y: y + 13 }, cut(text)),
  ];
}

function edgesOf(snapshot: MetricsSnapshot, nodes: readonly GraphNode[]): SVGElement[] {
  return snapshot.edges.flatMap(({ from, to, packets, capacity }) => {
    const [left, right] = [from, to].map((name) => nodes.find((node) => node.name === name));
    if (left === undefined || right === undefined) return [];
    const [x1, y1] = [left.x + NODE.width, left.y + left.height / 2];
    const [x2, y2] = [right.x, right.y + right.height / 2];
    const part = packets / capacity;
    const middle = (x1 + x2) / 2;
    const path = shape('path', {
      class: part > 0.75 ? 'edge full' : 'edge',
      d: `M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`,
      'stroke-width': 1.5 + part * 5,
    });
    return [path, shape('text', { x: middle - 12, y: (y1 + y2) / 2 - 6, class: 'quiet' }, `${packets}/${capacity}`)];
  });
}

/** Puts every node as far to the right as the longest way from a source. */
function layOut(snapshot: MetricsSnapshot): GraphNode[] {
  const nodes = namesOf(snapshot).map((name) => describe(snapshot, name));
  const byName = new Map(nodes.map((node) => [node.name, node]));
  // Edges go one way: after as many rounds as there are nodes nothing moves any more.
  for (let round = 0; round < nodes.length; round += 1)
    for (const { from, to } of snapshot.edges) {
      const [left, right] = [byName.get(from), byName.get(to)];
      if (left !== undefined && right !== undefined) right.depth = Math.max(right.depth, left.depth + 1);
    }
  const bottoms: number[] = [];
  for (const node of nodes) {
    node.x = node.depth * (NODE.width + NODE.gapX);
    node.y = bottoms[node.depth] ?? 0;
    bottoms[node.depth] = node.y + node.height + NODE.gapY;
  }
  return nodes;
}

/** Those of edges, and stages that make their rows themselves. */
function namesOf({ edges, stages, sinks }: MetricsSnapshot): string[] {
  const names = [...edges.flatMap(({ from, to }) => [from, to]), ...stages.map(({ name }) => name)];
  return [...new Set([...names, ...sinks.map(({ name }) => name)])];
}

function describe({ stages, buffers, sources, sinks }: MetricsSnapshot, name: string): GraphNode {
  const stage = stages.find((candidate) => candidate.name === name);
  const end = [...sources, ...sinks].find((candidate) => candidate.name === name);
  const held = buffers.filter((buffer) => buffer.stage === name);
  const lines =
    stage === undefined
      ? [`${count(end?.rows ?? 0)} rows`]
      : [`${stage.lanes} lane${stage.lanes === 1 ? '' : 's'}, ${rough(stage.rowsIn)} in, ${rough(stage.rowsOut)} out`];
  const height = NODE.top + lines.length * NODE.line + held.length * 24 + 4;
  return { name, lines, buffers: held, depth: 0, x: 0, y: 0, height };
}

function cut(text: string): string {
  return text.length > 28 ? `${text.slice(0, 27)}…` : text;
}
