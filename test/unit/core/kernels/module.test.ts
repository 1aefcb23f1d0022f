import { readFileSync } from 'node:fs';
import { MessageChannel } from 'node:worker_threads';
import { adoptKernelModule, instantiateKernels, kernelModule } from '@spillway/core/internal';
import { describe, expect, it } from 'vitest';
import { fakeArena } from '../../../support/fake-arena.ts';

const bytes = readFileSync(new URL('../../../../packages/core/dist/kernels.wasm', import.meta.url));

/** The sections of a module: id and content. */
function sections(): { id: number; body: Uint8Array }[] {
  const found: { id: number; body: Uint8Array }[] = [];
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++] as number;
    let size = 0;
    for (let shift = 0, byte = 0x80; byte & 0x80; shift += 7) {
      byte = bytes[at++] as number;
      size |= (byte & 0x7f) << shift;
    }
    found.push({ id, body: bytes.subarray(at, at + size) });
    at += size;
  }
  return found;
}

const GLOBAL = 6;
const START = 8;
const DATA = 11;

interface ModuleNamespace {
  Module: {
    imports(module: unknown): { module: string; name: string; kind: string }[];
    exports(module: unknown): { name: string; kind: string }[];
  };
}
const { Module } = (globalThis as unknown as { WebAssembly: ModuleNamespace }).WebAssembly;

describe('the compiled module', () => {
  it('has no data, no start function and no globals: an instance writes nothing, and holds no address', () => {
    expect(sections().map(({ id }) => id)).not.toContain(DATA);
    expect(sections().map(({ id }) => id)).not.toContain(START);
    expect(sections().map(({ id }) => id)).not.toContain(GLOBAL);
  });

  it('imports the memory and nothing else, and exports functions only', () => {
    expect(Module.imports(kernelModule())).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }]);
    expect(new Set(Module.exports(kernelModule()).map(({ kind }) => kind))).toEqual(new Set(['function']));
  });

  it('leaves the memory as it is when instantiated', () => {
    const arena = fakeArena(1 << 20);
    new Uint8Array(arena.buffer).fill(0xab);
    instantiateKernels(arena);
    expect(new Uint8Array(arena.buffer).every((byte) => byte === 0xab)).toBe(true);
  });

  it('is instantiated once a thread and memory', () => {
    const arena = fakeArena(1 << 16);
    expect(instantiateKernels(arena)).toBe(instantiateKernels(arena));
  });

  it('goes through postMessage', async () => {
    const { port1, port2 } = new MessageChannel();
    const arrived = new Promise((resolve) => {
      port2.once('message', resolve);
    });
    port1.postMessage(kernelModule());
    adoptKernelModule((await arrived) as ReturnType<typeof kernelModule>);
    port1.close();
    expect(instantiateKernels(fakeArena(1 << 16)).popcount(0, 0, 7)).toBe(7);
  });
});
