/**
 * Text that PostgreSQL takes: without NUL (refused in text and jsonb) and lone surrogates (refused in jsonb). Logs, file names and
 * metadata of packages hold both on purpose, and an attempt must end all the same.
 */
export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd');
}

/** JSON for a jsonb column, every string and key made storable. */
export function storableJson(value: unknown): string {
  return JSON.stringify(clean(value));
}

function clean(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(clean);
  if (value === null || typeof value !== 'object' || 'toJSON' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storableText(key), clean(inner)]));
}
