/** Which alerts are up: raised when something has lasted, cleared when it is gone for a while. Time is that of the snapshots. */
import type { MetricsSnapshot } from '../monitor/snapshot.ts';
import type { ActiveAlert, AlertEvent, AlertKind } from './alert.ts';
import type { AlertFinding, AlertRule } from './rules.ts';

interface Candidate {
  rule: AlertRule;
  finding: AlertFinding;
  firstMs: number;
  lastMs: number;
}

export class AlertBoard {
  readonly #rules: readonly AlertRule[];
  readonly #emit: (event: AlertEvent) => void;
  /** What rules have found lately, raised or not, by kind and stage. */
  readonly #candidates: Map<string, Candidate> = new Map();
  readonly #active: Map<string, ActiveAlert> = new Map();
  #before: MetricsSnapshot | undefined;

  constructor(rules: readonly AlertRule[], emit: (event: AlertEvent) => void) {
    this.#rules = rules;
    this.#emit = emit;
  }

  /** Those that are up, oldest first. */
  active(): ActiveAlert[] {
    return [...this.#active.values()];
  }

  /** Applies the rules. */
  look(now: MetricsSnapshot): void {
    const before = this.#before;
    this.#before = now;
    for (const rule of this.#rules)
      for (const finding of rule.find({ now, before }, rule.threshold)) this.#note(rule, finding, now.atMs);
    for (const [key, { rule, finding, lastMs, firstMs }] of this.#candidates) {
      if (lastMs === now.atMs && now.atMs - firstMs >= rule.forMs)
        this.raise({ ...finding, kind: rule.kind, severity: rule.severity, sinceMs: firstMs });
      if (lastMs < now.atMs && !this.#active.has(key)) this.#candidates.delete(key);
      if (now.atMs - lastMs < rule.clearMs || lastMs === now.atMs) continue;
      this.#candidates.delete(key);
      this.clear(rule.kind, finding.stage);
    }
  }

  /** Puts one up, unless it is; its message is brought up to date. */
  raise(alert: ActiveAlert): void {
    const key = keyOf(alert.kind, alert.stage);
    const isUp = this.#active.has(key);
    this.#active.set(key, { ...alert, sinceMs: this.#active.get(key)?.sinceMs ?? alert.sinceMs });
    const { kind, severity, stage, message } = alert;
    if (!isUp) this.#emit({ kind, severity, state: 'raised', stage, message });
  }

  clear(kind: AlertKind, stage: string): void {
    const alert = this.#active.get(keyOf(kind, stage));
    if (alert === undefined) return;
    this.#active.delete(keyOf(kind, stage));
    const { severity, message } = alert;
    this.#emit({ kind, severity, state: 'cleared', stage, message });
  }

  #note(rule: AlertRule, finding: AlertFinding, atMs: number): void {
    const key = keyOf(rule.kind, finding.stage);
    const firstMs = this.#candidates.get(key)?.firstMs ?? atMs;
    this.#candidates.set(key, { rule, finding, firstMs, lastMs: atMs });
  }
}

function keyOf(kind: AlertKind, stage: string): string {
  return `${kind} ${stage}`;
}
