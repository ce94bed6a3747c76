import { Command } from 'commander';
import { info } from '..';

export function infoCommand(): Command {
  return new Command('info')
    .description('version, instruction sets built, found and in use, threads')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  casc info\n  CASC_ISA=scalar casc info --json')
    .action((flags: { json?: boolean }) => {
      const { version, node, platform, built, found, isa, threads, compiler, flags: compiledWith } = info();
      if (flags.json) {
        console.log(
          JSON.stringify(
            { version, node, platform, built, found, isa, threads, compiler, flags: compiledWith },
            null,
            2,
          ),
        );
        return;
      }
      console.log(`casc-snn ${version}, Node.js ${node}, ${platform}`);
      console.log(`instruction sets  built ${built.join(', ')}; found ${found.join(', ')}; in use ${isa}`);
      console.log(`threads           ${threads}`);
      console.log(`compiled by       ${compiler}${compiledWith && ` with ${compiledWith}`}`);
    });
}
