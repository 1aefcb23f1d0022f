/** Reading Arrow files in lanes. No promise of stability. */
export { ArrowReader } from './formats/arrow-ipc/arrow-reader.ts';
export { type ArrowSplit, arrowSplits } from './formats/arrow-ipc/arrow-schedule.ts';
