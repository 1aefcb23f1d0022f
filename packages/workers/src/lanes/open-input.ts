/** Where a lane gets its morsels, by what it was told. */
import type { Arena, Kernels, StageChain } from '@spillway/core/internal';
import { attachRing } from '../channels/ring.ts';
import { SourceGate } from '../channels/source-gate.ts';
import type { LaneInput } from './lane-loop.ts';
import type { LaneConfig, LaneMessage, SplitBounds } from './protocol.ts';
import { RingInput } from './ring-input.ts';

/** Loads what the kind of input needs: most stages take an edge. */
export async function openInput(
  arena: Arena,
  config: LaneConfig,
  {
    kernels,
    chain,
    signal,
    send,
  }: { kernels: Kernels; chain: StageChain; signal: AbortSignal; send: (message: LaneMessage) => void },
): Promise<LaneInput> {
  const { input } = config;
  if (input.kind === 'edge') return new RingInput(attachRing(arena, input.ring).consumer(), input.edge);
  if (input.kind === 'edges') {
    const { MergedInput } = await import('./merged-input.ts');
    const ports = input.inputs.map(({ edge, ring, isElastic }) => ({
      edge,
      consumer: attachRing(arena, ring).consumer(),
      isElastic,
    }));
    const isAligning = (): boolean => Atomics.load(arena.i32, config.aligning >>> 2) !== 0;
    return new MergedInput(ports, () => chain.wants(), isAligning);
  }
  const { source, fields } = input;
  const gate = new SourceGate(arena, input.gate);
  if (source.type === 'shared') {
    const { SharedInput } = await import('./shared-input.ts');
    return new SharedInput({ arena, kernels, source, fields, gate, batches: input.batches });
  }
  const onSplit = (bounds: SplitBounds): void => send({ type: 'split', ...bounds });
  if (source.type === 'text') {
    const { TextInput } = await import('../sources/text-input.ts');
    const { chain: chunks } = input;
    return new TextInput({
      arena,
      source,
      fields,
      gate,
      chain: chunks,
      owner: config.owner,
      lane: config.lane,
      signal,
      onBadRows: (chunk, rows) => send({ type: 'bad-rows', chunk, rows }),
      onSplit,
    });
  }
  if (source.type === 'arrow') {
    const { ArrowInput } = await import('../sources/arrow-input.ts');
    return new ArrowInput({ arena, source, fields, gate, owner: config.owner, onSplit });
  }
  if (source.type === 'parquet') {
    const { ParquetInput } = await import('../sources/parquet-input.ts');
    return new ParquetInput({ arena, source, rowGroups: input.rowGroups, fields, gate, owner: config.owner, onSplit });
  }
  const { GeneratedInput } = await import('./generated-input.ts');
  return GeneratedInput.open({
    arena,
    source,
    fields,
    gate,
    owner: config.owner,
    onSplit,
  });
}
