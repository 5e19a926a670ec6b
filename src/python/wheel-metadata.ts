import type { ReleaseFile } from '../model/release.ts';
import { truncated } from './http-failure.ts';
import type { HttpGet } from './http.ts';
import { collect } from './download.ts';
import { readZipMember, type ReadRange } from './range-reader.ts';

/** Small pure wheels lie in their last 64 KiB as a whole: one request. It is also the longest zip comment. */
const TAIL_BYTES = 64 * 1024;

/** Members of a wheel's .dist-info folder that are read from afar. */
const MEMBERS = {
  METADATA: /^[^/]+\.dist-info\/METADATA$/,
  RECORD: /^[^/]+\.dist-info\/RECORD$/,
  'entry_points.txt': /^[^/]+\.dist-info\/entry_points\.txt$/,
} as const;
export type WheelMember = keyof typeof MEMBERS;

/**
 * Reads a member out of a far wheel by range requests on its zip directory. A server that ignores Range is read up to
 * `wholeWheelBytes`; undefined where that is not enough, or where the wheel has no such member. RennetError as
 * `createHttpGet` and `readZipMember`.
 */
export async function readWheelMember(
  get: HttpGet,
  file: ReleaseFile,
  member: WheelMember,
  caps: { readonly wholeWheelBytes: number; readonly metadataBytes: number },
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const url = new URL(file.url);
  const first = await readTail(get, url, file.bytes, caps.wholeWheelBytes, signal);
  if (first === undefined) return undefined;
  const { total, tail } = first;
  const tailStart = total - tail.length;
  const read: ReadRange = async (start, end) => {
    if (start >= tailStart) return tail.subarray(start - tailStart, end - tailStart);
    const far = await readRange(get, url, start, Math.min(end, tailStart), total, signal);
    return end <= tailStart ? far : Buffer.concat([far, tail.subarray(0, end - tailStart)]);
  };
  return readZipMember(total, tail, read, (name) => MEMBERS[member].test(name), caps.metadataBytes);
}

async function readTail(
  get: HttpGet,
  url: URL,
  bytes: number | undefined,
  wholeCap: number,
  signal: AbortSignal,
): Promise<{ total: number; tail: Buffer } | undefined> {
  // With the size known an ordinary range does; some servers do not know ranges that count from the end.
  const range = bytes === undefined ? `-${TAIL_BYTES}` : `${Math.max(0, bytes - TAIL_BYTES)}-${Math.max(0, bytes - 1)}`;
  return get(
    url,
    { range: `bytes=${range}`, 'accept-encoding': 'identity' },
    async (answer) => {
      if (answer.status === 206) {
        const total = totalOf(answer.headers['content-range']);
        const tail = await collect(answer.body(TAIL_BYTES));
        return total === undefined || tail.length > total ? undefined : { total, tail };
      }
      const announced = Number(answer.headers['content-length'] ?? bytes ?? 0);
      if (answer.status !== 200 || announced > wholeCap) return undefined;
      const whole = await collect(answer.body(Infinity), wholeCap);
      return whole === undefined ? undefined : { total: whole.length, tail: whole };
    },
    signal,
  );
}

async function readRange(
  get: HttpGet,
  url: URL,
  start: number,
  end: number,
  total: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const range = `bytes=${start}-${end - 1}`;
  return get(
    url,
    { range, 'accept-encoding': 'identity' },
    async (answer) => {
      const same = answer.status === 206 && totalOf(answer.headers['content-range']) === total;
      const bytes = same ? await collect(answer.body(end - start)) : Buffer.alloc(0);
      if (bytes.length !== end - start) throw truncated(url.pathname.split('/').at(-1) ?? 'The wheel');
      return bytes;
    },
    signal,
  );
}

function totalOf(contentRange: string | undefined): number | undefined {
  const total = /^bytes \d+-\d+\/(\d+)$/.exec(contentRange ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
}
