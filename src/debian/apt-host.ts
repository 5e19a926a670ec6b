import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import { type Architecture, isArchitecture, type Target } from '../model/target.ts';
import { runApt } from './apt-run.ts';
import { type HostRelease, parseSources, type SourceEntry } from './apt-sources.ts';

/** `apt-config dump Acquire` of the host: proxy, certificates, date checks. */
export async function dumpHostConfig(signal: AbortSignal): Promise<string> {
  return (await runApt('apt-config', ['dump', 'Acquire'], {}, signal)).stdout;
}

/** Every enabled `deb` entry of the host's sources.list and sources.list.d, in apt's order. */
export async function readHostSources(signal: AbortSignal): Promise<SourceEntry[]> {
  const places = await runApt(
    'apt-config',
    ['shell', 'list', 'Dir::Etc::sourcelist/f', 'parts', 'Dir::Etc::sourceparts/d'],
    {},
    signal,
  );
  const placeOf = (name: string): string => new RegExp(`^${name}='(.*)'$`, 'm').exec(places.stdout)?.[1] ?? '';
  const partsFolder = placeOf('parts');
  const parts = (await readdir(partsFolder).catch(() => []))
    .filter((name) => /^[\w.+-]+\.(?:list|sources)$/.test(name))
    .toSorted()
    .map((name) => join(partsFolder, name));
  const entries: SourceEntry[] = [];
  for (const path of [placeOf('list'), ...parts]) {
    const text = await readFile(path, 'utf8').catch(() => '');
    entries.push(...parseSources(path, text));
  }
  return entries;
}

/** Distribution and codename of this host. RennetError `bad-target` on anything but Debian and Ubuntu. */
export async function hostRelease(osRelease = '/etc/os-release'): Promise<HostRelease> {
  const text = await readFile(osRelease, 'utf8').catch(() => '');
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  const id = field('ID');
  const codename = field('VERSION_CODENAME');
  if ((id === 'debian' || id === 'ubuntu') && /^[a-z]+$/.test(codename)) return { family: id, codename };
  throw new RennetError(
    'bad-target',
    `This host is neither Debian nor Ubuntu (${id === '' ? 'no /etc/os-release' : id}); Rennet takes mirror and keys from the host's apt.`,
  );
}

/** The host's own suite and architecture: what is built for where nobody says otherwise. RennetError `bad-target`. */
export async function hostTarget(signal: AbortSignal): Promise<Target> {
  const [{ codename }, architecture] = await Promise.all([hostRelease(), hostArchitecture(signal)]);
  // Debian's unstable calls itself by the codename of testing; its sources tell which of the two it is.
  const entries = await readHostSources(signal);
  const suites = new Set(entries.flatMap((entry) => entry.suites));
  const onSid = !suites.has(codename) && (suites.has('sid') || suites.has('unstable'));
  return { suite: onSid ? 'sid' : codename, architecture };
}

/** What apt installs for on this host. RennetError `bad-target`. */
export async function hostArchitecture(signal: AbortSignal): Promise<Architecture> {
  const shell = await runApt('apt-config', ['shell', 'arch', 'APT::Architecture'], {}, signal);
  const architecture = /^arch='(.*)'$/m.exec(shell.stdout)?.[1] ?? '';
  if (isArchitecture(architecture)) return architecture;
  throw new RennetError('bad-target', `Rennet does not know this host's architecture ${architecture}.`);
}
