/** For benchmarks: what the governor costs, by leaving it out. Slabs are counted in any case: that is how they are handed out. */
let isOn = true;

/** Whether runs that begin now are watched, relieved of what they hold, and kept inside their limit. */
export function isGoverned(): boolean {
  return isOn;
}

/** For benchmarks only: runs without a governor keep no promise about memory. */
export function setGoverned(on: boolean): void {
  isOn = on;
}
