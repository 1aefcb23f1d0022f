import type { StageOperator } from '../../plan/physical.ts';
import type { StepSpec } from '../../plan/steps/specs.ts';
import type { OperatorMaker } from '../operator-maker.ts';

/** Loads what runs a step: each kind is a module of its own, and a lane loads those of its stage. */
export async function prepareStep(spec: StepSpec, _operator: StageOperator): Promise<OperatorMaker> {
  switch (spec.kind) {
    case 'slidingWindow': {
      const { SlidingWindow } = await import('./sliding-window.ts');
      return (context) => new SlidingWindow(spec, context);
    }
  }
}
