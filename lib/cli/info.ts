import { Command } from 'commander';
import { info } from '..';

export function infoCommand(): Command {
  return new Command('info')
    .description('version, instruction sets built, found and in use, threads')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  casc info\n  CASC_ISA=scalar casc info --json')
    .action((flags: { json?: boolean }) => {
      const { version, node, platform, built, found, isa, threads } = info();
      if (flags.json) {
        console.log(JSON.stringify({ version, node, platform, built, found, isa, threads }, null, 2));
        return;
      }
      console.log(`casc-snn ${version}, Node.js ${node}, ${platform}`);
      console.log(`instruction sets  built ${built.join(', ')}; found ${found.join(', ')}; in use ${isa}`);
      console.log(`threads           ${threads}`);
    });
}
