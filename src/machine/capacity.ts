/** What a host has for guests; MiB. */
export interface HostFacts {
  readonly cpus: number;
  /** Memory that could be had now without swapping. */
  readonly availableMiB: number;
  /** Room in the memory file system that input disks lie in; it is memory too. */
  readonly tmpfsMiB: number;
}

/** What a guest may take at worst: all of its memory touched. MiB. */
export interface GuestNeeds {
  readonly cpus: number;
  /** The guest's own memory. */
  readonly memoryMiB: number;
  /** QEMU itself. */
  readonly machineMiB: number;
  /** Its files in the memory file system: input disk, disk of its own. */
  readonly tmpfsMiB: number;
}

/** A living or coming guest, as the others on this host see it. */
export interface Claim {
  /** Worst case, MiB: its memory, QEMU, its files in memory. */
  readonly memoryMiB: number;
  /** What it has taken of that already, and what is therefore not to be had any more. */
  readonly takenMiB: number;
  /** The template that it is a clone of, and what that may grow by: pages that nobody touched yet are filled in it first, once for all clones. */
  readonly template?: { readonly key: string; readonly growthMiB: number };
}

export interface Capacity {
  /** How many guests fit at once; 0 where not even one does. */
  readonly guests: number;
  readonly boundBy: Resource;
  readonly fits: Readonly<Record<Resource, number>>;
  /** How many to run where nobody says otherwise: fewer where the host's own part of the work would wait for processors. */
  readonly advised: number;
  /** The sum in words. */
  readonly sentence: string;
}

type Resource = 'memory' | 'processors' | 'memory folder';

/** For Rennet itself, the database, the keeper, and what else the host does meanwhile. */
export const HOST_RESERVE_MIB = 1024;
/** QEMU's own memory and pages of the kernel, measured: 774 MiB for a guest of 768 that wrote nearly all, 45 for one that idles. */
export const MACHINE_MIB = 384;
/** An input disk of a build with its layers; most have 5 to 40 MiB. The real one is counted when it is written. */
export const INPUT_MIB = 128;

/** The disk of a build image, of which `--reset copy` makes a copy for each guest, measured: 432 MiB. */
export const IMAGE_DISK_MIB = 512;

/**
 * How many guests a host runs at once without overcommitting: each may touch all of its memory, and the templates that they are clones of may
 * be filled up to their full size, once each. Pure; docs/decisions/0017-capacity.md has the reasons.
 */
export function planCapacity(host: HostFacts, guest: GuestNeeds, templatesMiB: number): Capacity {
  const each = guest.memoryMiB + guest.machineMiB + guest.tmpfsMiB;
  const forGuests = host.availableMiB - HOST_RESERVE_MIB - templatesMiB;
  const fits = {
    memory: times(forGuests, each),
    processors: times(host.cpus, guest.cpus),
    'memory folder': times(host.tmpfsMiB, guest.tmpfsMiB),
  };
  const order: readonly Resource[] = ['memory', 'memory folder', 'processors'];
  const boundBy = order.reduce((least, it) => (fits[it] < fits[least] ? it : least));
  const guests = fits[boundBy];
  // The host stages, admits and assembles beside its guests: a sixth of the processors is for that.
  const advised = Math.min(guests, Math.max(1, times((host.cpus * 5) / 6, guest.cpus)));
  const sum =
    `memory: ${host.availableMiB} MiB available - ${HOST_RESERVE_MIB} for the host - ${templatesMiB} for templates = ` +
    `${Math.max(0, forGuests)}, by ${guest.memoryMiB} + ${guest.machineMiB} (QEMU) + ${guest.tmpfsMiB} (disks in memory) a guest: ${fits.memory}; ` +
    `processors: ${host.cpus} by ${guest.cpus}: ${fits.processors}; ` +
    `memory folder: ${host.tmpfsMiB} MiB by ${guest.tmpfsMiB}: ${fits['memory folder']}`;
  const sentence = `${guests} guests of ${guest.memoryMiB} MiB at once, bounded by ${boundBy} (${sum})`;
  return { guests, boundBy, fits, advised, sentence };
}

/** How much memory is missing, MiB, for one more guest beside those that live and may still take what they claim; 0 or less: it fits. Pure. */
export function missingMiB(availableMiB: number, living: readonly Claim[], wanted: Claim): number {
  const all = [...living, wanted];
  const growth = new Map<string, number>();
  for (const { template } of all)
    if (template !== undefined) growth.set(template.key, Math.max(template.growthMiB, growth.get(template.key) ?? 0));
  const coming = all.reduce((sum, claim) => sum + Math.max(0, claim.memoryMiB - claim.takenMiB), 0);
  const templates = [...growth.values()].reduce((sum, mib) => sum + mib, 0);
  return HOST_RESERVE_MIB + coming + templates - availableMiB;
}

function times(whole: number, part: number): number {
  return part <= 0 ? Number.MAX_SAFE_INTEGER : Math.max(0, Math.floor(whole / part));
}
