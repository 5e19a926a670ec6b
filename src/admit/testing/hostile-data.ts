import { DATA, file, type HostileWheel, INFO } from './hostile-wheel.ts';

/** Data files that other packages or programs would take for theirs. */
export const HOSTILE_DATA: readonly HostileWheel[] = [
  { rule: 'data-place', trick: 'a library', members: [file(`${DATA}/data/lib/libcurd.so`)] },
  { rule: 'data-place', trick: 'a service for D-Bus', members: [file(`${DATA}/data/share/dbus-1/services/x.service`)] },
  { rule: 'data-place', trick: 'an autostart entry', members: [file(`${DATA}/data/share/autostart/x.desktop`)] },
  { rule: 'data-place', trick: 'a MIME type', members: [file(`${DATA}/data/share/mime/packages/curd.xml`)] },
  {
    rule: 'data-place',
    trick: 'a completion for a command of others',
    members: [file(`${DATA}/data/share/bash-completion/completions/sudo`)],
  },
  {
    rule: 'data-place',
    trick: 'a completion for any command',
    members: [file(`${DATA}/data/share/zsh/site-functions/_curd`)],
  },
  {
    rule: 'data-place',
    trick: 'a completion for a command that is left out',
    members: [
      file(`${INFO}/entry_points.txt`, '[console_scripts]\nchardet = curd:main\n'),
      file(`${DATA}/data/share/fish/completions/chardet.fish`),
    ],
  },
  {
    rule: 'data-place',
    trick: 'a completion for an alternative',
    members: [
      file(`${INFO}/entry_points.txt`, '[console_scripts]\nwhich = curd:main\n'),
      file(`${DATA}/data/share/bash-completion/completions/which`),
    ],
  },
  {
    rule: 'data-place',
    trick: 'texts of another domain, with a module of that name',
    members: [file('coreutils.py'), file(`${DATA}/data/share/locale/en/LC_MESSAGES/coreutils.mo`)],
  },
  { rule: 'data-place', trick: 'the manual of sudo', members: [file(`${DATA}/data/share/man/man1/sudo.1`)] },
  {
    rule: 'data-place',
    trick: 'the manual of a subcommand that is a command of the distribution',
    members: [
      file(`${INFO}/entry_points.txt`, '[console_scripts]\nx = curd:main\n'),
      file(`${DATA}/data/share/man/man1/x-www-browser.1`),
    ],
  },
  { rule: 'data-place', trick: "another package's folder", members: [file(`${DATA}/data/share/whey/x`)] },
  {
    rule: 'without-command',
    trick: 'a completion for a script that another rule leaves out',
    members: [
      file(`${DATA}/scripts/curd-x`, '#!/usr/bin/perl\n'),
      file(`${DATA}/data/share/bash-completion/completions/curd-x`),
    ],
  },
  {
    rule: 'without-command',
    trick: 'a manual page for such a script',
    members: [
      file(`${DATA}/scripts/curd-x`, '#!/usr/bin/perl\n'),
      file(`${DATA}/data/share/man/de/man1/curd-x-deep.1`),
    ],
  },
];
