import { mkdir, open, readFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import type { StateFolder } from '../model/state.ts';
import { syncFolder } from '../host/files.ts';
import { writeDurably } from './durable.ts';
import { type KeyFolder, runGpg } from './gpg.ts';
import { withScratch } from './scratch.ts';

export interface SigningKey {
  /** 40 upper-case hex digits. */
  readonly fingerprint: string;
  /** The public key in ASCII armour, readable for everyone: apt's Signed-By. */
  readonly publicKeyFile: string;
}

/**
 * Gives the archive's key; makes it on first use. ed25519: apt of every suite from bookworm on takes it, and it is
 * made in milliseconds. It never expires: an expired key would break every subscriber at once.
 * The key folder appears complete or not at all, so that a kill in between leaves no half key.
 * Errors: `signing-failed` where the key folder is damaged: a new key in its place would break every subscriber.
 */
export async function ensureSigningKey(state: StateFolder, signal?: AbortSignal): Promise<SigningKey> {
  const folder = keyFolder(state);
  if (!(await readKeyFile(folder, 'fingerprint'))) await makeKey(state, signal);
  const fingerprint = await readKeyFile(folder, 'fingerprint');
  const publicKey = await readKeyFile(folder, 'public.asc');
  if (!fingerprint || !/^[0-9A-F]{40}\n$/.test(fingerprint) || !publicKey) {
    throw new RennetError(
      'signing-failed',
      `The signing key in ${folder} is damaged.`,
      'Bring the folder back from a backup; or remove it, and every machine that uses the archive needs the new key.',
    );
  }
  const publicKeyFile = publicKeyPath(state);
  const published = await readFile(publicKeyFile, 'utf8').catch(() => '');
  if (published !== publicKey) await writeDurably(publicKeyFile, publicKey);
  return { fingerprint: fingerprint.trim(), publicKeyFile };
}

export function publicKeyPath(state: StateFolder): string {
  return join(state.archive, 'rennet.asc');
}

/** The text with an inline signature (InRelease). Errors: `signing-failed`, `missing-tool`, `cancelled`. */
export async function clearSign(
  state: StateFolder,
  key: SigningKey,
  text: string,
  signal?: AbortSignal,
): Promise<string> {
  const parameters = ['--digest-algo', 'SHA512', '--local-user', key.fingerprint, '--armor', '--clearsign'];
  return await runGpg(partsOf(keyFolder(state)), parameters, text, signal);
}

async function makeKey(state: StateFolder, signal?: AbortSignal): Promise<void> {
  await mkdir(state.keys, { recursive: true, mode: 0o700 });
  await withScratch(state.keys, 'new', async (fresh) => {
    await generate(fresh, signal);
    await syncTree(fresh);
    await rename(fresh, keyFolder(state)).catch((error: NodeJS.ErrnoException) => {
      // Another process was first: its key is the key.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    await syncFolder(state.keys);
  });
}

async function generate(folder: string, signal?: AbortSignal): Promise<void> {
  const parts = partsOf(folder);
  const gpg = async (...parameters: string[]): Promise<string> => await runGpg(parts, parameters, '', signal);
  await mkdir(parts.privateKeys, { mode: 0o700 });
  const identity = 'Rennet archive signing key <rennet@localhost>';
  await gpg('--cert-digest-algo', 'SHA512', '--quick-generate-key', identity, 'ed25519', 'sign', 'never');
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(await gpg('--with-colons', '--fingerprint', '--list-keys'))?.[1];
  if (!fingerprint) throw new RennetError('signing-failed', 'gpg made a key but does not name it.');
  await writePrivate(join(folder, 'public.asc'), await gpg('--armor', '--export', fingerprint));
  await writePrivate(join(folder, 'fingerprint'), `${fingerprint}\n`);
}

function keyFolder(state: StateFolder): string {
  return join(state.keys, 'archive');
}

function partsOf(folder: string): KeyFolder {
  return { privateKeys: join(folder, 'private-keys-v1.d'), keyring: join(folder, 'pubring.kbx') };
}

async function readKeyFile(folder: string, name: string): Promise<string | undefined> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writePrivate(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await file.writeFile(text);
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    await syncFolder(join(entry.parentPath, entry.name));
  }
  await syncFolder(folder);
}
