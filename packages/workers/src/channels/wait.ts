/**
 * Waiting for another thread: look again for a while, then sleep in a way that leaves the event loop free.
 *
 * How long looking pays depends on the other side. A wake-up takes 25 to 50 µs; two busy threads answer each other in one
 * or two. Once either of them sleeps, though, its wake-up is longer than the other's patience, and from then on both
 * sleep at every turn. Spinning for longer than a wake-up takes ends that, where both have a core. Where they do not, or
 * where the work of the other side takes long, it only keeps a core from those who could use it. So a waiter goes on with
 * long spins as long as they are answered, and else tries one now and then.
 */
import { isMainThread } from 'node:worker_threads';

/** Looks before the first look at the clock. */
const FIRST_LOOKS = 24;
/** Looks between two looks at the clock. */
const LOOKS = 12;
/** Longer than a wake-up of the other side takes. */
const LONG_SPIN_MS = 0.08;
const SHORT_SPIN_MS = 0.008;
/** Unanswered long spins in a row after which only every so-manieth wait tries one. */
const PATIENT_SPINS = 4;
const TRY_EVERY = 32;

/** A word that changes whenever looking again may help, a mark that somebody sleeps on it, and how waiting went so far. */
export class WaitPlace {
  readonly #words: Int32Array;
  readonly #signal: number;
  readonly #asleep: number;
  readonly #spins: boolean;
  /** Waits in a row, of this thread, that no spin was long enough for. */
  #unanswered = 0;

  /** @param spins False where the waker lets changes gather: looking on then only keeps a core from it. */
  constructor(words: Int32Array, signal: number, asleep: number, spins = true) {
    this.#words = words;
    this.#signal = signal;
    this.#asleep = asleep;
    // The main thread never spins: it has users to serve.
    this.#spins = spins && !isMainThread;
  }

  /** Runs `attempt` until it gives something, first spinning, then sleeping. Returns the result itself when no sleep was needed. */
  until<T>(attempt: () => T | undefined): T | Promise<T> {
    for (let look = this.#spins ? 0 : FIRST_LOOKS - 1; look < FIRST_LOOKS; look++) {
      const result = attempt();
      if (result !== undefined) return result;
    }
    return (this.#spins ? this.#spin(attempt) : undefined) ?? this.#sleepUntil(attempt);
  }

  #spin<T>(attempt: () => T | undefined): T | undefined {
    const isPatient = this.#unanswered < PATIENT_SPINS || this.#unanswered % TRY_EVERY === 0;
    const until = performance.now() + (isPatient ? LONG_SPIN_MS : SHORT_SPIN_MS);
    do {
      for (let look = 0; look < LOOKS; look++) {
        const result = attempt();
        if (result === undefined) continue;
        this.#unanswered = 0;
        return result;
      }
    } while (performance.now() < until);
    this.#unanswered += 1;
    return undefined;
  }

  /**
   * No wake-up is lost: the sleeper reads the signal, announces itself, tries again, and only then sleeps on the value it
   * read; the waker takes the announcement back before it changes the signal. So whoever's announcement is gone finds the signal
   * changed and does not sleep, or is notified; who announces later sees in its attempt what the waker did. Hazard: in the
   * other order a waker that has changed the signal can take back the announcement of one who has read the changed one, finds
   * nothing in it for itself, and sleeps where nobody looks. A test tries all orders of all steps.
   */
  async #sleepUntil<T>(attempt: () => T | undefined): Promise<T> {
    const words = this.#words;
    for (;;) {
      const seen = Atomics.load(words, this.#signal);
      Atomics.store(words, this.#asleep, 1);
      const result = attempt();
      if (result !== undefined) return result;
      const wait = Atomics.waitAsync(words, this.#signal, seen);
      if (wait.async) await wait.value;
    }
  }
}

/**
 * Changes a signal and wakes all who sleep on it. A system call is made once for each time that somebody went to sleep,
 * not again while the woken are on their way.
 */
export function wake(words: Int32Array, signal: number, asleep: number): void {
  const isAnyoneAsleep = Atomics.load(words, asleep) !== 0 && Atomics.exchange(words, asleep, 0) !== 0;
  Atomics.add(words, signal, 1);
  if (isAnyoneAsleep) Atomics.notify(words, signal);
}

/**
 * As `wake`, where the announcement cannot be trusted. Hazard: a thread that dies in the middle of waking has taken the announcement back and
 * notified nobody; whoever sleeps there is woken by nothing but this.
 */
export function wakeAll(words: Int32Array, signal: number): void {
  Atomics.add(words, signal, 1);
  Atomics.notify(words, signal);
}
