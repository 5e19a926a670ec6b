import { copyFile, mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { execa } from 'execa';
import { hostTarget } from '../../src/debian/apt-host.ts';
import { openAptRoot } from '../../src/debian/apt.ts';
import { machineState, testImages, testLists } from './images.ts';

/**
 * A disk as an operator makes one of a whole mirror (docs/operations.md): the indexes as the mirror serves them, compressed, and of the pool these
 * packages with all that they depend on. Returns the path of the squashfs file, below `folder`.
 */
export async function writeMirrorDisk(folder: string, packages: readonly string[]): Promise<string> {
  const { signal } = new AbortController();
  const [tree, path] = [join(folder, 'mirror'), join(folder, 'mirror.squashfs')];
  await testLists();
  const apt = await openAptRoot(await hostTarget(signal), machineState, signal);
  const options = { env: { APT_CONFIG: apt.configFile, LC_ALL: 'C.UTF-8' } };
  const fetch = async (address: string, to: string): Promise<void> => {
    await mkdir(dirname(to), { recursive: true });
    await execa('/usr/lib/apt/apt-helper', ['-o', 'APT::Sandbox::User=root', 'download-file', address, to], options);
  };
  const format = '$(REPO_URI)\t$(RELEASE)\t$(METAKEY)';
  const { stdout } = await execa('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], options);
  const repositories = new Set<string>();
  for (const line of stdout.split('\n')) {
    const [repository = '', release = '', metaKey = ''] = line.split('\t');
    repositories.add(repository);
    const [dists, served] = [join(tree, basename(repository), 'dists', release), `${repository}dists/${release}`];
    for (const name of ['InRelease', `${metaKey}.xz`]) await fetch(`${served}/${name}`, join(dists, name));
  }
  const images = await testImages(['disk']);
  const debs = await apt.closure(packages, images.build.dpkgStatus, signal);
  const files = await apt.fetch(debs, join(machineState.cache, 'debs'), () => {}, signal);
  for (const [index, { uri }] of debs.entries()) {
    const repository = [...repositories].find((one) => uri.startsWith(one)) ?? '';
    const place = join(tree, basename(repository), decodeURIComponent(uri.slice(repository.length)));
    await mkdir(dirname(place), { recursive: true });
    await copyFile(files[index] ?? '', place);
  }
  await execa('mksquashfs', [tree, path, '-quiet', '-no-progress', '-noI', '-noD', '-noF'], { stdin: 'ignore' });
  return path;
}
