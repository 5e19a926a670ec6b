import { RennetError } from '../../../src/model/errors.ts';
import type { IndexSettings } from '../../../src/python/settings.ts';

/** What pip in the clean root is given of the operator's settings. */
export interface PipEnvironment {
  readonly env: Readonly<Record<string, string>>;
  /** Certificates of the host, to appear in the place where Debian has them. */
  readonly certificates: string;
}

const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const PROXIES = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/**
 * The settings for pip in the clean root: index, certificates, proxy, time-out; never find-links, extra indexes or files of the host. Upload code could
 * read a password from them, so settings with one are refused: RennetError `bad-usage`. Pure.
 */
export function pipEnvironment(
  settings: IndexSettings,
  hostEnv: Readonly<Record<string, string | undefined>>,
): PipEnvironment {
  const proxies = Object.fromEntries(
    PROXIES.flatMap((name) => {
      const value = /^no/i.test(name) ? hostEnv[name] : (settings.proxy ?? hostEnv[name]);
      return value === undefined || value === '' ? [] : [[name, value]];
    }),
  );
  const secret = settings.credentials !== undefined || Object.values(proxies).some((value) => value.includes('@'));
  if (secret)
    throw new RennetError(
      'bad-usage',
      'The reference run of pip executes upload code, which could read the password of the index or the proxy.',
      'Name an index without a password for this run: PIP_INDEX_URL=… rennet bench corpus …',
    );
  return {
    certificates: settings.cert ?? CERTIFICATES,
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: '/work/home',
      TMPDIR: '/work/tmp',
      USER: 'pip',
      LANG: 'C.UTF-8',
      PIP_INDEX_URL: `${settings.indexUrl}/`,
      PIP_CACHE_DIR: '/cache/pip',
      PIP_CERT: CERTIFICATES,
      PIP_CONFIG_FILE: '/dev/null',
      PIP_DEFAULT_TIMEOUT: `${Math.ceil(settings.timeoutMs / 1000)}`,
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
      PIP_NO_INPUT: '1',
      PIP_PROGRESS_BAR: 'off',
      REQUESTS_CA_BUNDLE: CERTIFICATES,
      SSL_CERT_FILE: CERTIFICATES,
      ...proxies,
    },
  };
}
