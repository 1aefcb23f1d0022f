/** comlink ships its adapter for Node's message ports without types. */
declare module 'comlink/dist/esm/node-adapter.mjs' {
  const nodeEndpoint: (port: import('node:worker_threads').MessagePort) => import('comlink').Endpoint;
  export default nodeEndpoint;
}

/** Its main entry is UMD, which an `import` has to parse and find exports in; this is the same as a module, at half the start-up time. */
declare module 'comlink/dist/esm/comlink.mjs' {
  export * from 'comlink';
}
