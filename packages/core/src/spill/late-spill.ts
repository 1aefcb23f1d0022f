import assert from 'node:assert';
import type { Arena } from '../memory/contract.ts';
import type { Fields } from '../schema/types.ts';
import type { Spill, SpilledFile, SpillFile } from './contract.ts';

/** Stands for a spill that an operator gets later, with its first snapshot: until then it writes nothing. */
export class LateSpill implements Spill {
  #spill: Spill | undefined;

  /** From now on files are made there. Whoever gave it closes it. */
  set(spill: Spill): void {
    this.#spill = spill;
  }

  get spilledBytes(): number {
    return this.#spill?.spilledBytes ?? 0;
  }

  createFile(arena: Arena, fields: Fields, name: string): SpillFile {
    return this.#given.createFile(arena, fields, name);
  }

  reopen(arena: Arena, kept: SpilledFile, fields: Fields, name: string): SpillFile {
    return this.#given.reopen(arena, kept, fields, name);
  }

  close(): void {}

  get #given(): Spill {
    assert(this.#spill !== undefined, 'an operator without a spill writes only once it has been saved or restored');
    return this.#spill;
  }
}
