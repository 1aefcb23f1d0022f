/** comlink ships its adapter for Node's message ports without types. */
declare module 'comlink/dist/esm/node-adapter.mjs' {
  const nodeEndpoint: (port: import('node:worker_threads').MessagePort) => import('comlink').Endpoint;
  export default nodeEndpoint;
}
