import { z } from 'zod';

/** The protocol's number; guest/README.md describes it. */
export const PROTOCOL = 1;
/** Longest control line in either direction, in bytes, without its newline. */
export const MAX_LINE_BYTES = 65_536;

const hex32 = z.string().regex(/^[0-9a-f]{32}$/);

/** What a guest may say. Strict: an unknown field or type is a forgery or a defect, and both end the guest. */
export const guestMessage = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('waiting'), protocol: z.literal(PROTOCOL) }),
  z.strictObject({
    type: z.literal('ready'),
    protocol: z.literal(PROTOCOL),
    nonce: hex32,
    reseeded: z.boolean(),
    clock: z.number(),
    random: hex32,
  }),
  z.strictObject({ type: z.literal('phase'), name: z.string().min(1).max(64) }),
  z.strictObject({
    type: z.literal('result'),
    nonce: hex32,
    status: z.enum(['ok', 'failed', 'needs']),
    files: z.int().nonnegative(),
    bytes: z.int().nonnegative(),
    sha512: z.string().regex(/^[0-9a-f]{128}$/),
    facts: z.record(z.string(), z.unknown()),
  }),
]);
export type GuestMessage = z.infer<typeof guestMessage>;

/** Reads one control line of a guest (hostile bytes); undefined when it is not a message of the protocol. */
export function parseGuestLine(line: Uint8Array): GuestMessage | undefined {
  if (line.length > MAX_LINE_BYTES) return undefined;
  try {
    const parsed = guestMessage.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** What the host says first; see guest/README.md. */
export interface Hello {
  readonly type: 'hello';
  readonly protocol: number;
  /** base64 of 64 random bytes. */
  readonly random: string;
  /** Seconds since 1970. */
  readonly time: number;
  readonly job: string;
  readonly nonce: string;
  readonly machineId: string;
  readonly hostName: string;
}

export interface Run {
  readonly type: 'run';
  readonly nonce: string;
  /** Bound on the unprivileged user's processes (RLIMIT_NPROC). */
  readonly processes: number;
  /** The job comes and goes by the service channel. */
  readonly service?: { readonly url: string; readonly token: string };
}

/** One control line for the guest, newline included. */
export function formatHostLine(message: Hello | Run): string {
  return `${JSON.stringify(message)}\n`;
}
