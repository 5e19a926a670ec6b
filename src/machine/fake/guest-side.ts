import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { duplexPair, PassThrough, type Duplex } from 'node:stream';
import { createInterface } from 'node:readline';
import type { GuestStreams } from '../protocol.ts';
import { PROTOCOL, type Hello, type Run } from '../messages.ts';

/** What a scripted guest can do; every method speaks to the real host side of the protocol. */
export interface GuestSide {
  /** Waits for hello. */
  hello(): Promise<Hello>;
  /** Says ready, right or with fields replaced, and waits for the order to run; never settles when it is refused. */
  ready(fields?: Record<string, unknown>): Promise<void>;
  /** The order to run; undefined before `ready` has it. */
  order(): Run | undefined;
  /** Sends one control line: an object as JSON, a text as it is. */
  say(message: Record<string, unknown> | string): Promise<void>;
  log(bytes: Uint8Array | string): Promise<void>;
  output(bytes: Uint8Array): Promise<void>;
  /** The service channel as it is: frames (service/frames.ts), or anything else. */
  readonly service: Duplex;
  /** Says the result of what was sent so far, right or with fields replaced. */
  result(fields?: Record<string, unknown>): Promise<void>;
  /** Ends all channels, as a machine does that goes off. */
  powerOff(): void;
  /** Aborted when the host destroys the guest. */
  readonly destroyed: AbortSignal;
}

/** A guest in this process: its streams for the host, and its own side of them. */
export function createGuestSide(): { guest: GuestSide; streams: GuestStreams; destroy: () => Promise<void> } {
  const [control, ours] = duplexPair();
  const [service, ourService] = duplexPair();
  const log = new PassThrough();
  const output = new PassThrough();
  const life = new AbortController();
  const lines = createInterface({ input: ours })[Symbol.asyncIterator]();
  const hash = createHash('sha512');
  let bytes = 0;
  let nonce = '';
  let order: Run | undefined;

  const next = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done) throw life.signal.reason ?? new Error('the host is gone');
    return JSON.parse(line.value);
  };
  const end = (): void => {
    for (const stream of [ours, log, output, ourService]) stream.end();
  };
  const guest: GuestSide = {
    service: ourService,
    destroyed: life.signal,
    async hello() {
      const hello = (await next()) as Hello;
      nonce = hello.nonce;
      return hello;
    },
    async ready(fields = {}) {
      const random = randomBytes(16).toString('hex');
      const clock = Date.now() / 1000;
      await guest.say({ type: 'ready', protocol: PROTOCOL, nonce, reseeded: true, clock, random, ...fields });
      order = (await next()) as Run;
    },
    order: () => order,
    say: (message) => write(ours, typeof message === 'string' ? message : `${JSON.stringify(message)}\n`),
    log: (data) => write(log, data),
    async output(data) {
      hash.update(data);
      bytes += data.length;
      await write(output, data);
    },
    result: (fields = {}) => {
      const sha512 = hash.copy().digest('hex');
      return guest.say({ type: 'result', nonce, status: 'ok', files: 1, bytes, sha512, facts: {}, ...fields });
    },
    powerOff: end,
  };
  return {
    guest,
    streams: { control, log, output, service, process: 0 },
    async destroy() {
      life.abort(new Error('the host destroyed the guest'));
      end();
    },
  };
}

/** Writes as fast as the host reads; what a dead host does not take is lost, as in a machine that is switched off. */
async function write(stream: Duplex, data: Uint8Array | string): Promise<void> {
  if (stream.writableEnded || stream.destroyed) return;
  if (stream.write(data)) return;
  const settled = new AbortController();
  const { signal } = settled;
  await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]).catch(() => {});
  settled.abort();
}
