import type { JailFindings } from '../machine/qemu/jail-probe.ts';
import type { Finding } from './finding.ts';

type Inside = Exclude<JailFindings['inside'], string>;
/** One layer: whether it holds here, and by what that was seen or why it is missing. */
type Layer = readonly [name: string, on: boolean, sentence: string, mend?: string | undefined];

/** What a root of the jail may show; anything else there would be the host's. */
const ROOT = new Set(['base.ext4', 'dev', 'initrd', 'input.squashfs', 'kernel', 'lib', 'lib64', 'proc', 'usr']);

/** Each layer of the jail around QEMU as a finding: on or off, with the reason (MACHINES, "The jail around QEMU"). Pure. */
export function jailLayers(found: JailFindings): Finding[] {
  const { inside } = found;
  if (typeof inside === 'string')
    return [
      {
        what: 'jail',
        state: 'bad',
        on: false,
        sentence: `QEMU's jail does not start here, so that no guest does: ${inside}`,
        mend: 'as root nothing of it needs user namespaces; in a container allow them, or run on the host',
      },
    ];
  return [...processLayers(inside, found), ...placeLayers(inside, found), ...outerLayers(inside, found)].map(
    ([name, on, sentence, mend]): Finding => ({
      what: `jail: ${name}`,
      state: on ? 'good' : 'limited',
      on,
      sentence: `${on ? 'on' : 'off'}: ${sentence}`,
      ...(mend === undefined ? {} : { mend }),
    }),
  );
}

function processLayers(inside: Inside, { slotUid, outside }: JailFindings): Layer[] {
  const held = Object.entries(inside.capabilities).filter(([name, bits]) => name !== 'CapBnd' && bits !== 0);
  const isBounded = inside.capabilities['CapBnd'] === 0 || inside.noNewPrivileges;
  const isOwn = slotUid !== undefined && inside.uid === slotUid && inside.gid === slotUid && !inside.becomesRoot;
  const isOwnSpace = inside.namespaces['user'] !== outside['user'];
  return [
    [
      'own user',
      isOwn,
      isOwn
        ? `QEMU is user ${inside.uid}, which no other guest and nobody else is`
        : `an ordinary user has no other users to give: QEMU is user ${inside.uid}${isOwnSpace ? ', in a user namespace of its own that knows nobody else' : ''}`,
    ],
    [
      'no capabilities',
      held.length === 0 && isBounded,
      held.length > 0
        ? `QEMU holds some: ${held.map(([name]) => name).join(', ')}`
        : isBounded
          ? 'all sets that QEMU holds are empty, and it can gain none'
          : 'none are held, but some could be gained',
    ],
    ['no new privileges', inside.noNewPrivileges, 'what QEMU may do never grows, whatever it starts'],
  ];
}

function placeLayers(inside: Inside, { outside }: JailFindings): Layer[] {
  const own = (...names: readonly string[]) => names.filter((name) => inside.namespaces[name] !== outside[name]);
  const wanted = ['mnt', 'pid', 'ipc', 'uts'];
  const shared = wanted.filter((name) => !own(...wanted).includes(name));
  const others = inside.interfaces.filter((name) => name !== 'lo');
  const strange = inside.root.filter((name) => !ROOT.has(name));
  const isEmpty = own('net').length === 1 && others.length === 0;
  return [
    [
      'no network',
      isEmpty,
      isEmpty
        ? 'a network namespace of its own with nothing but a loopback device that is down'
        : `QEMU sees ${inside.interfaces.join(', ')}`,
    ],
    [
      'namespaces',
      shared.length === 0 && inside.processes <= 3,
      shared.length === 0
        ? `own mounts, processes (${inside.processes} are seen), System V memory and host name`
        : `shared with the host: ${shared.join(', ')}`,
    ],
    [
      'root file system',
      strange.length === 0 && inside.writable.length === 0,
      strange.length > 0 || inside.writable.length > 0
        ? `more than QEMU needs: ${[...strange, ...inside.writable.map((path) => `${path} can be written`)].join(', ')}`
        : 'only QEMU, its libraries, firmware and the files of its guest are seen, and none can be written',
    ],
    [
      'rlimits',
      Object.values(inside.limits).every((limit) => limit !== 'unlimited' && limit !== ''),
      Object.entries(inside.limits)
        .map(([name, limit]) => `${name} ${limit}`)
        .join(', '),
    ],
  ];
}

function outerLayers({ filtered }: Inside, { sandbox, cgroup, unsealed }: JailFindings): Layer[] {
  const isSealed = typeof unsealed !== 'string' && unsealed.length === 0;
  const own = filtered
    ? "the jail's own filter, with the host's keyrings in it"
    : 'no filter of the jail on this processor';
  return [
    [
      'system calls',
      sandbox === true && filtered,
      sandbox === true
        ? `QEMU's own filter, with all four denials, and ${own}`
        : sandbox === false
          ? 'QEMU starts with its filter and the kernel shows none'
          : `QEMU does not start with its filter: ${sandbox}`,
      sandbox === true ? undefined : "use Debian's own QEMU packages, which have it",
    ],
    [
      'control group',
      cgroup.version !== 'none',
      cgroup.version === 'none'
        ? `${cgroup.sentence}; memory is bounded by the address space only`
        : `${cgroup.sentence}, for each guest`,
    ],
    [
      'sealed template',
      isSealed,
      isSealed
        ? "a template's memory cannot be changed by any way that a clone's QEMU has"
        : typeof unsealed === 'string'
          ? `it could not be tried: ${unsealed}`
          : `it can be changed: ${unsealed.join(', ')}`,
    ],
  ];
}
