import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { GuestReport } from '../../../src/model/machine.ts';
import type { GuestSide } from '../../../src/machine/fake/guest-side.ts';
import { type Attack, type GuestCode, running } from './attack.ts';

const protocol = (name: string, args: Readonly<Record<string, unknown>> = {}): GuestCode => ({
  module: 'protocol',
  name,
  arguments: args,
});
const sha512 = (bytes: string): string => createHash('sha512').update(bytes).digest('hex');
const NOTHING = sha512('');
const forever = async (once: () => Promise<unknown>, guest: GuestSide): Promise<void> => {
  while (!guest.destroyed.aborted) await once();
};
const result = (guest: GuestSide, output: string, fields: Record<string, unknown>): Promise<void> =>
  guest.output(Buffer.from(output)).then(() => guest.result(fields));
const ready = (fields: Record<string, unknown>) => async (guest: GuestSide) => {
  await guest.hello();
  await guest.ready(fields);
};
const expectNothingPolluted = ({ result: given }: GuestReport): void => {
  expect(Object.keys(given?.facts ?? {})).toContain('deep');
  // What a key of facts is called must change no object of ours.
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
};
const DEEP = `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"deep":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;

/** What a guest says, in which order, and how much of it. */
export const PROTOCOL_ATTACKS: readonly Attack[] = [
  {
    does: 'gives a result before it was told to run',
    safe: ['forged'],
    guest: protocol('result_before_ready'),
    fake: async (guest) => {
      await guest.hello();
      await guest.result();
    },
  },
  {
    does: 'sends output before it was told to run',
    safe: ['forged'],
    guest: protocol('output_before_ready'),
    fake: async (guest) => {
      await guest.hello();
      await guest.output(Buffer.from('x'));
    },
  },
  {
    does: 'gives a result with a nonce of its own',
    safe: ['forged'],
    guest: protocol('another_nonce'),
    fake: running((guest) => result(guest, 'x', { nonce: '0'.repeat(32) })),
  },
  {
    does: 'gives a wrong digest',
    safe: ['forged'],
    guest: protocol('wrong_digest'),
    fake: running((guest) => result(guest, 'x', { sha512: NOTHING })),
    judge: ({ sentence }) => expect(sentence).toContain('another digest'),
  },
  {
    does: 'gives more output than its result says',
    safe: ['forged'],
    guest: protocol('fewer_bytes'),
    fake: running((guest) => result(guest, 'xx', { bytes: 1, sha512: sha512('x') })),
  },
  {
    does: 'says more output than it gives, and goes off',
    safe: ['forged'],
    guest: protocol('more_bytes'),
    fake: running(async (guest) => {
      await result(guest, 'x', { bytes: 2 });
      guest.powerOff();
    }),
  },
  {
    does: 'says more output than it gives, and waits',
    safe: ['limit idle'],
    limits: { idleMs: 2000 },
    fake: running((guest) => result(guest, 'x', { bytes: 2 })),
  },
  {
    does: 'gives two results',
    safe: ['forged'],
    guest: protocol('two_results'),
    fake: running(async (guest) => {
      await guest.result({ bytes: 10 });
      await guest.result({ bytes: 10 });
    }),
  },
  {
    does: 'gives a right result and writes on, on all channels',
    // The host may hear the end of the output first, or what comes after it.
    safe: ['result', 'forged'],
    guest: protocol('writes_on'),
    fake: running(async (guest) => {
      await result(guest, 'x', {});
      await forever(async () => {
        await Promise.all([guest.output(Buffer.from('y')), guest.log('y'), guest.say('y\n')]);
        await sleep(1);
      }, guest);
    }),
    judge: ({ result: given }) => {
      if (given !== undefined) expect([sha512('x'), sha512('x'.repeat(1000))]).toContain(given.sha512);
    },
  },
  {
    does: 'says that its output holds ten million files',
    safe: ['limit files'],
    guest: protocol('many_files', { files: 10_000_000 }),
    fake: running((guest) => result(guest, 'x', { files: 10_000_000 })),
  },
  {
    does: 'writes output without end',
    safe: ['limit output'],
    guest: protocol('endless_output'),
    fake: running((guest) => forever(() => guest.output(Buffer.alloc(65_536)), guest)),
  },
  {
    does: 'floods the log',
    safe: ['limit log'],
    guest: protocol('endless_log', { piece: 'x\n' }),
    fake: running((guest) => forever(() => guest.log('x\n'.repeat(10_000)), guest)),
  },
  {
    does: 'writes one endless line of escape sequences to the log',
    safe: ['limit log'],
    guest: protocol('endless_log', { piece: '\u001b[2J\u202e\u001b]0;x\u0007' }),
    fake: running((guest) => forever(() => guest.log('\u001b[2J\u202e'.repeat(5000)), guest)),
  },
  {
    does: 'sends a control line without end',
    safe: ['forged'],
    guest: protocol('endless_line'),
    fake: running((guest) => forever(() => guest.say('x'.repeat(65_536)), guest)),
  },
  {
    does: 'reports phases without end',
    safe: ['forged'],
    guest: protocol('phases_without_end'),
    fake: running((guest) => forever(() => guest.say({ type: 'phase', name: 'x' }), guest)),
  },
  {
    does: 'gives facts of 30,000 levels with keys that mean something to JavaScript',
    safe: ['result'],
    guest: protocol('deep_facts'),
    fake: async (guest) => {
      const { nonce } = await guest.hello();
      await guest.ready();
      const claim = `"nonce":"${nonce}","status":"ok","files":0,"bytes":0,"sha512":"${NOTHING}"`;
      await guest.say(`{"type":"result",${claim},"facts":${DEEP}}\n`);
    },
    judge: expectNothingPolluted,
  },
  ...[1, 2, 3].map(
    (seed): Attack => ({
      does: `sends nearly right lines and noise before hello is answered (seed ${seed})`,
      safe: ['forged'],
      guest: protocol('fuzz', { seed, ready: false }),
      ...(seed === 1 ? {} : { long: true }),
    }),
  ),
  ...[4, 5, 6].map(
    (seed): Attack => ({
      does: `sends nearly right lines and noise while it runs (seed ${seed})`,
      // One of the lines may be a whole result, with its own nonce and nothing in it.
      safe: ['forged', 'result'],
      guest: protocol('fuzz', { seed, ready: true }),
      ...(seed === 4 ? {} : { long: true }),
    }),
  ),
  {
    does: 'writes random bytes to the control channel',
    safe: ['forged'],
    fake: running((guest) => forever(() => guest.say(randomBytes(1000).toString('latin1')), guest)),
  },
  ...(
    [
      ['its clock in 1970', { clock: 0 }, 'long'],
      ['its clock in 2038', { clock: 2 ** 31 }, 'long'],
      ['its clock beyond all numbers', { clock: 1e300 }, 'long'],
      ['that it did not reseed', { reseeded: false }, 'fast'],
      ['the nonce of another', { nonce: '1'.repeat(32) }, 'long'],
    ] as const
  ).map(
    ([what, fields, extent]): Attack => ({
      does: `answers hello with ${what}`,
      // Nothing of the job has run: the machine is blamed, and boots a second time.
      safe: ['infrastructure'],
      guest: protocol('stale_ready', { fields }),
      reset: 'overlay',
      ...(extent === 'long' ? { long: true } : {}),
      fake: ready(fields),
      judge: ({ driver, tries }) => expect(tries).toBe(driver === 'qemu' ? 2 : 1),
    }),
  ),
];
