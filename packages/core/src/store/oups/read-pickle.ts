/**
 * Python's pickles without Python, and without running anything: plain values, objects by their names only. A
 * pickle is a program that builds its value; what it may call when it is run is anything, so calls are only noted here.
 *
 * Format: https://github.com/python/cpython/blob/main/Lib/pickletools.py
 */
import { PickleError, type PlainValue, PythonObject } from './pickle.ts';
import { PickleCursor } from './pickle-cursor.ts';

const MARK = Symbol('mark');
const MAX_DEPTH = 32;
/** Values in one entry: lists that hold each other make many of a few bytes. */
const MOST_VALUES = 100_000;

type Built = string | bigint | number | boolean | null | Uint8Array | Built[] | Map<Built, Built> | PythonObject;
type Slot = Built | typeof MARK;

/** The machine that a pickle is a program for, with calls that only note what would be called. */
class Machine {
  readonly #in: PickleCursor;
  readonly #stack: Slot[] = [];
  readonly #memo = new Map<number, Built>();

  constructor(bytes: Uint8Array) {
    this.#in = new PickleCursor(bytes);
  }

  run(): Built {
    for (;;) {
      const code = this.#in.byte();
      if (code === 0x2e) return this.#pop();
      const step = STEPS[code];
      if (step === undefined) throw new PickleError(`it has the instruction 0x${code.toString(16)}, which is not read`);
      step(this, this.#in);
    }
  }

  push(value: Slot): void {
    this.#stack.push(value);
  }

  #pop(): Built {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw new PickleError('it takes a value that is not there');
    return value;
  }

  pop(): Built {
    return this.#pop();
  }

  top(): Built {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  /** Everything down to the last mark. */
  popToMark(): Built[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw new PickleError('it takes values down to a mark that is not there');
    const values = this.#stack.splice(at) as Built[];
    values.shift();
    return values;
  }

  put(index: number): void {
    this.#memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new PickleError(`it recalls value ${index}, which it never had`);
    this.push(value);
  }

  setItems(items: readonly Built[]): void {
    const target = this.top();
    if (target instanceof PythonObject) return;
    if (!(target instanceof Map) || items.length % 2 !== 0) throw new PickleError('it sets items of what is no dict');
    for (let i = 0; i < items.length; i += 2) target.set(items[i] as Built, items[i + 1] as Built);
  }

  append(items: readonly Built[]): void {
    const target = this.top();
    if (target instanceof PythonObject) return;
    if (!Array.isArray(target)) throw new PickleError('it appends to what is no list');
    for (const item of items) target.push(item);
  }

  /** A call, of what lies below `operands` further values. */
  call(operands: number): void {
    for (let i = 0; i < operands; i += 1) this.#pop();
    const callee = this.#pop();
    this.push(new PythonObject(callee instanceof PythonObject ? callee.type : 'an unknown type'));
  }

  tuple(count: number): void {
    const items = Array.from({ length: count }, () => this.#pop());
    this.push(items.reverse());
  }
}

type Step = (machine: Machine, cursor: PickleCursor) => void;

const text = (length: (cursor: PickleCursor) => number): Step => {
  return (machine, cursor) => machine.push(cursor.text(length(cursor)));
};
const bytes = (length: (cursor: PickleCursor) => number): Step => {
  return (machine, cursor) => machine.push(cursor.bytes(length(cursor)).slice());
};
/** Text of Python 2, whose encoding nobody knows: as Latin 1 it is at least all there. */
const oldText = (length: (cursor: PickleCursor) => number): Step => {
  return (machine, cursor) => machine.push(Buffer.from(cursor.bytes(length(cursor))).toString('latin1'));
};
const global = (machine: Machine, module: Built, name: Built): void =>
  machine.push(new PythonObject(`${String(module)}.${String(name)}`));

/** What each instruction does, by its byte. */
const STEPS: Readonly<Record<number, Step>> = {
  0x80: (_, cursor) => void cursor.byte(),
  0x95: (_, cursor) => void cursor.length64(),
  0x28: (machine) => machine.push(MARK),
  0x30: (machine) => void machine.pop(),
  0x31: (machine) => void machine.popToMark(),
  0x32: (machine) => machine.push(machine.top()),
  0x4e: (machine) => machine.push(null),
  0x88: (machine) => machine.push(true),
  0x89: (machine) => machine.push(false),
  0x4a: (machine, cursor) => machine.push(BigInt(cursor.int32())),
  0x4b: (machine, cursor) => machine.push(BigInt(cursor.byte())),
  0x4d: (machine, cursor) => machine.push(BigInt(cursor.uint16())),
  0x8a: (machine, cursor) => machine.push(cursor.integer(cursor.byte())),
  0x8b: (machine, cursor) => machine.push(cursor.integer(cursor.uint32())),
  0x47: (machine, cursor) => machine.push(cursor.float()),
  0x58: text((cursor) => cursor.uint32()),
  0x8c: text((cursor) => cursor.byte()),
  0x8d: text((cursor) => cursor.length64()),
  0x54: oldText((cursor) => cursor.uint32()),
  0x55: oldText((cursor) => cursor.byte()),
  0x42: bytes((cursor) => cursor.uint32()),
  0x43: bytes((cursor) => cursor.byte()),
  0x8e: bytes((cursor) => cursor.length64()),
  0x96: bytes((cursor) => cursor.length64()),
  0x7d: (machine) => machine.push(new Map()),
  0x5d: (machine) => machine.push([]),
  0x29: (machine) => machine.push([]),
  0x8f: (machine) => machine.push([]),
  0x74: (machine) => machine.push(machine.popToMark()),
  0x6c: (machine) => machine.push(machine.popToMark()),
  0x91: (machine) => machine.push(machine.popToMark()),
  0x85: (machine) => machine.tuple(1),
  0x86: (machine) => machine.tuple(2),
  0x87: (machine) => machine.tuple(3),
  0x64: (machine) => {
    const items = machine.popToMark();
    machine.push(new Map());
    machine.setItems(items);
  },
  0x61: (machine) => {
    const item = machine.pop();
    machine.append([item]);
  },
  0x65: (machine) => machine.append(machine.popToMark()),
  0x90: (machine) => machine.append(machine.popToMark()),
  0x73: (machine) => {
    const value = machine.pop();
    const name = machine.pop();
    machine.setItems([name, value]);
  },
  0x75: (machine) => machine.setItems(machine.popToMark()),
  0x94: (machine) => machine.memoize(),
  0x71: (machine, cursor) => machine.put(cursor.byte()),
  0x72: (machine, cursor) => machine.put(cursor.uint32()),
  0x68: (machine, cursor) => machine.get(cursor.byte()),
  0x6a: (machine, cursor) => machine.get(cursor.uint32()),
  0x63: (machine, cursor) => {
    const module = cursor.line();
    global(machine, module, cursor.line());
  },
  0x93: (machine) => {
    const name = machine.pop();
    global(machine, machine.pop(), name);
  },
  0x52: (machine) => machine.call(1),
  0x81: (machine) => machine.call(1),
  0x92: (machine) => machine.call(2),
  // The state of an object: it stays one.
  0x62: (machine) => void machine.pop(),
};

/** Values as plain data. */
class Plain {
  #left = MOST_VALUES;

  /** The value, or the first object of Python inside it. */
  of(value: Built, depth = 0): PlainValue | PythonObject {
    this.#left -= 1;
    if (depth > MAX_DEPTH || this.#left < 0) return new PythonObject('values that hold too many others');
    if (value instanceof PythonObject) return value;
    if (value instanceof Uint8Array) return new PythonObject('builtins.bytes');
    if (Array.isArray(value)) return this.#list(value, depth);
    return value instanceof Map ? this.#dict(value, depth) : value;
  }

  #list(value: readonly Built[], depth: number): PlainValue[] | PythonObject {
    const items: PlainValue[] = [];
    for (const item of value) {
      const made = this.of(item, depth + 1);
      if (made instanceof PythonObject) return made;
      items.push(made);
    }
    return items;
  }

  #dict(value: ReadonlyMap<Built, Built>, depth: number): PlainValue | PythonObject {
    const entries: [string, PlainValue][] = [];
    for (const [name, item] of value) {
      if (typeof name !== 'string') return new PythonObject('builtins.dict whose names are not text');
      const made = this.of(item, depth + 1);
      if (made instanceof PythonObject) return made;
      entries.push([name, made]);
    }
    return Object.fromEntries(entries);
  }
}

/**
 * The entries of a pickled dict whose names are texts. Nothing of it is run: objects come as their names.
 * @throws PickleError
 */
export function readPickledDict(pickle: Uint8Array): Map<string, PlainValue | PythonObject> {
  const value = new Machine(pickle).run();
  if (!(value instanceof Map)) throw new PickleError('it is not a dict');
  const entries = new Map<string, PlainValue | PythonObject>();
  for (const [name, item] of value) {
    if (typeof name !== 'string') throw new PickleError('its names are not all text');
    entries.set(name, new Plain().of(item));
  }
  return entries;
}
