/** What makes a buffering operator flush; the first to fire does. All limits are optional and positive. */
export interface Triggers {
  /** Logical inputs taken since the last flush. */
  iterMax?: number;
  /** Rows held. Checked when a logical input has been taken. */
  rows?: number;
  /** Logical Arrow bytes held; `auto` lets the governor choose. Checked when a logical input has been taken. */
  memoryLimitBytes?: number | 'auto';
  /** Milliseconds since the first input after the last flush. Timing-dependent where emissions can be seen. */
  intervalMs?: number;
}

export type FlushReason = 'iterations' | 'rows' | 'memory' | 'interval' | 'pressure' | 'end';
