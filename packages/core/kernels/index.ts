// The kernels: loops over the arena, compiled to WebAssembly. All pointers are unsigned 32-bit addresses. No kernel holds
// static data, objects or globals, since every thread instantiates the module over the same memory.
export { groupStates } from './groups';
export { initStates, mergeStates, roundSums } from './merge';
export { binEnds, firstUnordered } from './order';
export { segmentStates } from './segments';
