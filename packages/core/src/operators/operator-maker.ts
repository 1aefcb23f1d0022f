import type { Operator, OperatorContext } from './contract.ts';

/** Makes an operator when everything that it needs has been loaded: modules of user code, and Arrow where user code takes batches. */
export type OperatorMaker = (context: OperatorContext) => Operator;
