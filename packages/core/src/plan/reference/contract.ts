/** What a step of the reference executor is given, and what it can be asked for. */
import type { ArrowModule } from '../../schema/load-arrow.ts';
import type { FlushReason } from '../logical.ts';
import type { ResolvedNode } from '../resolved.ts';
import type { Held } from './triggers.ts';
import type { Row } from './values.ts';

/** Gives one logical input to whatever reads a port. */
export type Emit = (port: string, rows: readonly Row[]) => Promise<void>;

/** One step. */
export interface ReferenceOperator {
  /** One logical input, of one of several inputs. */
  take(rows: readonly Row[], input: number): Promise<void>;
  /** No input follows. */
  end(): Promise<void>;
}

export interface OperatorParts {
  node: ResolvedNode;
  arrow: ArrowModule;
  emit: Emit;
  onFlush(reason: FlushReason, held: Held): void;
  signal: AbortSignal;
}
