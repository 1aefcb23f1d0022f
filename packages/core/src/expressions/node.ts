/**
 * Expressions as plain data, and what they mean. The typing (`typing.ts`), the compiler to kernels (`compile.ts`) and the
 * row interpreter of the reference executor are written independently from these rules and must agree.
 *
 * **Null**: any function of a null is null, except `isNull`, `isNotNull` (never null), Kleene `and`/`or`, `coalesce` and
 * `when`. **Laziness**: an argument that cannot matter for a row raises no error for it: the right side of `and` where
 * the left is false, of `or` where the left is true, an argument of `coalesce` behind one that is not null, the branch of
 * `when` that is not taken (a null condition takes `otherwise`).
 *
 * **Arithmetic** (`dictionary<utf8>` counts as utf8 everywhere, dates are not numbers):
 * - two integers, `add sub mul mod`: int64; uint64 when both are unsigned and one is uint64. Beyond the result's range is
 *   ERR_INTEGER_OVERFLOW. `mod` has the sign of the left side; by zero it is ERR_VALUE.
 * - `div` of any two numbers, and anything with a float (float32 too): float64 by IEEE 754, never an error; an integer is
 *   rounded to float64 first. Float `mod` is C's `fmod`.
 * - `neg`, `abs`: int64 for integers (`abs` of uint64: uint64), float64 for floats, a duration keeps its type.
 * - `floor ceil round`: integers unchanged in value and type; floats float64; `round` is half away from zero. `sqrt`: float64.
 * - timestamp ± duration and duration + timestamp: timestamp of the same zone; timestamp − timestamp, duration ± duration:
 *   duration; always in the finer of the two units. duration · integer (either order): the duration. Overflow as above.
 *
 * **Comparison** gives bool. Numbers: two integers exactly (uint64 with int64 too), else as float64. NaN is `ne` to
 * everything, itself too, and all other comparisons with it are false; −0 equals 0. utf8 by bytes. bool: false < true. Timestamps by instant
 * across units and zones (naive is read as UTC); a date is midnight UTC and compares with dates and timestamps. Times
 * with times, durations with durations. A utf8 *literal* beside a temporal operand is read as that operand's type.
 *
 * **`isNaN`**: bool; false for integers. **`and or not`**: bool only.
 *
 * **`coalesce`, `when`** give the common type: equal types (lists are refused); utf8 for utf8 with dictionary; for integers of different types
 * the arithmetic result type; float64 for any other numbers; timestamps of the same zone, and durations, in the finest unit. A literal null
 * (`type: 'null'`) takes the type of its partner, everywhere; alone it is refused.
 *
 * **`dt`**: int32, of timestamps in their zone (naive as it stands) and of dates. `weekday` Monday 1 … Sunday 7; `month`, `day`,
 * `dayOfYear` from 1; `millisecond` 0 … 999 of the second.
 *
 * **Strings**: `length` (int32) and `slice(from, to)` count code points, negative from the end as in JavaScript; `lower`, `upper`, `trim` as
 * JavaScript, without locale; `contains startsWith endsWith` of the literal `argument`: bool; `concat` appends the literal. Text results are utf8.
 *
 * **`cast`**; what cannot be represented is ERR_VALUE naming row, column and value:
 * - integer → integer in range; number → float32/float64 rounded; float → integer truncates (NaN, infinities and out of range refused);
 *   bool ↔ number (0 is false, all else, NaN too, true).
 * - utf8 → integer `[+-]digits`, → float decimal or `nan`/`inf`/`infinity` with any case and sign, → bool `true`/`false` in any case; no spaces.
 * - utf8 → timestamp: `YYYY-MM-DD[(T| )hh:mm[:ss[.fraction]][Z|±hh[:]mm]]`; without offset the text is local to the target's zone (naive: as it
 *   stands); with one it is that instant (naive: in UTC). Digits finer than the unit are cut off. utf8 → date32/date64: `YYYY-MM-DD`.
 * - timestamp → timestamp: same instant (naive is UTC), coarser units floor. timestamp → date: the day in its zone. date → timestamp: midnight in the target's zone.
 *   A local time that a zone skips is moved forward by the gap; one that it has twice is the first.
 * - duration → duration: coarser units floor. timestamp, duration, date, time ↔ integer: the stored number.
 * - anything but binary, decimal, fixed and list → utf8: integers decimal, floats as JavaScript prints them, bool `true`/`false`, dates `YYYY-MM-DD`, timestamps
 *   `YYYY-MM-DDThh:mm:ss[.fraction of the unit's 3, 6 or 9 digits]` in their zone, followed by `Z` (UTC), the offset `±hh:mm`, or nothing when naive; durations and times: the stored number.
 * - utf8 ↔ dictionary<utf8>. Every type to itself.
 */

/** An expression as plain data: what `col('price').mul(2)` describes, what crosses threads and compiles to kernels. */
export type ExpressionNode =
  | { kind: 'col'; name: string }
  /** `type` is the column type of the literal; int64 and timestamps carry their value as decimal text. */
  | { kind: 'lit'; type: string; value: number | string | boolean | null }
  | { kind: 'unary'; fn: UnaryFn; arg: ExpressionNode }
  | { kind: 'binary'; fn: BinaryFn; left: ExpressionNode; right: ExpressionNode }
  | { kind: 'cast'; to: string; arg: ExpressionNode }
  /** First argument that is not null. */
  | { kind: 'coalesce'; args: ExpressionNode[] }
  | { kind: 'when'; condition: ExpressionNode; then: ExpressionNode; otherwise: ExpressionNode }
  /** A part of a timestamp, in its time zone. */
  | { kind: 'dt'; part: DatePart; arg: ExpressionNode }
  | { kind: 'string'; fn: StringFn; arg: ExpressionNode; argument?: string; from?: number; to?: number };

export type UnaryFn = 'neg' | 'abs' | 'not' | 'isNull' | 'isNotNull' | 'isNaN' | 'floor' | 'ceil' | 'round' | 'sqrt';
export type BinaryFn = 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge' | 'and' | 'or';
export type DatePart =
  | 'year'
  | 'month'
  | 'day'
  | 'hour'
  | 'minute'
  | 'second'
  | 'millisecond'
  | 'weekday'
  | 'dayOfYear';
export type StringFn =
  | 'length'
  | 'lower'
  | 'upper'
  | 'trim'
  | 'contains'
  | 'startsWith'
  | 'endsWith'
  | 'slice'
  | 'concat';
