import { execa } from 'execa';
import { symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RennetError } from '../model/errors.ts';
import { withScratch } from './scratch.ts';

/** Where the key lies; both are made by gpg on first use. */
export interface KeyFolder {
  readonly privateKeys: string;
  readonly keyring: string;
}

/** A longer path leaves no room for the agent's socket below it (108 bytes, unix(7)). */
const MAX_PARENT_BYTES = 50;
const COMMON = '--batch --no-options --no-tty --quiet --pinentry-mode loopback --passphrase'
  .split(' ')
  .concat('', ['--no-default-keyring', '--trust-model', 'always', '--no-auto-check-trustdb']);

/**
 * Runs gpg once and gives its standard output. gpg signs only through its agent, so each run has a homedir of its own, with the
 * private keys linked in, and an agent that ends with the run: started as `gpg-agent --daemon gpg …`, it watches that
 * process and goes a few seconds after it, even when all of us are killed; normally it is ended here at once.
 * Errors: `signing-failed` with gpg's own words; `missing-tool`; `cancelled` on abort.
 */
export async function runGpg(
  keys: KeyFolder,
  parameters: readonly string[],
  input: string,
  signal?: AbortSignal,
): Promise<string> {
  const parent = Buffer.byteLength(tmpdir()) > MAX_PARENT_BYTES ? '/tmp' : tmpdir();
  return await withScratch(parent, 'rennet-gpg', async (home) => {
    const environment = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C.UTF-8', GNUPGHOME: home };
    await symlink(keys.privateKeys, join(home, 'private-keys-v1.d'));
    try {
      const { stdout } = await execa(
        'gpg-agent',
        ['--quiet', '--daemon', '--', 'gpg', ...COMMON, '--keyring', keys.keyring, ...parameters],
        {
          input,
          env: environment,
          extendEnv: false,
          stripFinalNewline: false,
          ...(signal && { cancelSignal: signal }),
        },
      );
      return stdout;
    } catch (error) {
      throw gpgError(error);
    } finally {
      await execa('gpgconf', ['--kill', 'gpg-agent'], { env: environment, extendEnv: false, reject: false });
    }
  });
}

function gpgError(error: unknown): RennetError {
  const { code, isCanceled, stderr } = error as { code?: string; isCanceled?: boolean; stderr?: string };
  if (isCanceled) return new RennetError('cancelled', 'Signing was cancelled.', '', { cause: error });
  if (code === 'ENOENT')
    return new RennetError('missing-tool', 'GnuPG could not be started.', 'apt-get install gnupg', { cause: error });
  const words = (stderr ?? String(error))
    .split('\n')
    .filter((line) => line.startsWith('gpg: '))
    .slice(0, 3)
    .join(' ');
  return new RennetError('signing-failed', `gpg could not sign the archive: ${words || 'it gave no reason'}.`, '', {
    cause: error,
  });
}
