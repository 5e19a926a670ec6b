import { describe, expect, it } from 'vitest';
import { filesFor, rankOwners } from './development.ts';

const BOOKWORM: readonly (readonly [string, string])[] = [
  ['/usr/include/zlib.h', 'zlib1g-dev'],
  ['/usr/include/android/zlib.h', 'android-libz-dev'],
  ['/usr/include/mariadb/mysql.h', 'libmariadb-dev'],
  ['/usr/include/odd/mysql.h', 'libodd-dev'],
  ['/usr/include/x86_64-linux-gnu/curl/curl.h', 'libcurl4-openssl-dev'],
  ['/usr/include/x86_64-linux-gnu/curl/curl.h', 'libcurl4-gnutls-dev'],
  ['/usr/include/wolf/curl/curl.h', 'libwolf-dev'],
  ['/usr/include/gmp.h', 'libgmp-doc'],
  ['/usr/include/gmp.h', 'lib32gmp-dev'],
  ['/usr/bin/pg_config', 'postgresql-common'],
  ['/usr/bin/pg_config', 'libpq-dev'],
  ['/usr/bin/go', 'gccgo-go'],
  ['/usr/bin/cmake', 'cmake'],
  ['/usr/bin/cmake', 'cmake-of-others'],
  ['/usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc', 'zlib1g-dev'],
  ['/usr/share/pkgconfig/eigen3.pc', 'libeigen3-dev'],
  ['/usr/share/eigen3/cmake/Eigen3Config.cmake', 'libeigen3-dev'],
  ['/usr/lib/x86_64-linux-gnu/blas/libblas.so', 'libblas-dev'],
  ['/usr/lib/x86_64-linux-gnu/libz.so', 'zlib1g-dev'],
  ['/usr/lib/gcc/libz.so', 'odd'],
  ['/usr/lib/x86_64-linux-gnu/liblapack.so', 'libatlas-base-dev'],
  ['/usr/lib/x86_64-linux-gnu/liblapack.so', 'liblapack64-dev'],
  ['/usr/lib/x86_64-linux-gnu/liblapack.so', 'liblapack3-dev'],
  ['/usr/lib/python3/dist-packages/numpy/core/include/numpy/arrayobject.h', 'python3-numpy'],
];
const files = BOOKWORM.map(([path, name]) => ({ path, package: name }));
const tells = (name: string) => name === 'libmariadb-dev' || name === 'libwolf-dev';

describe('rankOwners', () => {
  it.each([
    ['header', 'zlib.h', [['zlib1g-dev']]],
    ['header', 'mysql.h', [['libmariadb-dev']]],
    ['header', 'curl/curl.h', [['libcurl4-gnutls-dev', 'libcurl4-openssl-dev'], ['libwolf-dev']]],
    ['header', 'gmp.h', []],
    ['header', 'numpy/arrayobject.h', [['python3-numpy']]],
    ['header', '../../etc/passwd', []],
    ['program', 'pg_config', [['libpq-dev'], ['postgresql-common']]],
    ['program', 'go', [['gccgo-go']]],
    ['program', 'cmake', [['cmake'], ['cmake-of-others']]],
    ['pkg-config', 'zlib', [['zlib1g-dev']]],
    ['pkg-config', 'eigen3', [['libeigen3-dev']]],
    ['component', 'Eigen3', [['libeigen3-dev']]],
    ['component', 'ZLIB', [['zlib1g-dev']]],
    ['component', 'Threads', []],
    ['library', 'blas', [['libblas-dev']]],
    ['library', 'z', [['zlib1g-dev'], ['odd']]],
    ['library', 'nothing', []],
    ['library', 'lapack', [['liblapack3-dev'], ['libatlas-base-dev']]],
    ['module', 'numpy', []],
  ] as const)('%s %s', (kind, name, groups) => {
    expect(rankOwners({ kind, name }, files, tells)).toEqual(groups);
  });
});

it('asks for no path that leads elsewhere', () => {
  for (const name of ['', '/etc/passwd', 'a b', 'a\nb', '..', 'a/../b', 'x'.repeat(400)])
    expect(filesFor({ kind: 'header', name })).toEqual([]);
});
