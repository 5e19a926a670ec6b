import { expect } from 'vitest';
import type { Attack } from './attack.ts';

/** By frames and HTTP of the guest's own making; nothing of the job lies on its disk. */
const service = (
  name: string,
  does: string,
  safe: Attack['safe'],
  args: Readonly<Record<string, unknown>> = {},
  more: Partial<Attack> = {},
): Attack => ({ does, safe, guest: { module: 'service', name, arguments: args }, channel: 'service', ...more });

const PATHS = [
  '/../../../etc/passwd',
  '//etc/passwd',
  '/source/../job.json',
  '/source/%2e%2e/%2e%2e/etc/passwd',
  '/source/',
  '/files/..',
  '/layers/..%2f..%2fetc',
  '/job?x=1',
  '/job/',
  'http://192.0.2.1/job',
  'http://127.0.0.1/job',
];
const TOKENS = ['', 'x', '0'.repeat(32), '0'.repeat(43), 'Bearer', '\u00e9'];

/** The service inside the guest, tunnelled to a handler of the host. */
export const SERVICE_ATTACKS: readonly Attack[] = [
  service(
    'other_paths',
    'asks the service for paths that are not offered',
    ['result'],
    { paths: PATHS },
    {
      judge: ({ result }) => expect(result?.facts).toEqual(Object.fromEntries(PATHS.map((path) => [path, 404]))),
    },
  ),
  service(
    'other_tokens',
    'asks the service with the tokens of others',
    ['result'],
    { tokens: TOKENS },
    {
      judge: ({ result }) => expect(result?.facts).toEqual({ answers: TOKENS.map(() => 403), own: 200 }),
    },
  ),
  service(
    'other_methods',
    'asks the service by other methods',
    ['result'],
    { methods: ['PUT', 'DELETE', 'OPTIONS', 'TRACE', 'POST'] },
    {
      judge: ({ result }) => expect(new Set(Object.values(result?.facts as object))).toEqual(new Set([405])),
    },
  ),
  service(
    'huge_header',
    'sends the service a header of 60 KB',
    ['result'],
    {},
    {
      judge: ({ result }) => expect([400, 431]).toContain((result?.facts as { status: number } | undefined)?.status),
    },
  ),
  service('huge_body', 'uploads without end, past its window', ['forged'], { waits: false }),
  service('huge_body', 'uploads without end, as its window lets it', ['limit output'], { waits: true }),
  service(
    'slow_loris',
    'holds 64 streams with requests that never end',
    ['result'],
    { streams: 64 },
    {
      limits: { wallMs: 120_000, idleMs: 120_000 },
      judge: ({ result }) => expect(result?.facts).toEqual({ ended: 64 }),
    },
  ),
  service('many_streams', 'opens 10,000 streams', ['forged'], { streams: 10_000 }),
  service(
    'sent_ahead',
    'sends 300 requests ahead on each of 64 streams, and reads no answer',
    ['result'],
    { streams: 64 },
    {
      judge: () => expect(process.resourceUsage().maxRSS / 1024).toBeLessThan(2048),
    },
  ),
  service('refused_without_end', 'is refused by the service without end', ['forged']),
  service('noise', 'sends the service frames that are nearly right, and noise', ['forged'], { seed: 1 }),
  ...[2, 3, 4, 5].map((seed) =>
    service(
      'noise',
      `sends the service frames that are nearly right, and noise (seed ${seed})`,
      ['forged'],
      { seed },
      {
        long: true,
      },
    ),
  ),
  {
    ...service('on_the_folder_channel', 'speaks to a service that its job does not have', ['forged']),
    channel: 'folder',
  },
];
