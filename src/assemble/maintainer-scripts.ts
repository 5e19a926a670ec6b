/**
 * The same text in every package: dpkg says which package it is, so nothing of the package's own stands in a script.
 * `-I -S` keeps `.pth` files, `sitecustomize` and the environment out of a Python that runs as root; a file that does
 * not compile (templates, other dialects) must not fail the installation.
 */
const POSTINST = `#!/bin/sh
set -e
if [ "$1" = configure ] && [ -x /usr/bin/python3 ]; then
  dpkg -L "$DPKG_MAINTSCRIPT_PACKAGE" |
    grep -a '^/usr/lib/python3/dist-packages/.*[.]py$' |
    /usr/bin/python3 -I -S -m compileall -q -i - >/dev/null 2>&1 || true
fi
`;

/** Takes away only what belongs to this package's own modules: single modules of all packages share one __pycache__. */
const PRERM = `#!/bin/sh
set -e
dpkg -L "$DPKG_MAINTSCRIPT_PACKAGE" |
  grep -a '^/usr/lib/python3/dist-packages/.*[.]py$' |
  while IFS= read -r module; do
    cache="\${module%/*}/__pycache__"
    name="\${module##*/}"
    rm -f "$cache/\${name%.py}".cpython-*.pyc || true
    rmdir "$cache" 2>/dev/null || true
  done || true
`;

/** Maintainer scripts of a package; none where it has no Python module to compile. */
export function maintainerScripts(paths: readonly string[]): { postinst?: string; prerm?: string } {
  const compiles = paths.some((path) => path.startsWith('/usr/lib/python3/dist-packages/') && path.endsWith('.py'));
  return compiles ? { postinst: POSTINST, prerm: PRERM } : {};
}
