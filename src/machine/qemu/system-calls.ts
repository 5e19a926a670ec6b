import { arch } from 'node:process';
import calls from '../../../guest/refused-calls.json' with { type: 'json' };

/** What a program may not call, made for bubblewrap's `--seccomp`; instructions of linux/filter.h, on struct seccomp_data (seccomp(2)). */
const MACHINES: Partial<Record<string, typeof calls.x86_64>> = { x64: calls.x86_64, arm64: calls.aarch64 };
/** Operations on 32 bits. */
const [LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN] = [0x20, 0x15, 0x35, 0x45, 0x06];
/** Offsets in struct seccomp_data. */
const [NUMBER, ARCHITECTURE, FIRST_ARGUMENT] = [0, 4, 16];
const ALLOW = 0x7fff0000;
/** EPERM. */
const REFUSE = 0x00050001;
/** ENOSYS: libc then takes the older call, whose flags a filter can see. */
const UNKNOWN = 0x00050026;
const FIRST_X32 = 0x40000000;
const CLONE3 = 435;
const CLONE_NEWUSER = 0x10000000;

/**
 * The filter of QEMU's jail, beside QEMU's own: mounts, namespaces, keys of the host's keyrings, bpf, perf, userfaultfd, io_uring, modules, ptrace answer EPERM
 * (guest/refused-calls.json, guest/seccomp.py). undefined on a processor without a list. Pure.
 */
export function systemCallFilter(processor: string = arch): Buffer | undefined {
  const machine = MACHINES[processor];
  if (machine === undefined) return undefined;
  const refused = [...Object.values(machine.refused), ...Object.values(calls.every)];
  // Operation, jump if true, jump if false, operand.
  const lines: [number, number, number, number][] = [
    [LOAD, 0, 0, ARCHITECTURE],
    [EQUAL, 1, 0, machine.audit],
    [RETURN, 0, 0, REFUSE],
    [LOAD, 0, 0, NUMBER],
    [AT_LEAST, 0, 1, FIRST_X32],
    [RETURN, 0, 0, REFUSE],
    [EQUAL, 0, 1, CLONE3],
    [RETURN, 0, 0, UNKNOWN],
    ...refused.flatMap((number): [number, number, number, number][] => [
      [EQUAL, 0, 1, number],
      [RETURN, 0, 0, REFUSE],
    ]),
    [EQUAL, 0, 3, machine.clone],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    [ANY_BIT, 0, 1, CLONE_NEWUSER],
    [RETURN, 0, 0, REFUSE],
    [RETURN, 0, 0, ALLOW],
  ];
  return Buffer.concat(lines.map(instruction));
}

/** struct sock_filter, little-endian as both processors are. */
function instruction([operation, ifTrue, ifFalse, operand]: readonly [number, number, number, number]): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(operation, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(operand, 4);
  return bytes;
}
