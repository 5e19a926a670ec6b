import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MachineShape, qemuArguments } from './arguments.ts';
import { jailed } from './jail.ts';

const shapes = fc.record<MachineShape>({
  architecture: fc.constantFrom('amd64', 'arm64'),
  accelerator: fc.constantFrom('kvm', 'tcg'),
  memoryMiB: fc.integer({ min: 256, max: 8192 }),
  cpus: fc.integer({ min: 1, max: 16 }),
});
const kinds = fc.constantFrom('own', 'template', 'clone' as const).map((kind) => ({ kind }) as { kind: 'own' });
const valuesOf = (args: readonly string[], option: string): string[] =>
  args.flatMap((word, index) => (word === option ? [args[index + 1] ?? ''] : []));

describe('arguments of QEMU', () => {
  test('no machine has a network, a balloon, a shared folder or a device that nobody asked for', () => {
    fc.assert(
      fc.property(shapes, kinds, (shape, memory) => {
        const args = qemuArguments(shape, memory);
        expect(args).toContain('-nodefaults');
        expect(args).toContain('-no-user-config');
        const devices = valuesOf(args, '-device').map((it) => it.split(',')[0] ?? '');
        expect(devices.toSorted((a, b) => a.localeCompare(b))).toEqual([
          'virtio-blk-device',
          'virtio-blk-device',
          'virtio-rng-device',
          'virtio-serial-device',
          'virtserialport',
          'virtserialport',
          'virtserialport',
          'virtserialport',
        ]);
        expect(args.filter((it) => /^-(net|nic|netdev|fsdev|virtfs|monitor|vnc|spice)$/.test(it))).toEqual([]);
      }),
    );
  });

  test('every machine runs in all four parts of the sandbox', () => {
    fc.assert(
      fc.property(shapes, kinds, (shape, memory) => {
        const [sandbox] = valuesOf(qemuArguments(shape, memory), '-sandbox');
        expect(sandbox).toBe('on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny');
      }),
    );
  });

  test('disks are read-only', () => {
    fc.assert(
      fc.property(shapes, kinds, (shape, memory) => {
        const drives = valuesOf(qemuArguments(shape, memory), '-drive');
        expect(drives).toHaveLength(2);
        const withMirror = qemuArguments({ ...shape, mirrorBytes: 512 }, memory);
        expect(valuesOf(withMirror, '-device').filter((it) => it.endsWith('serial=rennet-mirror'))).toHaveLength(1);
        drives.push(...valuesOf(withMirror, '-drive'));
        expect(drives).toHaveLength(5);
        expect(drives.every((it) => it.includes('readonly=on') && it.includes('format=raw'))).toBe(true);
      }),
    );
  });

  test('a disk of its own is the only one that a guest may write to, and QEMU never guesses a format', () => {
    fc.assert(
      fc.property(shapes, fc.constantFrom('copy', 'delta' as const), (shape, root) => {
        const args = qemuArguments(shape, { kind: 'own' }, root);
        const drives = valuesOf(args, '-drive');
        expect(drives.filter((it) => !it.includes('readonly=on'))).toEqual([expect.stringContaining('/root.disk')]);
        expect(drives.every((it) => /\bformat=(raw|qcow2)\b/.test(it))).toBe(true);
        expect(valuesOf(args, '-append')[0]).toMatch(/ rennet\.disk$/);
      }),
    );
  });

  test('a clone differs from its template only in how it maps the memory, that it restores, and the files of a kernel that runs already', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const template = qemuArguments(shape, { kind: 'template' });
        const clone = qemuArguments(shape, { kind: 'clone' });
        const kernel = template.indexOf('-kernel');
        const kept = shape.architecture === 'amd64' ? template.toSpliced(kernel, 6) : template;
        const expected = kept.map((it) => it.replace('share=on', 'share=off'));
        const restores = ['-incoming', 'defer', '-S'];
        expect(clone.filter((it) => !restores.includes(it))).toEqual(expected);
        expect(valuesOf(clone, '-incoming')).toEqual(['defer']);
      }),
    );
  });

  test('only a template maps memory so that its writes stay', () => {
    const shape: MachineShape = { architecture: 'amd64', accelerator: 'tcg', memoryMiB: 1024, cpus: 1 };
    expect(qemuArguments(shape, { kind: 'own' }).join(' ')).not.toContain('memory-backend');
    expect(qemuArguments(shape, { kind: 'clone' }).join(' ')).not.toContain('share=on');
    expect(qemuArguments(shape, { kind: 'template' }).join(' ')).toContain('share=on');
  });

  test.each([
    ['amd64', 'tcg', 'microvm,rtc=on', 'max', 'ttyS0'],
    ['amd64', 'kvm', 'microvm,rtc=on', 'host,vmx=off,svm=off', 'ttyS0'],
    ['arm64', 'tcg', 'virt,gic-version=3', 'max,pauth=off', 'ttyAMA0'],
    ['arm64', 'kvm', 'virt,gic-version=host', 'host', 'ttyAMA0'],
  ] as const)('a machine of %s on %s is %s', (architecture, accelerator, machine, cpu, console) => {
    const shape = { architecture, accelerator, memoryMiB: 512, cpus: 1 };
    const args = qemuArguments(shape, { kind: 'own' });
    expect(valuesOf(args, '-M')).toEqual([machine]);
    expect(valuesOf(args, '-cpu')).toEqual([cpu]);
    const [line = ''] = valuesOf(args, '-append');
    expect(line).toContain(`console=${console} `);
    // Where the rate of the host's counter is not known an emulated kernel is told a guess: its own measurement may never end.
    const isEmulated = architecture === 'amd64' && accelerator === 'tcg';
    expect(line.includes(' OPENSSL_ia32cap=')).toBe(isEmulated);
    const rateIn = (append = ''): string | undefined => / tsc_early_khz=(\S+)/.exec(append)?.[1];
    expect(rateIn(line)).toBe(isEmulated ? '2000000' : undefined);
    const known = qemuArguments({ ...shape, tscKhz: 2_300_000 }, { kind: 'own' });
    expect(rateIn(valuesOf(known, '-append')[0])).toBe(isEmulated ? '2300000' : undefined);
    // What a template shares with its clones is the same memory on each.
    expect(valuesOf(qemuArguments(shape, { kind: 'clone' }), '-M')).toEqual([`${machine},memory-backend=ram0`]);
  });

  test('only a boot that becomes a template warms the page cache', () => {
    const line = (kind: 'own' | 'template'): string | undefined =>
      valuesOf(
        qemuArguments({ architecture: 'amd64', accelerator: 'tcg', memoryMiB: 512, cpus: 1 }, { kind }),
        '-append',
      )[0];
    expect(line('own')).not.toContain('rennet.warm');
    expect(line('template')).toContain('rennet.warm');
  });
});

describe('the jail', () => {
  const files = { kernel: '/k', initrd: '/i', base: '/b', input: '/in' };
  const options = {
    files,
    kvmGroup: undefined,
    addressSpaceMiB: 5000,
    fileBytes: 0,
    qemu: '/usr/bin/qemu-system-x86_64',
    joinFiles: [],
    lastDescriptor: 9,
  };

  test('root gives every slot a user of its own and takes all capabilities away', () => {
    const command = jailed({ ...options, uid: 1234 }, ['-x']);
    const drop = command.slice(command.lastIndexOf('/usr/bin/setpriv'));
    expect(drop).toEqual([
      '/usr/bin/setpriv',
      '--reuid=1234',
      '--regid=1234',
      '--clear-groups',
      '--bounding-set=-all',
      '--inh-caps=-all',
      '--no-new-privs',
      '--',
      options.qemu,
      '-x',
    ]);
    expect(command).not.toContain('--unshare-user');
  });

  test('a plain user gets a user namespace', () => {
    const command = jailed({ ...options, uid: undefined }, []);
    expect(command).toContain('--unshare-user');
    expect(command).not.toContain('--cap-add');
  });

  test('network, pid, ipc and uts are its own, it dies with its launcher, and nothing is mounted for writing', () => {
    const command = jailed({ ...options, uid: 1234, kvmGroup: 7 }, []);
    for (const flag of ['--unshare-net', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--die-with-parent'])
      expect(command).toContain(flag);
    expect(command.filter((it) => it === '--bind' || it === '--bind-try')).toEqual([]);
    expect(valuesOf(command, '--dev-bind')).toEqual(['/dev/kvm']);
    expect(valuesOf(jailed({ ...options, uid: 1234 }, []), '--dev-bind')).toEqual([]);
    expect(command).toContain('--fsize=0');
  });

  test("only a disk of the guest's own is mounted for writing, up to its size", () => {
    const command = jailed({ ...options, files: { ...files, root: '/slot/disk' }, fileBytes: 4096, uid: 1234 }, []);
    expect(valuesOf(command, '--bind')).toEqual(['/slot/disk']);
    expect(command).toContain('--fsize=4096');
  });
});
