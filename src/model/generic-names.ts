/**
 * Names that many projects ship at the top level by accident (a setup script that found every folder), so that two of
 * them could never be installed together. Lower case, without `.py`.
 */
export const GENERIC_NAMES: ReadonlySet<string> = new Set(
  `benchmark benchmarks bin build conftest demo demos dist doc docs example examples fabfile fixtures lib noxfile
   sample samples script scripts setup src task tasks test testing tests tmp tool tools tutorial tutorials
   unittests versioneer`.split(/\s+/),
);
