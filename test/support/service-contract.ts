import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Contract } from './machine-contract.ts';
import { backend } from './machine-scenarios.ts';
import type { TestBuild } from './sdist.ts';

/** A build whose wheel tells what its guest was given: names and modes of files, and their contents. */
const TELLING: TestBuild = {
  layers: {
    'one-1': { '/usr/lib/python3/dist-packages/one.py': 'ONE = 1\n', '/usr/share/one/a name: with, signs': 'x' },
    two: { '/usr/lib/python3/dist-packages/two.py': 'TWO = 2\n' },
  },
  backend: backend(`
import hashlib, one, two
assert (one.ONE, two.TWO) == (1, 2)
told = []
for top in ('/rennet/in', '/usr/share/one'):
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            content = b'' if '/source/' in path else open(path, 'rb').read()
            told.append((path, oct(os.stat(path).st_mode), hashlib.sha256(content).hexdigest()))
for path in ('/rennet/in/new', '/rennet/in/job.json'):
    try:
        open(path, 'w')
        raise AssertionError(path)
    except OSError:
        pass
with zipfile.ZipFile(os.path.join(wheel_directory, NAME), 'w') as file:
    file.writestr(zipfile.ZipInfo('demo.py'), '\\n'.join(map(str, told)))
    file.writestr(zipfile.ZipInfo('large'), b'\\1' * 5_000_000)
return NAME`),
};

/** What a job by the service channel shows on every driver that runs code. */
export function describeServiceChannel({ run }: Contract): void {
  test('the same job by folder and by service gives the same wheel', async () => {
    const [folder, service] = [
      await run('succeeds', { build: TELLING }),
      await run('succeeds', { build: TELLING, channel: 'service' }),
    ];
    expect(folder.result, await readFile(folder.log, 'utf8')).toMatchObject({ status: 'ok', files: 1 });
    expect(service.result, await readFile(service.log, 'utf8')).toEqual(folder.result);
    const output = await readFile(service.output);
    expect(output.equals(await readFile(folder.output))).toBe(true);
    expect(output.length).toBeGreaterThan(5_000_000);
    expect(output.includes('/rennet/in/source/demo-1.0.tar.gz')).toBe(true);
  });

  test('while code of a package runs, nobody listens at the address of the service', async () => {
    const body = `
import errno, fcntl, socket, struct
interface = 'dummy0' if 'dummy0' in dict(map(reversed, socket.if_nameindex())) else 'lo:1'
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
    told = fcntl.ioctl(control, 0x8915, struct.pack('40s', interface.encode()))  # SIOCGIFADDR
assert socket.inet_ntoa(told[20:24]) == '192.0.2.1', (interface, told)
for port in (80, 8080):
    try:
        socket.create_connection(('192.0.2.1', port), timeout=5)
        raise AssertionError('somebody listens')
    except ConnectionRefusedError:
        pass
for address in ('192.0.2.2', '198.51.100.1'):
    try:
        socket.create_connection((address, 80), timeout=5)
        raise AssertionError('there is a network')
    except OSError as error:
        assert error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH), error
return wheel(wheel_directory)`;
    const report = await run('succeeds', { build: { backend: backend(body) }, channel: 'service' });
    expect(report.result, await readFile(report.log, 'utf8')).toMatchObject({ status: 'ok' });
  });

  test('a build that fails says so by the service channel too', async () => {
    expect((await run('fails', { channel: 'service' })).result).toMatchObject({ status: 'failed', files: 0 });
    const large = await run('floodsOutput', { channel: 'service' });
    expect(large).toMatchObject({ end: 'limit', limit: 'output' });
  });
}
