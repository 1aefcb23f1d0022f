/** Runs a plan of the model to its end under a seeded scheduler, and checks what must hold on the way. */
import assert from 'node:assert';
import { randomFrom, type SeededRandom } from '../random.ts';
import type { Actor } from './actors.ts';
import { consumersOf, minimumRows } from './minimum.ts';
import { describePlan, type ModelNode, planOf, type Recipe } from './plan.ts';
import { expectedRows } from './reference.ts';
import type { Row } from './rows.ts';
import type { Rules } from './rules.ts';
import { World } from './world.ts';

/** A case of the model: a plan and what happens to it. */
export interface ModelCase {
  recipe: Recipe;
  /** Memory beyond the admission minimum. */
  extraRows: number;
  /** Steps between two barriers; 0: none. */
  barrierEvery: number;
  /** Steps after which a worker dies, counted from the last crash. */
  crashes: number[];
  /** Seed of the scheduler. */
  schedule: number;
  /**
   * Whose turn it is: anybody's, by weight; or whoever comes first in a random order that changes now and then, so that
   * somebody may stand still for long (as in "A randomized scheduler with probabilistic guarantees of finding bugs", Burckhardt
   * and others, 2010).
   */
  turns: 'by weight' | 'by priority';
}

export interface Outcome {
  steps: number;
  barriers: number;
  crashes: number;
  spilledRows: number;
  /** By edge: the most that was ever on its account. */
  edgePeaks: { rows: number; batchRows: number; producers: number; consumers: number }[];
  /** The most of the whole, and what admission asks for. */
  peakRows: number;
  minimumRows: number;
}

/** Nobody can do anything, and not everything is done. */
export class Deadlock extends Error {}

/** Turns that are tried by weight before everybody is asked. */
const TRIES = 4;
const CHANGE_OF_PRIORITY = 1 / 40;
const MOST_STEPS = 1_000_000;

/**
 * @throws Deadlock naming who waits for what
 * @throws AssertionError when a sink gets wrong rows, memory passes the budget, or something is held at the end
 */
export function runModel(modelCase: ModelCase, rules: Rules): Outcome {
  const run = new ModelRun(modelCase, rules);
  while (!run.world.isDone) run.turn();
  return run.finish();
}

class ModelRun {
  world: World;
  readonly #case: ModelCase;
  readonly #rules: Rules;
  readonly #plan: ReturnType<typeof planOf>;
  readonly #minimum: number;
  readonly #random: SeededRandom;
  #steps = 0;
  #crashes = 0;
  #stepsSinceCrash = 0;
  #barriers = 0;
  #spilled = 0;
  #peak = 0;
  #order: Actor[] = [];

  constructor(modelCase: ModelCase, rules: Rules) {
    this.#case = modelCase;
    this.#rules = rules;
    this.#plan = planOf(modelCase.recipe, rules.sharesApartOnly);
    this.#minimum = minimumRows(this.#plan);
    this.#random = randomFrom(modelCase.schedule);
    this.world = this.#start({ barrier: 0, snapshots: new Map() }, new Map());
  }

  turn(): void {
    const { crashes } = this.#case;
    const barrierEvery = this.#hasBarriers ? this.#case.barrierEvery : 0;
    if (barrierEvery > 0 && this.#steps % barrierEvery === 0) this.world.askBarrier();
    if (!this.#someoneSteps()) {
      if (!this.world.settleStanding()) throw this.#deadlock();
      this.#barriers += 1;
    }
    if (this.world.settleBarrier()) this.#barriers += 1;
    this.#steps += 1;
    this.#stepsSinceCrash += 1;
    assert(this.#steps < MOST_STEPS, 'no end in sight');
    if (this.#stepsSinceCrash === crashes[this.#crashes]) this.#crash();
  }

  finish(): Outcome {
    const expected = expectedRows(this.#plan);
    for (const sink of this.world.sinks())
      assert.deepStrictEqual(sink.rows, expected[sink.node.id], `rows of sink ${sink.node.id}`);
    for (const account of this.world.pool.accounts) assert.equal(account.used, 0, `${account.name} holds something`);
    this.#note();
    return {
      steps: this.#steps,
      barriers: this.#barriers,
      crashes: this.#crashes,
      spilledRows: this.#spilled,
      peakRows: this.#peak,
      minimumRows: this.#minimum,
      edgePeaks: this.world.edges.map(({ mostUsed, spec }) => ({
        rows: mostUsed,
        batchRows: spec.batchRows,
        producers: this.#plan.nodes[spec.from]?.lanes ?? 1,
        consumers: consumersOf(this.#plan.nodes[spec.to] as ModelNode, spec),
      })),
    };
  }

  /** A lane that waits for right rows in the middle of a left batch cannot be saved. */
  get #hasBarriers(): boolean {
    return this.#plan.nodes.every(({ kind }) => kind !== 'shared');
  }

  #start(from: World['checkpoint'], delivered: Map<number, readonly Row[]>): World {
    const pickRows = (most: number): number => this.#random.integer(1, most);
    const budget = this.#minimum + this.#case.extraRows;
    const world = new World({ plan: this.#plan, rules: this.#rules, budget, from, delivered, pickRows });
    for (const actor of [...world.actors]) {
      world.actors.splice(world.actors.indexOf(actor), 1);
      world.actors.splice(this.#random.integer(0, world.actors.length), 0, actor);
    }
    this.#order = world.actors.flatMap((actor) => Array.from({ length: actor.node.weight }, () => actor));
    return world;
  }

  #someoneSteps(): boolean {
    return this.#case.turns === 'by weight' ? this.#stepByWeight() : this.#stepByPriority();
  }

  #stepByPriority(): boolean {
    const { actors } = this.world;
    const random = this.#random;
    if (random.chance(CHANGE_OF_PRIORITY)) {
      const [moved] = actors.splice(random.integer(0, actors.length - 1), 1) as [Actor];
      actors.splice(random.integer(0, actors.length), 0, moved);
    }
    return actors.some(steps);
  }

  #stepByWeight(): boolean {
    const random = this.#random;
    for (let attempt = 0; attempt < TRIES; attempt++) if (steps(random.pick(this.#order))) return true;
    const { actors } = this.world;
    const first = random.integer(0, actors.length - 1);
    return actors.some((_, index) => steps(actors[(first + index) % actors.length] as Actor));
  }

  /** All threads stop, memory is reset, and everybody begins at the last barrier that came everywhere. */
  #crash(): void {
    this.#note();
    this.#crashes += 1;
    this.#stepsSinceCrash = 0;
    const delivered = new Map(this.world.sinks().map((sink) => [sink.node.id, sink.rows]));
    this.world = this.#start(this.world.checkpoint, delivered);
  }

  #note(): void {
    this.#spilled += this.world.spilled;
    this.#peak = Math.max(this.#peak, this.world.pool.mostUsed);
  }

  #deadlock(): Deadlock {
    const waiting = this.world.actors.filter((actor) => !actor.isDone);
    const waits = waiting.map((actor) => `${actor.node.id}:${actor.node.kind} waits for ${actor.waitsFor()}`);
    return new Deadlock(`${describePlan(this.#plan)}\nafter ${this.#steps} steps:\n${waits.join('\n')}`);
  }
}

function steps(actor: Actor): boolean {
  return !actor.isDone && actor.step();
}
