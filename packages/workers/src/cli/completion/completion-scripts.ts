/** What `spillway completion` prints: each asks `spillway complete` at every tab, and takes files where that says nothing. */
import type { Shell } from './shells.ts';

// Bash cuts words at "=" as well, so that it has to be given what comes behind the last one.
const BASH = `_spillway() {
  local line="\${COMP_LINE:0:COMP_POINT}" words found word prefix
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  word="\${words[-1]}"
  prefix=""
  [[ "$word" == *=* ]] && prefix="\${word%=*}="
  mapfile -t found < <("\${words[0]}" complete -- "\${words[@]:1}" 2>/dev/null | cut -f 1)
  COMPREPLY=("\${found[@]#"$prefix"}")
}
complete -o default -F _spillway spillway
`;

const ZSH = `#compdef spillway
_spillway() {
  local -a lines found
  local line
  lines=("\${(@f)$(\${words[1]} complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in $lines; do
    [[ -n "$line" ]] && found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#found} )); then _describe -V 'spillway' found; else _files; fi
}
compdef _spillway spillway
`;

const FISH = `function __spillway_complete
  set -l words (commandline -opc)
  set -l found ($words[1] complete -- $words[2..-1] (commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c spillway -f -a '(__spillway_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}
