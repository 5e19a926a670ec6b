import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Every place below the state folder, so that nobody builds such a path twice. Pure: nothing is created here. */
export interface StateFolder {
  readonly root: string;
  /** Format number of the folder; a newer one is refused. */
  readonly versionFile: string;
  /** The operator's hints; may be missing. */
  readonly hintsFile: string;
  /** The operator's settings; may be missing. */
  readonly settingsFile: string;
  readonly blobs: string;
  /** The published apt repository; readable for everyone. */
  readonly archive: string;
  /** One folder an attempt: log, kept packages; removed by age. */
  readonly attempts: string;
  /** Source packages that were asked for, a folder a suite. */
  readonly sources: string;
  readonly images: string;
  readonly templates: string;
  /** Index pages and downloads, by hash or address digest. */
  readonly cache: string;
  /** A private apt root for each target. */
  readonly apt: string;
  readonly postgres: string;
  /** gpg home of the signing key, mode 0700. */
  readonly keys: string;
  /** Sockets, pid files and locks. */
  readonly run: string;
  /** Memory file system for images in use, guests and spools; emptied by a reboot, found again by its name. */
  readonly memory: string;
}

/** Lays out a state folder. `root` is absolute. */
export function stateFolder(root: string): StateFolder {
  const name = createHash('sha256').update(root).digest('hex').slice(0, 12);
  return {
    root,
    versionFile: join(root, 'version'),
    hintsFile: join(root, 'hints.toml'),
    settingsFile: join(root, 'config.toml'),
    blobs: join(root, 'blobs'),
    archive: join(root, 'archive'),
    attempts: join(root, 'attempts'),
    sources: join(root, 'sources'),
    images: join(root, 'images'),
    templates: join(root, 'templates'),
    cache: join(root, 'cache'),
    apt: join(root, 'apt'),
    postgres: join(root, 'postgres'),
    keys: join(root, 'keys'),
    run: join(root, 'run'),
    memory: join('/dev/shm', `rennet-${name}`),
  };
}
