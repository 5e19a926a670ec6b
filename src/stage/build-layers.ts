import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deb } from '../debian/apt.ts';
import type { Prerequisites } from '../model/machine.ts';
import { unpackWheel } from '../python/wheel-unpack.ts';
import { type AptOrder, layOutApt } from './apt-input.ts';
import type { BuildJob } from './build-job.ts';
import type { Choice } from './build-requirements.ts';
import { joinDebs, unpackDebs } from './deb-layers.ts';
import { writeStatusLayer } from './dpkg-status.ts';
import { copyTrees, ensureFolder } from './folders.ts';
import { type BuildRequirement, type DownloadClock, type StagePorts, timeDownload } from './ports.ts';

export interface LaidOutBuild {
  readonly layers: readonly string[];
  readonly apt: AptOrder | undefined;
  readonly offered: BuildJob['offered'];
  readonly buildRequirements: readonly BuildRequirement[];
}

type OfficialChoice = Extract<Choice, { by: 'official' }>;
type WheelChoice = Extract<Choice, { by: 'index' }>;

/**
 * Writes the layers of a build below `input`: one with all official packages (fewer layers, faster look-ups), one for each wheel of the
 * index above it, so that `usr/local` wins over the suite's version; and one for each project of `offer` that the suite has and the choices have not.
 * `packages` are further Debian packages, by name. Without `prerequisites` layers the official packages are left to apt-get in the guest; those
 * that a hook may ask for stay layers.
 */
export async function layOutBuild(
  choices: readonly Choice[],
  offer: readonly string[],
  packages: readonly string[],
  prerequisites: Prerequisites,
  input: string,
  ports: StagePorts,
  clock: DownloadClock,
  signal: AbortSignal,
): Promise<LaidOutBuild> {
  const official = choices.filter((choice): choice is OfficialChoice => choice.by === 'official');
  const wheels = choices.filter((choice): choice is WheelChoice => choice.by === 'index');
  const relations = [...official.map(({ dist }) => `${dist.package} (= ${dist.packageVersion})`), ...packages];
  const closure = await ports.apt.closure(relations, ports.images.build.dpkgStatus, signal);
  const layers: string[] = [];
  const apt =
    prerequisites !== 'layers' && closure.length > 0
      ? await layOutApt(closure, prerequisites, input, ports, clock, signal)
      : undefined;
  if (closure.length > 0 && apt === undefined)
    layers.push(await layOutDebs(closure, '00-official', input, ports, clock, signal, 'libraries'));
  for (const [index, wheel] of wheels.entries()) {
    const name = `layers/${50 + index}-${wheel.project}`;
    await copyTrees([await unpackedWheel(wheel, ports, signal)], join(input, name), signal);
    layers.push(name);
  }
  const chosen = new Set(choices.map(({ project }) => project));
  const offered: BuildJob['offered'][number][] = [];
  for (const project of offer.filter((name) => !chosen.has(name))) {
    const [dist] = ports.archive.dists(project);
    if (!dist) continue;
    const wanted = [...relations, `${dist.package} (= ${dist.packageVersion})`];
    const more = await ports.apt.closure(wanted, ports.images.build.dpkgStatus, signal);
    const fresh = more.filter((deb) => !closure.some((known) => known.sha256 === deb.sha256));
    const layer = await layOutDebs(fresh, `90-${dist.package}`, input, ports, clock, signal);
    offered.push({ project, version: dist.upstreamVersion, layers: [layer] });
  }
  return { layers, apt, offered, buildRequirements: provenance(official, wheels, closure) };
}

/** A wheel of the index as a root tree in the cache; its files are never compiled or run here. */
async function unpackedWheel(wheel: WheelChoice, ports: StagePorts, signal: AbortSignal): Promise<string> {
  const { python } = ports.archive.facts;
  const place = join(ports.cacheFolder, 'layers', `wheel-${wheel.sha256}-${python}`);
  await ensureFolder(
    place,
    async (scratch) => {
      await mkdir(join(scratch, 'tree'));
      await unpackWheel(wheel.path, join(scratch, 'tree'), { python, filename: wheel.filename }, signal);
    },
    signal,
  );
  return join(place, 'tree');
}

async function layOutDebs(
  debs: readonly Deb[],
  name: string,
  input: string,
  ports: StagePorts,
  clock: DownloadClock,
  signal: AbortSignal,
  told?: 'libraries',
): Promise<string> {
  const folder = join(ports.cacheFolder, 'debs');
  const paths = await timeDownload(clock, () => ports.apt.fetch(debs, folder, ports.progress, signal));
  const unpacked = await unpackDebs(debs, paths, ports.cacheFolder, ports.archive.facts.python, signal);
  await joinDebs(unpacked, join(input, 'layers', name), signal);
  // An extension may link to what is new here; dpkg-shlibdeps then asks dpkg whose it is.
  if (told !== undefined) await writeStatusLayer(ports.images.build.dpkgStatus, unpacked, join(input, 'layers', name));
  return `layers/${name}`;
}

/** What was declared, then what came along with it. */
function provenance(
  official: readonly OfficialChoice[],
  wheels: readonly WheelChoice[],
  closure: readonly Deb[],
): BuildRequirement[] {
  const declared = official.map(({ requirement, dist }): BuildRequirement => {
    const deb = closure.find((entry) => entry.package === dist.package);
    return {
      requirement,
      by: 'official',
      name: dist.package,
      version: dist.packageVersion,
      sha256: deb?.sha256 ?? '',
      filename: deb?.filename ?? '',
    };
  });
  const names = new Set(declared.map(({ name }) => name));
  const along = closure
    .filter((deb) => !names.has(deb.package))
    .map(
      (deb): BuildRequirement => ({
        requirement: '',
        by: 'official',
        name: deb.package,
        version: deb.version,
        sha256: deb.sha256,
        filename: deb.filename,
      }),
    );
  const fromIndex = wheels.map(
    ({ requirement, project, version, sha256, filename }): BuildRequirement => ({
      requirement,
      by: 'index',
      name: project,
      version,
      sha256,
      filename,
    }),
  );
  return [...declared, ...along, ...fromIndex];
}
