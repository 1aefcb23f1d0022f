/** A little memory with a bump allocator, for tests of kernels: addresses only, nothing is given back. */
export interface FakeArena {
  readonly buffer: SharedArrayBuffer;
  readonly memory: { readonly buffer: SharedArrayBuffer };
  /** 64-byte aligned room of `bytes`, plus `offset` when an unaligned start is wanted. */
  room(bytes: number, offset?: number): number;
  reset(): void;
  readonly view: DataView;
}

interface MemoryConstructor {
  new (descriptor: { initial: number; maximum: number; shared: boolean }): { readonly buffer: SharedArrayBuffer };
}

/** `maximum` is the arena's own, so that the same compiled kernels can be instantiated on it. */
export function fakeArena(bytes: number): FakeArena {
  const { Memory } = (globalThis as unknown as { WebAssembly: { Memory: MemoryConstructor } }).WebAssembly;
  const memory = new Memory({ initial: Math.ceil(bytes / 65_536), maximum: 65_536, shared: true });
  let top = 64;
  return {
    buffer: memory.buffer,
    memory,
    view: new DataView(memory.buffer),
    room(size, offset = 0) {
      const at = top + offset;
      top = Math.ceil((at + size + 64) / 64) * 64;
      if (top > memory.buffer.byteLength) throw new Error(`fake arena of ${memory.buffer.byteLength} bytes is full`);
      return at;
    },
    reset() {
      top = 64;
    },
  };
}

/** A seeded generator of uniform numbers in [0, 1) (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
