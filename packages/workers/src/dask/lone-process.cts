/**
 * Entry of a Node process that runs one task and is ended. Compiling modules is what such a process would do most of the time: so everything
 * is one file, and what V8 has compiled of it in a first process is kept in the user's folder for caches, for the next ones. Where nothing can be kept
 * there, or what is there is of another version of V8, processes take longer and do the same. CommonJS, because only scripts can be given compiled code.
 */
const { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } =
  require('node:fs') as typeof import('node:fs');
const { dirname, isAbsolute, join } = require('node:path') as typeof import('node:path');
const { cachedDataVersionTag } = require('node:v8') as typeof import('node:v8');
const { Script } = require('node:vm') as typeof import('node:vm');
const { crc32 } = require('node:zlib') as typeof import('node:zlib');

const FILE = join(__dirname, 'lone-worker.cjs');
/** The file begins with a comment of so many characters: the digest of what follows. */
const DIGEST_LENGTH = 20;
const CHECKSUM_BYTES = 4;

/** A relative one is to be ignored, says the specification of base directories. */
function cacheFolder(): string | undefined {
  const named = process.env['XDG_CACHE_HOME'] ?? '';
  if (isAbsolute(named)) return join(named, 'spillway');
  // Not every user has a home; and where others may write, nobody should look for code.
  const home = process.env['HOME'] ?? '';
  return home === '' ? undefined : join(home, '.cache', 'spillway');
}

/** V8 does not look whether all of it is as it was, so its checksum lies behind it. */
function codeIn(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const code = bytes.subarray(0, -CHECKSUM_BYTES);
    return crc32(code) === bytes.readUInt32LE(code.length) ? code : undefined;
  } catch {
    return undefined; // the first process of this version
  }
}

/** Written aside and renamed: a process may be ended at any time. */
function keep(file: string, code: Buffer): void {
  const aside = `${file}.${process.pid}`;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    checksum.writeUInt32LE(crc32(code));
    writeFileSync(aside, Buffer.concat([code, checksum]), { mode: 0o600 });
    renameSync(aside, file);
  } catch {
    if (existsSync(aside)) rmSync(aside); // no room, or not ours to write
  }
}

const source = readFileSync(FILE, 'utf8');
const folder = cacheFolder();
const kept = folder && join(folder, `task-${source.slice(2, DIGEST_LENGTH)}-${cachedDataVersionTag()}`);
const cachedData = kept === undefined ? undefined : codeIn(kept);
const script = new Script(
  `(function (exports, require, module, __filename, __dirname, spillwayImport) {${source}\n})`,
  {
    filename: FILE,
    ...(cachedData !== undefined && { cachedData }),
  },
);
const isNew = cachedData === undefined || script.cachedDataRejected === true;
const loaded: { exports: { default?: (keepCode: () => void) => void } } = { exports: {} };
script.runInThisContext()(loaded.exports, require, loaded, FILE, __dirname, (name: string) => import(name));
loaded.exports.default?.(() => {
  if (isNew && kept !== undefined) keep(kept, script.createCachedData());
});
