import { describeSequences } from './support/hostile/sequences.ts';
import { describeAttacks } from './support/hostile/suite.ts';

// The guest is the attacker; docs/hostile-guests.md has the list. What takes long runs with `npm run test:long`.
await describeAttacks('fast', ['fake', 'namespace'], (field) => describeSequences(field, 'fast'));
