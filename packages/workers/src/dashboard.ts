/** Watching a run in a browser. An entry of its own, so that runs without it do not load it. */
export { type Dashboard, type DashboardOptions, startDashboard } from './dashboard/dashboard.ts';
