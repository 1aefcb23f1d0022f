import { ThriftError } from '../thrift-compact.ts';

/**
 * A page that our kernels do not read: of a kind that they do not know, or malformed. No refusal: the library gets the row group then,
 * and if it cannot read it either, says why in its own words.
 */
export class PageProblem extends Error {
  override readonly name = 'PageProblem';
}

const { RuntimeError: Trap } = (globalThis as unknown as { WebAssembly: { RuntimeError: new () => Error } })
  .WebAssembly;

/**
 * Also a header with fields of other types, a kernel that was led out of its memory, and a page that asks for more memory than there can be are
 * problems of the page: nothing was harmed. Any other error comes back as it is.
 */
export function asPageProblem(error: unknown): unknown {
  const isOdd = error instanceof ThriftError || error instanceof Trap || error instanceof RangeError;
  return isOdd ? new PageProblem(`a damaged page: ${error.message}`, { cause: error }) : error;
}
