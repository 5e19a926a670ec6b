import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type { GuestReport } from '../model/machine.ts';

const WHEEL = 'trial-1-py3-none-any.whl';
/** Builds an empty wheel, tells who it is, and leaves files that no other guest may find. */
const BACKEND = `import os, time, zipfile
PLACES = ('/tmp/trial', '/build/home/trial')
def build_wheel(folder, *_):
    for place in PLACES:
        open(place, 'x').close()
    print('identity', os.urandom(16).hex(), open('/etc/machine-id').read().strip(), time.time(), flush=True)
    zipfile.ZipFile(os.path.join(folder, '${WHEEL}'), 'w').close()
    return '${WHEEL}'
`;
const JOB = {
  protocol: 1,
  id: 'trial',
  kind: 'build',
  project: 'trial',
  version: '1',
  source: 'trial.tar',
  backend: { name: 'backend', path: ['.'], requires: [] },
  layers: [],
  offered: [],
  environment: {},
};

/** Bounds that are enough for it. */
export const TRIAL_LIMITS = {
  wallMs: 60_000,
  idleMs: 30_000,
  processes: 200,
  outputFiles: 1,
  outputBytes: 1e6,
  logBytes: 1e6,
};

/** Writes the input of the smallest possible build into a new folder. */
export async function writeTrialInput(input: string): Promise<void> {
  await mkdir(input);
  const tar = pack();
  tar.entry({ name: 'trial-1/backend.py' }, BACKEND);
  tar.finalize();
  await writeFile(join(input, JOB.source), await buffer(tar));
  await writeFile(join(input, 'job.json'), JSON.stringify(JOB));
}

/** Who a guest was, by its own word. */
export interface TrialIdentity {
  readonly random: string;
  readonly machineId: string;
  /** Its clock, seconds since 1970. */
  readonly clock: number;
}

/** Who the guest was that did the job; undefined where it did not do it as it should: its output is that one wheel. */
export async function readTrial({ result, output, log }: Done): Promise<TrialIdentity | undefined> {
  const name = (await readFile(output)).toString('latin1', 0, WHEEL.length);
  if (result?.status !== 'ok' || result.files !== 1 || name !== WHEEL) return undefined;
  const told = /^identity ([0-9a-f]{32}) ([0-9a-f]{32}) ([0-9.]+)$/m.exec(await readFile(log, 'latin1'));
  return told === null ? undefined : { random: told[1] ?? '', machineId: told[2] ?? '', clock: Number(told[3]) };
}

type Done = Pick<GuestReport, 'result' | 'output' | 'log'>;
