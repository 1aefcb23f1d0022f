/** The operating system's cache of files, emptied so that a reader has to wait for the disk. */
import { writeFileSync } from 'node:fs';

const PAGES_ONLY = '1';

/** @returns false where that is not allowed, or not to be had: it takes Linux and the rights of its administrator */
export function emptyPageCache(): boolean {
  try {
    writeFileSync('/proc/sys/vm/drop_caches', PAGES_ONLY);
    return true;
  } catch {
    return false;
  }
}
