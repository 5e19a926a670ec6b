import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DriverName } from '../../../src/model/machine.ts';
import { ARCHIVE_ATTACKS } from './archive-attacks.ts';
import type { Attack } from './attack.ts';
import { type Field, openField } from './field.ts';
import { PROTOCOL_ATTACKS } from './protocol-attacks.ts';
import { RESOURCE_ATTACKS } from './resource-attacks.ts';
import { SERVICE_ATTACKS } from './service-attacks.ts';
import { listenOnHost, worldAttacks } from './world-attacks.ts';

const FORMS = { fake: 'fake', namespace: 'package', qemu: 'guest' } as const satisfies Partial<
  Record<DriverName, keyof Attack>
>;
const PREPARE_MS = 600_000;

/**
 * Every attack of the tables on every driver that has such guests, one test each; `fast`: without those machines that take long.
 * `more` adds tests in the same field.
 */
export async function describeAttacks(
  extent: 'fast' | 'long',
  drivers: readonly (keyof typeof FORMS)[],
  more: (field: () => Field) => void = () => {},
): Promise<void> {
  const host = await listenOnHost();
  afterAll(() => host.close());
  const all = [
    ...PROTOCOL_ATTACKS,
    ...ARCHIVE_ATTACKS,
    ...SERVICE_ATTACKS,
    ...RESOURCE_ATTACKS,
    ...worldAttacks(host.port),
  ];
  for (const name of drivers) {
    const attacks = all.filter(
      (attack) => attack[FORMS[name]] !== undefined && (extent === 'long' || name !== 'qemu' || !attack.long),
    );
    describe(`hostile guests on the ${name} driver`, () => {
      let field: Field;
      beforeAll(async () => {
        field = await openField(name);
      }, PREPARE_MS);
      afterAll(async () => {
        const { hostile, honest } = field.count();
        await field.close();
        expect(host.seen()).toBe(0);
        process.stdout.write(
          `hostile guests, ${name}: ${attacks.length} of ${all.length} attacks, ${hostile} hostile guests, ${honest} honest ones after and beside them\n`,
        );
      }, PREPARE_MS);
      test.each(attacks.map((attack) => [attack.does, attack] as const))('%s', async (_does, attack) => {
        await field.unharmed(() => field.attack(attack));
      });
      if (name === 'qemu') more(() => field);
    });
  }
}
