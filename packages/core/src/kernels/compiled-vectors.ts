/** The compiled kernels over whole columns behind their contract. */
import { TYPE_CODE } from './compiled-layout.ts';
import type { KernelExports } from './module.ts';
import type {
  ArithmeticFn,
  BitmapFn,
  CompareFn,
  JoinKernels,
  Operand,
  UnaryArithmeticFn,
  VectorKernels,
} from './vector-contract.ts';

/** Exported functions take numbers; pointers may pass 2^31 and are taken modulo 2^32, results come back signed. */
type Exported = (...args: (number | bigint)[]) => number;

const ARITHMETIC: Readonly<Record<ArithmeticFn, number>> = { add: 0, sub: 1, mul: 2, div: 3, mod: 4 };
const UNARY: Readonly<Record<UnaryArithmeticFn, number>> = { neg: 0, abs: 1, floor: 2, ceil: 3, round: 4, sqrt: 5 };
const BITMAP: Readonly<Record<BitmapFn, number>> = { and: 0, or: 1, xor: 2, andNot: 3 };
/** `gt` and `ge` are the others with the operands exchanged. */
const COMPARE: Readonly<Record<CompareFn, { code: number; isExchanged: boolean }>> = {
  eq: { code: 0, isExchanged: false },
  ne: { code: 1, isExchanged: false },
  lt: { code: 2, isExchanged: false },
  le: { code: 3, isExchanged: false },
  gt: { code: 2, isExchanged: true },
  ge: { code: 3, isExchanged: true },
};

function flag(operand: Operand): number {
  return operand.isScalar ? 1 : 0;
}

/** Kernels whose exported function takes the same arguments and gives the same result. */
const DIRECT = [
  'bitmapNot',
  'popcount',
  'copyBits',
  'fillBits',
  'selectIndices',
  'take',
  'takeBits',
  'takeVariableBytes',
  'takeVariable',
  'scaleInt64',
  'fill',
  'iota',
  'initKeyTable',
  'encodeInt32',
  'encodeInt64',
  'encodeText',
  'combineIds',
  'rowsOfSegment',
  'asofMatch',
  'dealRows',
  'takePlaces',
  'mergeMatch',
] as const satisfies readonly (keyof (VectorKernels & JoinKernels))[];
type Direct = Pick<VectorKernels & JoinKernels, (typeof DIRECT)[number]>;

/** Wraps the exported functions. */
export function wrapVectors(exports: KernelExports): VectorKernels & JoinKernels {
  const kernels = exports as unknown as Record<keyof (VectorKernels & JoinKernels), Exported>;
  return {
    ...(Object.fromEntries(DIRECT.map((name) => [name, kernels[name]])) as unknown as Direct),
    arithmetic: (fn, type, left, right, validity, rows, out) =>
      kernels.arithmetic(
        ARITHMETIC[fn],
        TYPE_CODE[type],
        left.ptr,
        flag(left),
        right.ptr,
        flag(right),
        validity,
        rows,
        out,
      ),
    unaryArithmetic: (fn, type, values, validity, rows, out) =>
      kernels.unaryArithmetic(UNARY[fn], TYPE_CODE[type], values, validity, rows, out),
    compare(fn, type, left, right, rows, out) {
      const { code, isExchanged } = COMPARE[fn];
      const [a, b] = isExchanged ? [right, left] : [left, right];
      kernels.compare(code, TYPE_CODE[type], a.ptr, flag(a), b.ptr, flag(b), rows, out);
    },
    bitmap: (fn, left, right, rows, out) => void kernels.bitmap(BITMAP[fn], left, right, rows, out),
    kleene: (fn, ...args) => void kernels.kleene(BITMAP[fn], ...args),
    choose: (width, mask, set, unset, rows, out) =>
      void kernels.choose(width, mask, set.ptr, flag(set), unset.ptr, flag(unset), rows, out),
    cast: (from, to, values, validity, rows, out) =>
      kernels.cast(TYPE_CODE[from], TYPE_CODE[to], values, validity, rows, out),
    castBits: (bits, to, rows, out) => void kernels.castBits(bits, TYPE_CODE[to], rows, out),
    checksum: (ptr, bytes, seed) => BigInt.asUintN(64, kernels.checksum(ptr, bytes, seed) as unknown as bigint),
    rehashKeyTable: (header, slots, slotCount, keys, keyCapacity) =>
      void kernels.rehashKeyTable(header, slots, slotCount, keys, keyCapacity),
  };
}
