import type { Architecture } from '../model/target.ts';

/** The compatibility tags of a wheel's file name (PEP 425), each compressed set taken apart. */
export interface WheelTags {
  /** PEP 427 build tag, such as `1` or `2_local`. */
  readonly build?: string;
  readonly python: readonly string[];
  readonly abi: readonly string[];
  readonly platform: readonly string[];
}

/** Where a wheel shall run: CPython on Linux with the GNU C library. */
export interface WheelPlace {
  /** `3.11` */
  readonly python: string;
  readonly architecture: Architecture;
  /** Version of the C library, `2.36`; wheels for a newer one do not fit. */
  readonly glibc: string;
}

const MACHINES: Readonly<Record<Architecture, string>> = { amd64: 'x86_64', arm64: 'aarch64', i386: 'i686' };

/** PEP 513, 571, 599: the old names of PEP 600's manylinux_2_X. */
const OLD_MANYLINUX: Readonly<Record<string, number>> = { manylinux1: 5, manylinux2010: 12, manylinux2014: 17 };

/** True where the wheel holds nothing compiled for one platform or one ABI, whichever Python it is for. */
export function isPlatformFree({ abi, platform }: WheelTags): boolean {
  return abi.every((tag) => tag === 'none') && platform.every((tag) => tag === 'any');
}

/** True where the wheel runs on any Python 3 and any platform. Wheels for one Python 3 version (`py38`) count too: see `wheelFits`. */
export function isPureWheel(tags: WheelTags): boolean {
  return isPlatformFree(tags) && tags.python.some((tag) => /^py3[0-9]*$/.test(tag));
}

/** Whether a wheel may be unpacked for the place: one of its tag combinations is among those that pip would accept there. */
export function wheelFits(tags: WheelTags, place: WheelPlace): boolean {
  return tags.platform.some(
    (platform) =>
      platformFits(platform, place) &&
      tags.python.some((python) => tags.abi.some((abi) => interpreterFits(python, abi, platform, place))),
  );
}

function platformFits(platform: string, { architecture, glibc }: WheelPlace): boolean {
  if (platform === 'any') return true;
  const machine = MACHINES[architecture];
  if (!platform.endsWith(`_${machine}`)) return false;
  const base = platform.slice(0, -machine.length - 1);
  if (base === 'linux') return true;
  const minor = OLD_MANYLINUX[base] ?? Number(/^manylinux_2_([0-9]{1,3})$/.exec(base)?.[1] ?? Number.NaN);
  // PEP 600 begins at 2.5 on x86 and at 2.17 elsewhere.
  return minor >= (architecture === 'arm64' ? 17 : 5) && minor <= Number(glibc.split('.')[1]);
}

function interpreterFits(python: string, abi: string, platform: string, place: WheelPlace): boolean {
  const [, kind, minorText] = /^(py|cp)3([0-9]*)$/.exec(python) ?? [];
  if (kind === undefined || minorText === undefined) return false;
  const target = Number(place.python.split('.')[1]);
  const minor = minorText === '' ? undefined : Number(minorText);
  if (kind === 'py') return abi === 'none' && (minor === undefined || minor <= target);
  if (minor === undefined) return false;
  if (abi === 'abi3') return minor >= 2 && minor <= target && platform !== 'any';
  return minor === target && (abi === 'none' || (abi === python && platform !== 'any'));
}
