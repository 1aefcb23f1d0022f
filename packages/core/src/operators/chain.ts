/** A stage's operators made and connected: see `chain-contract.ts`. */
import type { Batch } from '../batch/contract.ts';
import type { StageOperator, StageSpec } from '../plan/physical.ts';
import { AutoLimit } from './auto-limit.ts';
import type { ChainServices, StageChain } from './chain-contract.ts';
import type { MaybePromise, Operator, OperatorContext, Output } from './contract.ts';
import { prepareOperator } from './create-operator.ts';
import type { OperatorMaker } from './operator-maker.ts';
import { andThen, fanOut } from './outputs.ts';

/** Consumers of one place in the stage: its input, or a port of an operator. */
class Wiring {
  readonly #stage: StageSpec;
  readonly #services: ChainServices;
  readonly #operators: readonly (Operator | undefined)[];

  constructor(stage: StageSpec, services: ChainServices, operators: readonly (Operator | undefined)[]) {
    this.#stage = stage;
    this.#services = services;
    this.#operators = operators;
  }

  /** Operators first, in the order of the stage, then edges; `isFrom` tells the place. */
  consumers(
    isFrom: (from: StageOperator['inputs'][number] | { from: 'output'; index: number; port: string }) => boolean,
  ): Output {
    const operators = this.#stage.operators.flatMap((operator, index) =>
      operator.inputs.some(isFrom) ? [this.#operators[index] as Operator] : [],
    );
    const edges = this.#stage.outputs.flatMap(({ from }, index) => {
      const origin =
        from === 'stage-input'
          ? ({ from: 'stage-input' } as const)
          : ({ from: 'operator', index: from.operator, port: from.port } as const);
      return isFrom(origin) ? [this.#services.outputs[index] as Output] : [];
    });
    return fanOut([...operators, ...edges]);
  }

  ofPort(index: number, port: string): Output {
    return this.consumers((input) => input.from === 'operator' && input.index === index && input.port === port);
  }

  /** Whether it is the join that the lanes of the stage share. */
  isShared(index: number): boolean {
    return this.#stage.side?.operator === index;
  }

  ofInput(): Output {
    return this.consumers((input) => input.from === 'stage-input');
  }
}

class FusedChain implements StageChain {
  readonly operators: readonly Operator[];
  readonly #input: Output;
  readonly #morselEnders: readonly Operator[];
  readonly #setRows: (rows: number | undefined) => void;

  constructor(operators: readonly Operator[], input: Output, setRows: (rows: number | undefined) => void) {
    this.operators = operators;
    this.#input = input;
    this.#morselEnders = operators.filter((operator) => operator.endMorsel !== undefined);
    this.#setRows = setRows;
  }

  push(batch: Batch, input?: number): MaybePromise {
    this.#setRows(batch.rows);
    return input === undefined ? this.#input.push(batch) : this.#merger.push(batch, input);
  }

  endInput(input: number): MaybePromise {
    return this.#merger.endInput?.(input);
  }

  wants(): number {
    return this.#merger.wants?.() ?? 0;
  }

  /** The operator with several inputs is the first of its stage. */
  get #merger(): Operator {
    return this.operators[0] as Operator;
  }

  endMorsel(): MaybePromise {
    return inTurn(this.#morselEnders, (operator) => operator.endMorsel?.());
  }

  end(): MaybePromise {
    this.#setRows(undefined);
    return inTurn(this.operators, (operator) => operator.end());
  }

  close(): void {
    const errors: unknown[] = [];
    for (const operator of this.operators) {
      try {
        operator.close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}

/** Calls each operator when the one before is done; at once where nothing has to be waited for. */
function inTurn(operators: readonly Operator[], call: (operator: Operator) => MaybePromise, from = 0): MaybePromise {
  for (let index = from; index < operators.length; index++) {
    const called = call(operators[index] as Operator);
    if (called instanceof Promise) return andThen(called, () => inTurn(operators, call, index + 1));
  }
}

/**
 * Imports what the stage's ops need, makes its operators, and connects them: consumers of a place get its batches in the order
 * operators of the stage, then edges.
 * Memory: what the operators hold; `close` releases it.
 * @throws ERR_OP_IMPORT, ERR_OP_FAILED from an op's `create`, ERR_EXPRESSION; nothing stays open then
 */
export async function buildChain(stage: StageSpec, services: ChainServices): Promise<StageChain> {
  const makers = await Promise.all(stage.operators.map(prepareOperator));
  const operators: (Operator | undefined)[] = stage.operators.map(() => undefined);
  const wiring = new Wiring(stage, services, operators);
  let rows: number | undefined;
  const position = (): ReturnType<OperatorContext['position']> => ({
    ...services.position(),
    ...(rows !== undefined && { rows }),
  });
  try {
    // Backwards: the outputs of an operator are operators behind it.
    for (let index = stage.operators.length - 1; index >= 0; index--) {
      const context = contextOf(stage.operators[index] as StageOperator, index, wiring, { ...services, position });
      operators[index] = (makers[index] as OperatorMaker)(context);
    }
  } catch (error) {
    for (const operator of operators) operator?.close();
    throw error;
  }
  return new FusedChain(operators as Operator[], wiring.ofInput(), (now) => {
    rows = now;
  });
}

function contextOf(operator: StageOperator, index: number, wiring: Wiring, services: ChainServices): OperatorContext {
  const { arena, kernels, owner, lane, now, signal, spill, side } = services;
  const ports = Object.keys(operator.outputFields);
  return {
    arena,
    kernels,
    name: operator.name,
    owner,
    lane,
    inputFields: operator.inputFields[0] ?? [],
    outputFields: operator.outputFields,
    outputs: Object.fromEntries(ports.map((port) => [port, wiring.ofPort(index, port)])),
    emissionsVisible: operator.emissionsVisible,
    ...(operator.tiesUnseen === true && { tiesUnseen: true }),
    ...(operator.shareBytes !== undefined && { shareBytes: operator.shareBytes }),
    ...(spill !== undefined && { spill }),
    ...(side !== undefined && wiring.isShared(index) && { side }),
    ...autoLimitOf(operator, index, services),
    ...(services.keptAccount && { keptAccount: services.keptAccount(index) }),
    ...(services.beforeUserCall && { beforeUserCall: services.beforeUserCall }),
    onKeptLeft: (batches, bytes) => services.onKeptLeft?.(index, batches, bytes),
    now,
    signal,
    onFlush: (reason, held) => services.onFlush(index, reason, held),
    onLate: (rows) => services.onLate?.(index, rows),
    onEnough: () => services.onEnough?.(index),
    position: services.position,
  };
}

/** Average inputs that a stage may hold when nobody says how much, by what it does. */
const AGGREGATED_INPUTS = 1000;
const OTHER_INPUTS = 500;

function autoLimitOf(
  { spec, autoBytes }: StageOperator,
  index: number,
  { limitPlace }: ChainServices,
): Pick<OperatorContext, 'autoLimit'> {
  if (autoBytes === undefined) return {};
  const place = limitPlace?.(index) ?? { capBytes: () => autoBytes, report: () => undefined };
  return { autoLimit: new AutoLimit(spec.kind === 'aggStream' ? AGGREGATED_INPUTS : OTHER_INPUTS, place) };
}
