import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names a process so that a later look can tell whether it still lives: `host boot pid-namespace pid start`.
 * A pid alone is used again sooner or later; with the start time (clock ticks since boot, proc(5)) and the boot it is not.
 */
export function processOwner(pid: number = process.pid): string {
  return [hostId(), bootId(), pidNamespace(), pid, startTicks(pid) ?? '0'].join(' ');
}

/** False only when it is certain that the process is gone; what runs on other hosts or in other containers counts as living. */
export function ownerLives(owner: string): boolean {
  const [host, boot, namespace, pid, start] = owner.split(' ');
  if (host !== hostId()) return true;
  if (boot !== bootId()) return false;
  if (namespace !== pidNamespace()) return true;
  return startTicks(Number(pid)) === start;
}

/** Start time of a process, undefined when it is gone or only waits to be reaped. */
export function startTicks(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field is the program's name in parentheses and may hold anything, so count from the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
}

/** Folder of file-name parts `tmp-<pid>-<start>-<random>`: what a dead process left can be told from what is in use. */
export function temporaryName(): string {
  const random = Math.random().toString(36).slice(2, 10);
  return `tmp-${process.pid}-${startTicks(process.pid) ?? 0}-${random}`;
}

/** True for a name that `temporaryName` made (whatever stands before it) in a process that is gone. */
export function isAbandoned(name: string): boolean {
  const match = /tmp-(\d+)-(\d+)-[a-z0-9]+$/.exec(name);
  return match !== null && startTicks(Number(match[1])) !== match[2];
}

function hostId(): string {
  return (readOptional('/etc/machine-id') || hostname()).replaceAll(' ', '_');
}

/** Names this boot of the host's kernel. */
export function bootId(): string {
  return readOptional('/proc/sys/kernel/random/boot_id') || 'unknown';
}

function pidNamespace(): string {
  return readlinkSync('/proc/self/ns/pid');
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
