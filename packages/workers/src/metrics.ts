/** Metrics of a run for Prometheus. An entry of its own, so that runs without it do not load it. */
export { type PrometheusText, prometheusText } from './metrics/prometheus.ts';
export { type PushOptions, pushMetrics, writeMetrics } from './metrics/push.ts';
