import { describeNeighbours } from '../support/hostile/neighbours.ts';
import { describeSequences } from '../support/hostile/sequences.ts';
import { describeAttacks } from '../support/hostile/suite.ts';

// The whole of docs/hostile-guests.md, in the numbers that it promises.
await describeAttacks('long', ['fake', 'namespace', 'qemu'], (field) => {
  describeSequences(field, 'long');
  describeNeighbours(field, 'long');
});
