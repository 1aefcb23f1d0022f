/** `run(sinks, { alerts })`: which rules, at which thresholds, and who else is told. */
import { parseBytes } from '@spillway/core/base';
import { milliseconds, refused } from '../job/option-values.ts';
import { ALERT_RULES, type AlertRule, type AlertRuleName } from './rules.ts';

/** One rule's settings; what is left out stays as it is. */
export interface AlertRuleOptions {
  /**
   * Bytes a second for `spill-rate`, bytes for `spill-disk`, a part of the time for `slow-sink`, of `memoryLimit` for `unmanaged-growth`, of what
   * is promised for `promise-broken`, a count for `late-rows` and `worker-restarts`. Bytes may be text (`'1GiB'`).
   */
  threshold?: number | string;
  /** How long it has to hold before it is raised; it is cleared when it has been gone for as long. */
  for?: number | string;
}

/** Option `alerts` of `run`. */
export interface AlertOptions {
  /** Rules by name; `false` leaves one out. */
  rules?: Partial<Record<AlertRuleName, AlertRuleOptions | false>>;
  /** Address that each alert is posted to as JSON, as it is raised and cleared; tried again while it does not answer. */
  webhook?: string;
  /** Writes a line for each to stderr, or gives it to a function. */
  log?: boolean | ((line: string) => void);
  /** How often rules look. Default 1 s. */
  every?: number | string;
}

export interface ParsedAlertOptions {
  rules: readonly AlertRule[];
  webhook: URL | undefined;
  log: ((line: string) => void) | undefined;
  everyMs: number;
}

const KNOWN: readonly (keyof AlertOptions)[] = ['rules', 'webhook', 'log', 'every'];

/** @throws ERR_OPTIONS */
export function parseAlertOptions(options: AlertOptions): ParsedAlertOptions {
  for (const name of Object.keys(options))
    if (!(KNOWN as readonly string[]).includes(name))
      throw refused(`alerts.${name}`, 'is not an option', `one of ${KNOWN.join(', ')}`);
  const { rules = {}, webhook, log = false, every = 1000 } = options;
  for (const name of Object.keys(rules))
    if (!ALERT_RULES.some(({ kind }) => kind === name))
      throw refused(
        `alerts.rules.${name}`,
        'is not a rule',
        `one of ${ALERT_RULES.map(({ kind }) => kind).join(', ')}`,
      );
  return {
    rules: ALERT_RULES.flatMap((rule) => {
      const own = rules[rule.kind];
      return own === false ? [] : [withOwn(rule, own ?? {})];
    }),
    webhook: webhook === undefined ? undefined : webAddress(webhook),
    log: typeof log === 'function' ? log : log ? (line) => void process.stderr.write(`${line}\n`) : undefined,
    everyMs: milliseconds(every, 'alerts.every'),
  };
}

function withOwn(rule: AlertRule, { threshold, for: duration }: AlertRuleOptions): AlertRule {
  const option = `alerts.rules.${rule.kind}`;
  return {
    ...rule,
    ...(threshold !== undefined && { threshold: thresholdOf(threshold, `${option}.threshold`) }),
    ...(duration !== undefined && lasting(milliseconds(duration, `${option}.for`))),
  };
}

function lasting(ms: number): Pick<AlertRule, 'forMs' | 'clearMs'> {
  return { forMs: ms, clearMs: ms };
}

function thresholdOf(value: number | string, option: string): number {
  if (typeof value === 'string') return parseBytes(value, option);
  if (Number.isFinite(value) && value >= 0) return value;
  throw refused(option, `is ${value}`, 'a number from 0 on');
}

function webAddress(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw refused('alerts.webhook', `is ${JSON.stringify(text)}`, 'an address that begins with http:// or https://');
}
