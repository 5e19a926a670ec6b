import { describeAttacks } from './support/hostile/suite.ts';

// The guest is the attacker; docs/hostile-guests.md has the list. Those of virtual machines: hostile-qemu.test.ts.
await describeAttacks('fast', ['fake', 'namespace']);
