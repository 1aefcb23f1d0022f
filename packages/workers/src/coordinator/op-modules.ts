/** URLs of the modules of all ops and generated sources that a plan names, however deep: an op is the URL of its module and its place there. */
export function opModules(value: unknown, urls: Set<string> = new Set()): Set<string> {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return urls;
  const { url, ordinal } = value as { url?: unknown; ordinal?: unknown };
  if (typeof url === 'string' && typeof ordinal === 'number') urls.add(url);
  for (const part of Object.values(value)) opModules(part, urls);
  return urls;
}
