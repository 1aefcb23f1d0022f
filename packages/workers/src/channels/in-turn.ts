/** @returns what runs steps one after the other, in the order of the calls; a step that fails is its caller's, and the next one runs all the same */
export function inTurn(): <T>(step: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (step) => {
    const done = last.then(step);
    last = done.catch(() => {});
    return done;
  };
}
