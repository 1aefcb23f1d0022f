/**
 * A page that our kernels do not read: of a kind that they do not know, or malformed. No refusal: the library gets the row group then,
 * and if it cannot read it either, says why in its own words.
 */
export class PageProblem extends Error {
  override readonly name = 'PageProblem';
}
