import { existsSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolders } from '@spillway/core/base';
import { describe, expect, it } from 'vitest';
import { quickFolder } from '#support/temporary-folder';

describe('folders inside folders', () => {
  it('are made from the outermost that is missing, once, as readable as asked', () => {
    const top = quickFolder();
    const folders = [join(top, 'a'), join(top, 'a', 'b'), join(top, 'a', 'b', 'c')];
    expect(makeFolders(folders.at(-1) as string, 0o700)).toEqual(folders);
    expect(folders.map((folder) => statSync(folder).mode & 0o777)).toEqual([0o700, 0o700, 0o700]);
    expect(makeFolders(folders.at(-1) as string)).toEqual([]);
  });

  it.each(['file', 'file/below', 'nowhere', 'nowhere/below'])('are refused where %s is no folder', (name) => {
    const top = quickFolder();
    writeFileSync(join(top, 'file'), '');
    symlinkSync(join(top, 'is', 'not', 'there'), join(top, 'nowhere'));
    expect(() => makeFolders(join(top, name))).toThrow(/^(EEXIST|ENOTDIR):/);
  });

  it.skipIf(!existsSync('/proc/self'))('are refused by a folder that takes none, which Node would wait for', () => {
    const refusal = {
      code: 'ERR_IO',
      file: '/proc/spillway',
      message: '/proc/spillway cannot be made: /proc takes no folders',
    };
    expect(() => makeFolders('/proc/spillway/runs')).toThrow(expect.objectContaining(refusal));
  });
});
