/** The definitions of `spillway completion`, and of the hidden command that its scripts ask. */
import { Argument, type Command } from 'commander';
import type { Context } from '../context.ts';
import { examples, helpHint } from '../define.ts';
import { SHELLS, type Shell } from './shells.ts';

export function addCompletion(program: Command, context: Context): void {
  program
    .command('completion')
    .summary('print what makes a shell complete commands, options, keys and columns')
    .description('print what makes a shell complete commands, options, keys and columns')
    .showHelpAfterError(helpHint('completion'))
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      examples([
        ['source <(spillway completion bash)', 'for this session; in ~/.bashrc for all'],
        ['source <(spillway completion zsh)', 'the same, in ~/.zshrc behind compinit'],
        ['spillway completion fish > ~/.config/fish/completions/spillway.fish', 'for all sessions of fish'],
      ]),
    )
    .action(async (shell: Shell) =>
      context.results.write((await import('./completion-scripts.ts')).completionScript(shell)),
    );
  program
    .command('complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => (await import('./complete.ts')).complete(program, words, context));
}
