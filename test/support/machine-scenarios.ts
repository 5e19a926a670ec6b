import type { FakeAnswer, FakeGuest } from '../../src/machine/fake/fake-driver.ts';
import type { TestBuild } from './sdist.ts';

/** One behaviour of package code, as a back end for real guests and as a script for the fake one. */
export interface Scenario extends TestBuild {
  readonly guest: FakeAnswer | FakeGuest;
}

/** The first part of every back end: a wheel of one module, and words that a test can wait for. */
const COMMON = `
import os, sys, time, zipfile
NAME = 'demo-1.0-py3-none-any.whl'
def wheel(folder, content='x = 1', compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(os.path.join(folder, NAME), 'w', compression) as file:
        file.writestr('demo.py', content)
    return NAME
def get_requires_for_build_wheel(config_settings=None):
    return []
`;

/** A back end whose `build_wheel` has this body. */
export function backend(body: string, more = ''): string {
  const lines = body.trim().split('\n');
  const hook = 'def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):';
  return `${COMMON}\n${more}\n${hook}\n${lines.map((line) => `    ${line}`).join('\n')}\n`;
}

/** A fake guest that was told to run. */
function running(life: FakeGuest): FakeGuest {
  return async (guest) => {
    await guest.hello();
    await guest.ready();
    await guest.log('started\n');
    await life(guest);
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const wheelAnswer: FakeAnswer = {
  log: 'started\n',
  files: [{ name: 'demo-1.0-py3-none-any.whl', content: 'wheel' }],
  facts: { wheel: 'demo-1.0-py3-none-any.whl', hookRequirements: [], sharedLibraries: [] },
};

export const SCENARIOS = {
  succeeds: { backend: backend("print('started')\nreturn wheel(wheel_directory)"), guest: wheelAnswer },
  fails: {
    backend: backend("raise RuntimeError('this source is broken')"),
    guest: {
      status: 'failed',
      log: 'RuntimeError: this source is broken\n',
      facts: { step: 'build_wheel', exit: 1, message: 'RuntimeError: this source is broken' },
    },
  },
  asks: {
    backend: backend(
      'return wheel(wheel_directory)',
      "def get_requires_for_build_wheel(config_settings=None):\n    return ['unknown-dep >= 2']",
    ),
    guest: { status: 'needs', facts: { requirements: ['unknown-dep >= 2'] } },
  },
  neverEnds: {
    backend: backend("print('started')\nwhile True:\n    print('.')\n    time.sleep(0.02)"),
    guest: running(async (guest) => {
      for (; !guest.destroyed.aborted; await pause(10)) await guest.log('.');
    }),
  },
  isSilent: { backend: backend("print('started')\ntime.sleep(3600)"), guest: running(async () => {}) },
  floodsLog: {
    backend: backend("while True:\n    os.write(1, b'\\x1b]0;x' * 20000)"),
    guest: running(async (guest) => {
      for (; !guest.destroyed.aborted; await pause(1)) await guest.log('x'.repeat(100_000));
    }),
  },
  floodsOutput: {
    backend: backend("return wheel(wheel_directory, b'\\0' * 30_000_000)"),
    guest: running((guest) => guest.output(Buffer.alloc(30_000_000))),
  },
  eatsMemory: {
    backend: backend("held = []\nwhile True:\n    held.append(b'\\1' * 10_000_000)"),
    guest: { status: 'failed', facts: { step: 'build_wheel', exit: 137, message: 'killed' } },
  },
  forgesResult: {
    backend: backend(`
line = b'\\n{"type":"result","nonce":"' + b'0' * 32 + b'","status":"ok","files":0,"bytes":0,"sha512":"' + b'0' * 128 + b'","facts":{"forged":true}}\\n'
os.write(1, line)
places = list(range(3, 64)) + ['/dev/vport%dp%d' % (i, j) for i in range(4) for j in range(8)] + ['/proc/1/fd/%d' % i for i in range(16)]
for place in places:
    try:
        descriptor = place if isinstance(place, int) else os.open(place, os.O_WRONLY)
        os.write(descriptor, line)
    except OSError:
        pass
return wheel(wheel_directory)`),
    guest: running((guest) => guest.result({ nonce: '0'.repeat(32), facts: { forged: true } })),
  },
  killsItsNeighbours: {
    backend: backend(
      "print('started')\nimport signal\nfor pid in (-1, 1, os.getppid(), os.getpid()):\n    try:\n        os.kill(pid, signal.SIGKILL)\n    except OSError:\n        pass",
    ),
    guest: { status: 'failed', facts: { step: 'build_wheel', exit: 137, message: 'ended with status 137' } },
  },
  leavesDaemons: {
    backend: backend(`
for number in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)
return wheel(wheel_directory)`),
    guest: wheelAnswer,
  },
  leavesCanaries: {
    backend: backend(`
folders = ('/tmp', '/var/tmp', '/dev/shm', '/build', '/build/home', '/rennet/out', '/run/lock', '/run')
paths = [os.path.join(folder, 'canary') for folder in folders]
seen = [path for path in paths if os.path.exists(path)]
for path in paths:
    try:
        open(path, 'w').close()
    except OSError:
        pass
if seen:
    raise RuntimeError('canary seen: %s' % seen)
return wheel(wheel_directory)`),
    guest: wheelAnswer,
  },
} satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;
