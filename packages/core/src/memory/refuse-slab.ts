/** What is said where there is no slab for who asks. */
import { PipelineError } from '../errors.ts';
import { formatBytes } from '../schema/sizes.ts';
import type { Arena, SlabHolders } from './contract.ts';
import { OWNER_COUNT } from './layout.ts';

/** Nobody is blamed for less. */
const WORTH_NAMING_BYTES = 64 * 1024;

/**
 * Names who asked, what everybody holds, and, as the place to begin, who holds most of what nobody can get back.
 * @throws ERR_MEMORY_EXHAUSTED
 */
export function refuseSlab(arena: Arena, holders: SlabHolders | undefined, bytes: number, owner: number): never {
  const name = holders?.nameOf(owner) ?? `owner ${owner}`;
  const limit = Math.min(arena.limit(), arena.buffer.byteLength);
  const stuck = holders?.largestStuck();
  const blamed = stuck === undefined || stuck.bytes < WORTH_NAMING_BYTES ? undefined : stuck;
  const most =
    blamed === undefined
      ? ''
      : `; ${formatBytes(blamed.bytes)} are with "${blamed.name}" and can neither be flushed nor spilled`;
  const message =
    `${name} asked ${formatBytes(bytes)}, holds ${formatBytes(arena.bytesOf(owner))}; ` +
    `${formatBytes(arena.usedBytes())} of ${formatBytes(limit)} in use (${holders?.describe() ?? ownersOf(arena)})${most}`;
  throw new PipelineError('ERR_MEMORY_EXHAUSTED', message, {
    stage: blamed?.name ?? name,
    hint: `raise memoryLimit above ${formatBytes(limit)}, or ${blamed === undefined ? 'use smaller batches' : `have "${blamed.name}" hold less`}`,
  });
}

function ownersOf(arena: Arena): string {
  return Array.from({ length: OWNER_COUNT }, (_, owner) => ({ owner, bytes: arena.bytesOf(owner) }))
    .filter(({ bytes }) => bytes > 0)
    .sort((left, right) => right.bytes - left.bytes)
    .slice(0, 4)
    .map(({ owner, bytes }) => `owner ${owner} ${formatBytes(bytes)}`)
    .join(', ');
}
