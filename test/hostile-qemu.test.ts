import { describeNeighbours } from './support/hostile/neighbours.ts';
import { describeSequences } from './support/hostile/sequences.ts';
import { describeAttacks } from './support/hostile/suite.ts';

// The guest is the attacker, root from its first instruction; docs/hostile-guests.md has the list. What takes long runs with `npm run test:long`.
await describeAttacks('fast', ['qemu'], (field) => {
  describeSequences(field, 'fast');
  describeNeighbours(field, 'fast');
});
