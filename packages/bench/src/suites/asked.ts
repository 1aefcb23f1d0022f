import type { Hardware } from '../measure/hardware.ts';

/** What a workload is told. */
export interface Asked {
  rows: number;
  threads: number;
  /** The design's size, not the small one. */
  isFull: boolean;
  /** Nobody beside us: a size among others, or a profile. */
  isAlone: boolean;
  /** Also those peers that have to be installed. */
  hasPeers: boolean;
  /** Where peers' libraries and large files are kept. */
  dataFolder: string;
  hardware: Hardware;
  /** What the turns of one comparison may take. */
  budgetMs: number;
}
